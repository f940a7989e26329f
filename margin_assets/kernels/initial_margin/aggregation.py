"""Compiled sums: factors within a bucket, buckets within a measure, curvature, over all segments.

Every sum runs in the order of its factors within one segment, so that no number of threads
changes a bit.
"""

import math

import numpy as np
from numba import njit

from margin_assets.kernels.initial_margin.crif_terms import (
    DELTA,
    FX,
    RATES,
    VEGA,
)
from margin_assets.kernels.initial_margin.segments import (
    Buckets,
    Correlated,
    Factors,
    Segments,
    Sums,
)
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.threads import over_ranges

MEASURES = 4
"""Margins of a segment: delta, vega, base correlation, curvature."""
CURVATURE = 3
_ALONE = 16
"""Segments that one thread sums as soon as several that must be started."""
_TAIL = 6.634896601021214  # square of the 99.5% quantile of the normal distribution


@inner(**OWNS)
def _spread(values: FloatArray, concentration: FloatArray) -> float:
    """Sum over all pairs of the product of their values, by the smaller over the larger factor.

    Pairs are taken in order of concentration, which makes the sum one pass.
    """
    total = 0.0
    is_even = True
    for k in range(len(values)):
        total += values[k]
        is_even = is_even and concentration[k] == concentration[0]
    if is_even:
        return total * total
    order = np.argsort(concentration, kind="mergesort")
    below = 0.0
    found = 0.0
    for k in order:
        found += values[k] * (values[k] + 2.0 * below / concentration[k])
        below += values[k] * concentration[k]
    return found


@njit(**OWNS)
def _by_name(
    values: FloatArray, concentration: FloatArray, same: Int64Array, rho_same: float, rho: float
) -> float:
    """Square of a bucket's margin, of two correlations: factors of one name, and of two."""
    squares = 0.0
    is_ordered = True
    is_apart = True
    for k in range(len(values)):
        squares += values[k] * values[k]
        if k > 0:
            is_ordered = is_ordered and same[k] >= same[k - 1]
            is_apart = is_apart and same[k] > same[k - 1]
    if len(values) == 1:
        return squares
    together = rho * _spread(values, concentration)
    if is_apart:  # every factor is of a name of its own
        return (1.0 - rho) * squares + together
    if not is_ordered:
        order = np.argsort(same, kind="mergesort")
        values, concentration, same = values[order], concentration[order], same[order]
    names = 0.0
    start = 0
    for k in range(1, len(values) + 1):
        if k == len(values) or same[k] != same[start]:
            names += _spread(values[start:k], concentration[start:k])
            start = k
    return (1.0 - rho_same) * squares + together + (rho_same - rho) * names


@inner(**BORROWS)
def _by_table(
    values: FloatArray, concentration: FloatArray, index: Int64Array, rho: FloatArray
) -> float:
    """Square of a bucket's margin, of a table of correlations: rate factors, currencies."""
    found = 0.0
    for k in range(len(values)):
        row = 0.0
        for j in range(k):
            ratio = concentration[j] / concentration[k]
            if ratio > 1.0:
                ratio = 1.0 / ratio
            row += rho[index[k], index[j]] * ratio * values[j]
        found += values[k] * (values[k] + 2.0 * row)
    return found


@inner(**OWNS)
def _square(
    values: FloatArray, factors: Factors, where: tuple[int, int, int, int, int], rho: Correlated
) -> float:
    """Square of a delta, vega or base correlation bucket's margin; `where`: as `_curved` has it."""
    first, last, risk_class, measure, number = where
    concentration = factors.concentration[first:last]
    same, index = factors.same[first:last], factors.number[first:last]
    if risk_class == RATES:  # one concentration a currency, which basis has no part in
        return _by_table(values, np.ones(last - first), index, rho.rates)
    if risk_class == FX and measure == DELTA:
        return _by_table(values, concentration, index, rho.currencies)
    of_same = rho.same[risk_class, measure, number]
    return _by_name(
        values, concentration, same, of_same, rho.different[risk_class, measure, number]
    )


@inner(**OWNS)
def _curved(
    values: FloatArray, factors: Factors, where: tuple[int, int, int, int, int], rho: Correlated
) -> float:
    """Square of a bucket's margin of curvature, which knows no concentration.

    `where` has the first factor, the one past the last, class, measure and number of the bucket.
    """
    first, last, risk_class, measure, number = where
    even = np.ones(last - first)
    same, index = factors.same[first:last], factors.number[first:last]
    if risk_class == RATES:
        return _by_table(values, even, index, rho.rates_squared)
    of_same = rho.same_squared[risk_class, measure, number]
    return _by_name(values, even, same, of_same, rho.different_squared[risk_class, measure, number])


@inner(**BORROWS)
def _across(
    first: int, last: int, buckets: Buckets, sums: Sums, between: FloatArray
) -> tuple[float, float]:
    """Margin over a measure's numbered buckets, and the sum of its residual bucket's margins.

    Two currencies of interest rates have one number, and as correlation that of its own cell.
    """
    square = 0.0
    residual = 0.0
    for b in range(first, last):
        if buckets.is_residual[b]:
            residual += sums.margin[b]
            continue
        bound = sums.margin[b]
        here = max(min(sums.total[b], bound), -bound)
        row = 0.0
        for c in range(first, b):
            if buckets.is_residual[c]:
                continue
            there = max(min(sums.total[c], sums.margin[c]), -sums.margin[c])
            low = min(sums.concentration[b], sums.concentration[c])
            high = max(sums.concentration[b], sums.concentration[c])
            row += between[buckets.number[b], buckets.number[c]] * low / high * there
        square += bound * bound + 2.0 * here * row
    return math.sqrt(max(square, 0.0)), residual


@inner(**BORROWS)
def _with_tail(total: float, size: float, margin: float) -> float:
    """Margin of curvature of a sum of curvatures, of the sum of their sizes, and of their norm."""
    if size == 0.0:
        return 0.0
    theta = min(total / size, 0.0)
    tail = (_TAIL - 1.0) * (1.0 + theta) - theta
    return max(total + tail * margin, 0.0)


@inner(**OWNS)
def _measure_sums(
    chosen: tuple[int, int, int], factors: Factors, buckets: Buckets, rho: Correlated, sums: Sums
) -> None:
    """Fills in sums of the buckets of one class and measure; `chosen`: first, past last, class."""
    first, last, risk_class = chosen
    for b in range(first, last):
        start, stop = buckets.starts[b], buckets.starts[b + 1]
        values = factors.weighted[start:stop]
        where = (start, stop, risk_class, buckets.measure[b], buckets.number[b])
        total = 0.0
        concentration = 1.0
        for k in range(start, stop):
            total += factors.weighted[k]
            concentration = max(concentration, factors.concentration[k])
        sums.margin[b] = math.sqrt(max(_square(values, factors, where, rho), 0.0))
        sums.total[b] = total
        # Between buckets concentration tells only of currencies' rates, which have one each.
        sums.concentration[b] = concentration if risk_class == RATES else 1.0


@inner(**OWNS)
def _curvature_margin(
    chosen: tuple[int, int, int], factors: Factors, buckets: Buckets, rho: Correlated, sums: Sums
) -> float:
    """Margin of curvature of one class's vega buckets; `chosen`: first, past last, class.

    Source: ISDA SIMM methodology 2.5, paragraph 11: residual apart, with a tail of its own.
    """
    first, last, risk_class = chosen
    total, size, residual = 0.0, 0.0, 0.0
    for b in range(first, last):
        start, stop = buckets.starts[b], buckets.starts[b + 1]
        values = factors.curvature[start:stop]
        where = (start, stop, risk_class, buckets.measure[b], buckets.number[b])
        sums.total[b], sums.size[b], sums.concentration[b] = 0.0, 0.0, 1.0
        for k in range(start, stop):
            sums.total[b] += factors.curvature[k]
            sums.size[b] += abs(factors.curvature[k])
        sums.margin[b] = math.sqrt(max(_curved(values, factors, where, rho), 0.0))
        if buckets.is_residual[b]:
            residual += _with_tail(sums.total[b], sums.size[b], sums.margin[b])
        else:
            total += sums.total[b]
            size += sums.size[b]
    margin, _ = _across(first, last, buckets, sums, rho.between_squared[risk_class])
    return _with_tail(total, size, margin) + residual


@njit(**OWNS, nogil=True)
def _margins(
    rows: tuple[int, int],
    parts: tuple[Factors, Buckets, Segments],
    rho: Correlated,
    sums: Sums,
    margins: FloatArray,
) -> None:
    """Margins of some segments, by measure."""
    for s in range(rows[0], rows[1]):
        _segment(s, parts, rho, sums, margins)


@inner(**OWNS)
def _segment(
    s: int,
    parts: tuple[Factors, Buckets, Segments],
    rho: Correlated,
    sums: Sums,
    margins: FloatArray,
) -> None:
    """Margins of one segment, by measure."""
    factors, buckets, segments = parts
    risk_class = segments.risk_class[s]
    first, end = segments.starts[s], segments.starts[s + 1]
    while first < end:
        measure = buckets.measure[first]
        last = first
        while last < end and buckets.measure[last] == measure:
            last += 1
        chosen = (first, last, risk_class)
        _measure_sums(chosen, factors, buckets, rho, sums)
        # Base correlation has one bucket.
        margin, residual = _across(first, last, buckets, sums, rho.between[risk_class])
        margins[s, measure] = margin + residual
        if measure == VEGA:
            margins[s, CURVATURE] = _curvature_margin(chosen, factors, buckets, rho, sums)
        first = last


def segment_margins(
    factors: Factors, buckets: Buckets, segments: Segments, rho: Correlated
) -> FloatArray:
    """Margin of every segment by measure (delta, vega, base correlation, curvature), US dollars.

    Curvature of interest rates is still to be multiplied by `Parameters.curvature_of_rates`.

    Source: ISDA SIMM methodology 2.5, paragraphs 7 to 13.
    """
    margins = np.zeros((len(segments.risk_class), MEASURES))
    count = len(buckets.number)
    sums = Sums(np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count))

    def walk(first: int, end: int) -> None:
        _margins((first, end), (factors, buckets, segments), rho, sums, margins)

    over_ranges(walk, len(segments.risk_class), _ALONE)
    return margins
