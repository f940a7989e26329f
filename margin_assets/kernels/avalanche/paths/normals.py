"""Standard normal numbers for sixteen paths at once: Box-Muller over Philox, in vectors.

Logarithm, sine and cosine are polynomials of FreeBSD's msun (fdlibm, Sun Microsystems 1993), so
that the compiler can run a block's paths side by side and every machine gives the same bits.
"""

import numpy as np
from numba import njit

from margin_assets.kernels.avalanche.paths.philox import SHOCK, philox
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.bits import as_bits, as_float
from margin_assets.kernels.numeric.compiled import BORROWS, inner

LANES = 16
"""Paths in a block."""

_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_TWO52 = np.uint64(0x4330000000000000)
_MANTISSA, _ONE = np.uint64(0x000FFFFFFFFFFFFF), np.uint64(0x3FF0000000000000)
_LN2 = 0.6931471805599453
_QUARTER = 1.5707963267948966


@inner(**BORROWS, inline="always")
def _whole(word: np.uint64) -> float:
    """A word of 32 bits as a float, without a conversion that older machines run one by one."""
    return as_float(word | _TWO52) - 4503599627370496.0


@inner(**BORROWS, inline="always")
def _minus_log(x: float) -> float:
    """Of a number above zero: minus its natural logarithm."""
    bits = as_bits(x)
    exponent = _whole(bits >> np.uint64(52)) - 1023.0
    m = as_float((bits & _MANTISSA) | _ONE)
    is_high = m > 1.4142135623730951
    m = m * 0.5 if is_high else m
    exponent = exponent + 1.0 if is_high else exponent
    f = m - 1.0
    s = f / (2.0 + f)
    z = s * s
    r = 1.531383769920937332e-01 + z * 1.479819860511658591e-01
    r = 1.818357216161805012e-01 + z * r
    r = 2.222219843214978396e-01 + z * r
    r = 2.857142874366239149e-01 + z * r
    r = 3.999999999940941908e-01 + z * r
    r = 6.666666666666735130e-01 + z * r
    return -(exponent * _LN2 + 2.0 * s + s * z * r)


@inner(**BORROWS, inline="always")
def _sine(x: float) -> float:
    z = x * x
    r = -2.50507602534068634195e-08 + z * 1.58969099521155010221e-10
    r = 2.75573137070700676789e-06 + z * r
    r = -1.98412698298579493134e-04 + z * r
    r = 8.33333333332248946124e-03 + z * r
    return x + x * z * (-1.66666666666666324348e-01 + z * r)


@inner(**BORROWS, inline="always")
def _cosine(x: float) -> float:
    z = x * x
    r = 2.08757232129817482790e-09 + z * -1.13596475577881948265e-11
    r = -2.75573143513906633035e-07 + z * r
    r = 2.48015872894767294178e-05 + z * r
    r = -1.38888888888741095749e-03 + z * r
    return 1.0 - 0.5 * z + z * z * (4.16666666666666019037e-02 + z * r)


@inner(**BORROWS, inline="always")
def pair(first: np.uint64, second: np.uint64) -> tuple[float, float]:
    """Two independent normals from two words of 32 bits."""
    r = np.sqrt(2.0 * _minus_log((_whole(first) + 0.5) * 2.3283064365386963e-10))
    turn = second >> np.uint64(30)
    # Within the quarter turn, about its middle: the polynomials hold to an eighth either way.
    x = (_whole(second & np.uint64(0x3FFFFFFF)) + 0.5) * 9.313225746154785e-10 - 0.5
    s, c = _sine(x * _QUARTER), _cosine(x * _QUARTER)
    is_odd = (turn & np.uint64(1)) != np.uint64(0)
    across, along = (c, -s) if is_odd else (s, c)
    sign = -1.0 if turn >= np.uint64(2) else 1.0
    return sign * r * along, sign * r * across


@njit(**BORROWS)
def normals(into: FloatArray, paths: Int64Array, seed: int, step: int) -> None:
    """Fills (rows, 16) with independent normals of the stream SHOCK.

    Rows 4 i to 4 i + 3 come from index i, so that more rows leave the earlier ones as they are.
    """
    word = np.uint64(seed)
    k0, k1 = word & _LOW, word >> _HALF
    rows = into.shape[0]
    for i in range((rows + 3) // 4):
        first = 4 * i
        for p in range(LANES):
            counter = (np.uint64(i), np.uint64(step), np.uint64(paths[p]), np.uint64(SHOCK))
            a, b, c, d = philox(counter, (k0, k1))
            into[first, p], into[first + 1, p] = pair(a, b)
            into[first + 2, p], into[first + 3, p] = pair(c, d)
