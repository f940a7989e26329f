"""The days on which curves are read, shared by all instruments, and terms that point to them."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int32Array, Int64Array
from margin_assets.kernels.rates.terms import Open

_CURVE_BITS = 32


class Grid(NamedTuple):
    """The days on which curves are read: a row for each curve and day."""

    curve: Int64Array
    day: Int64Array


class Walk(NamedTuple):
    """Terms in order of instruments, each pointing to rows of the grid: what the loop reads."""

    cash_first: Int64Array
    """First row of each instrument's cash, and the end of the last one's."""
    cash_amount: FloatArray
    cash_pay: Int64Array
    ratio_first: Int64Array
    ratio_amount: FloatArray
    ratio_pay: Int64Array
    ratio_start: Int64Array
    ratio_end: Int64Array


def walk(found: Open, discounts: Int64Array, projections: Mapping[int, int]) -> tuple[Walk, Grid]:
    """Terms and the grid that they share.

    Args:
        found: what is still to come.
        discounts: number of the discount curve of each instrument.
        projections: number of the projection curve by index.
    """
    cash, ratios = found.cash, found.ratios
    of = np.zeros(max(projections, default=-1) + 1, np.int64)
    for index, curve in projections.items():
        of[index] = curve
    own = of[ratios.index_number]
    keys = np.concatenate(
        [
            _key(discounts[cash.instrument], cash.pay_day),
            _key(discounts[ratios.instrument], ratios.pay_day),
            _key(own, ratios.first_day),
            _key(own, ratios.last_day),
        ]
    )
    unique, rows = np.unique(keys, return_inverse=True)
    cuts = np.cumsum([cash.amount.size, ratios.amount.size, ratios.amount.size])
    cash_pay, pay, start, end = np.split(rows.astype(np.int64), cuts)
    terms = Walk(
        _firsts(cash.instrument, discounts.size),
        cash.amount,
        cash_pay,
        _firsts(ratios.instrument, discounts.size),
        ratios.amount,
        pay,
        start,
        end,
    )
    return terms, Grid(unique >> _CURVE_BITS, unique & ((1 << _CURVE_BITS) - 1))


def _key(curve: Int64Array, day: Int64Array) -> Int64Array:
    return (curve.astype(np.int64) << _CURVE_BITS) + day


def _firsts(instrument: Int32Array, count: int) -> Int64Array:
    return np.searchsorted(instrument, np.arange(count + 1)).astype(np.int64)
