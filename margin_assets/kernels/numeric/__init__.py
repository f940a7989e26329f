"""Exact money, arrays and the normal distribution: arithmetic that knows nothing of margin.

Here belongs what any formula may need, in loops or whole columns. It reads no rulebook.

Others use:
    arrays: BoolArray, FloatArray, Int32Array, Int64Array, Int64Cube, Int64Table, Int8Array
    bits: as_bits, as_float
    compiled: BORROWS, OWNS, inner
    held: Held, canonical, hold
    money: BEYOND, CENTS, MAX_POSITION, MAX_TOTAL, MICRO, PPM, RELATIVE_TIE, TIE, bounded,
        floor_line, in_proportion, instant, instants, model_line, rate_line, share_order,
        signed_value, to_decimal, to_instants, to_scaled, units, units_of, value_cents, whole
    normal: exponential, logarithm, normal_cdf, normal_density
    proportions: chi_squared_tail, kupiec_ratio, log_likelihood
    quadrature: chebyshev, quarter_circle, shares
    threads: ALONE, allowed, at_most, keep_to, over_ranges
"""
