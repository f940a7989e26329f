"""Present values and their sensitivities, all instruments at once, off one grid of factors.

Everything is the derivative of the formula itself: a bump is how the tests find it again.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.threads import over_ranges
from margin_assets.kernels.rates.grid import Walk

_ALONE = 64
"""Instruments that one thread values as soon as several that must be started."""


class Discounts(NamedTuple):
    """The curves on the grid; a row for each curve and day."""

    factors: FloatArray
    years: FloatArray
    """Years from the curve's reference day."""
    directions: FloatArray
    """Minus the derivative of the log discount factor by each rate that may move; rows by rates."""


class Valued(NamedTuple):
    """An instrument a row; amounts in its currency, signed as received."""

    value: FloatArray
    slopes: FloatArray
    """Minus the derivative of the value by each rate: positive loses when it rises."""
    spread_slope: FloatArray
    """Minus the derivative by a spread over the discount curve."""
    curvature: FloatArray
    """Second derivative by a parallel shift of all zero rates."""
    spread_curvature: FloatArray
    """Second derivative by a spread over the discount curve."""


@inner(**BORROWS)
def _add_cash(i: int, terms: Walk, market: Discounts, spread: float, found: Valued) -> None:
    """Adds the known cash of one instrument."""
    years, directions = market.years, market.directions
    for n in range(terms.cash_first[i], terms.cash_first[i + 1]):
        pay = terms.cash_pay[n]
        worth = terms.cash_amount[n] * market.factors[pay]
        if spread != 0.0:
            worth *= np.exp(-spread * years[pay])
        found.value[i] += worth
        found.spread_slope[i] += worth * years[pay]
        found.curvature[i] += worth * years[pay] * years[pay]
        found.spread_curvature[i] += worth * years[pay] * years[pay]
        for k in range(directions.shape[1]):
            found.slopes[i, k] += worth * directions[pay, k]


@inner(**BORROWS)
def _add_ratios(i: int, terms: Walk, market: Discounts, spread: float, found: Valued) -> None:
    """Adds the growth to come of one instrument."""
    years, factors, directions = market.years, market.factors, market.directions
    for n in range(terms.ratio_first[i], terms.ratio_first[i + 1]):
        pay, start, end = terms.ratio_pay[n], terms.ratio_start[n], terms.ratio_end[n]
        worth = terms.ratio_amount[n] * factors[start] / factors[end] * factors[pay]
        if spread != 0.0:
            worth *= np.exp(-spread * years[pay])
        span = years[pay] + years[start] - years[end]
        found.value[i] += worth
        found.spread_slope[i] += worth * years[pay]
        found.curvature[i] += worth * span * span
        found.spread_curvature[i] += worth * years[pay] * years[pay]
        for k in range(directions.shape[1]):
            moved = directions[pay, k] + directions[start, k] - directions[end, k]
            found.slopes[i, k] += worth * moved


def values_in(
    terms: Walk, factors: FloatArray, years: FloatArray, spreads: FloatArray
) -> FloatArray:
    """Values of all instruments in many markets at once; instruments by markets.

    Args:
        terms: what is still to come, pointing to rows of the grid.
        factors: discount factors; rows of the grid by markets.
        years: of each row, from its curve's reference day.
        spreads: of each instrument, over its discount curve; the same in all markets.
    """
    count, markets = terms.cash_first.size - 1, factors.shape[1]
    found = np.zeros((count, markets))

    def walk(first: int, end: int) -> None:
        _values_in((first, end), (terms, factors, years), spreads, found)

    over_ranges(walk, count, _ALONE)
    return found


@njit(**BORROWS, nogil=True)
def _values_in(
    rows: tuple[int, int],
    grid: tuple[Walk, FloatArray, FloatArray],
    spreads: FloatArray,
    found: FloatArray,
) -> None:
    terms, factors, years = grid
    for i in range(rows[0], rows[1]):
        for n in range(terms.cash_first[i], terms.cash_first[i + 1]):
            pay = terms.cash_pay[n]
            amount = terms.cash_amount[n] * np.exp(-spreads[i] * years[pay])
            for m in range(found.shape[1]):
                found[i, m] += amount * factors[pay, m]
        for n in range(terms.ratio_first[i], terms.ratio_first[i + 1]):
            pay, start, end = terms.ratio_pay[n], terms.ratio_start[n], terms.ratio_end[n]
            amount = terms.ratio_amount[n] * np.exp(-spreads[i] * years[pay])
            for m in range(found.shape[1]):
                grown = factors[start, m] / factors[end, m]
                found[i, m] += amount * grown * factors[pay, m]


def present_values(terms: Walk, market: Discounts, spreads: FloatArray) -> Valued:
    """Values and sensitivities of all instruments.

    Instruments are independent and each one's sums are in order: threads cannot change a bit.

    Args:
        terms: what is still to come, pointing to rows of the grid.
        market: the curves on the grid.
        spreads: continuously compounded spread of each instrument over its discount curve.
    """
    count = terms.cash_first.size - 1
    found = Valued(
        np.zeros(count),
        np.zeros((count, market.directions.shape[1])),
        np.zeros(count),
        np.zeros(count),
        np.zeros(count),
    )

    def walk(first: int, end: int) -> None:
        _add((first, end), terms, market, spreads, found)

    over_ranges(walk, count, _ALONE)
    return found


@njit(**BORROWS, nogil=True)
def _add(
    rows: tuple[int, int], terms: Walk, market: Discounts, spreads: FloatArray, found: Valued
) -> None:
    for i in range(rows[0], rows[1]):
        _add_cash(i, terms, market, spreads[i], found)
        _add_ratios(i, terms, market, spreads[i], found)


class OfBooks(NamedTuple):
    """Terms of positions, book by book, pointing to rows of the grid."""

    book: Int64Array
    amount: FloatArray
    """Its discount by the spread included."""
    pay: Int64Array
    start: Int64Array
    end: Int64Array
    """Of cash start and end are the same."""


@njit(**OWNS)
def slopes_by_row(terms: OfBooks, factors: FloatArray, books: int) -> FloatArray:
    """Derivative of the value of each book by the log of each row's factor; books by rows.

    In the order of the terms: threads cannot change a bit.
    """
    found = np.zeros((books, factors.size))
    for n in range(terms.amount.size):
        b, pay, start, end = terms.book[n], terms.pay[n], terms.start[n], terms.end[n]
        worth = terms.amount[n] * factors[start] / factors[end] * factors[pay]
        found[b, pay] += worth
        found[b, start] += worth
        found[b, end] -= worth
    return found
