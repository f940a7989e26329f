"""Values and sensitivities of a book in a market: grid, directions and loop put together."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.rates.conventions import day_of, days_of, years_of
from margin_assets.kernels.rates.curves import BASIS_POINT, key_rate_weights, weights
from margin_assets.kernels.rates.fixings import OvernightPast, TermPast, overnight_past, term_past
from margin_assets.kernels.rates.grid import Grid, Walk, walk
from margin_assets.kernels.rates.legs import TermIndex
from margin_assets.kernels.rates.terms import Open, Past, first_overnight_day, still_to_come
from margin_assets.kernels.rates.values import Discounts, Valued, present_values
from margin_assets.valuation.book import Book
from margin_assets.valuation.curve_terms import Scenario
from margin_assets.valuation.market import RatesMarket

Fixings = Mapping[str, Mapping[date, float]]


class Positioned(NamedTuple):
    """A book's terms on a market's grid."""

    found: Open
    terms: Walk
    grid: Grid
    years: FloatArray
    """Of each row of the grid, in its curve's own count."""
    logs: FloatArray
    """Minus the log discount factor of each row."""
    nodes: FloatArray
    """Weights of all curves' nodes in that; rows by nodes, curve after curve."""
    keys: FloatArray
    """Weights of the key rates; rows by key rates."""


class Unpriced(NamedTuple):
    """Why a part has no value."""

    part: int
    reason: str


def open_terms(book: Book, market: RatesMarket, past: Past) -> tuple[Open, list[Unpriced]]:
    """What is still to come, without parts that lack a fixing or a curve."""
    found = still_to_come(book.flows, days_of(market.valuation), past)
    names = {index.number: name for name, index in market.indices.items()}
    out = [
        Unpriced(
            one.instrument,
            f"fixing of {names[one.index_number]} on {day_of(one.day)} is missing",
        )
        for one in found.missing
    ]
    gone = {one.part for one in out}
    for index in np.unique(found.ratios.index_number).tolist():
        if index in market.projections:
            continue
        parts = set(found.ratios.instrument[found.ratios.index_number == index].tolist()) - gone
        reason = f"index {names[index]} has no curve: name it in indices.{names[index]}.curve"
        out += [Unpriced(part, reason) for part in sorted(parts)]
        gone |= parts
    bare = {i for i, part in enumerate(book.parts) if part.discount is None} - gone
    out += [Unpriced(i, NO_CURVE) for i in sorted(bare)]
    return found.without(gone | bare), out


NO_CURVE = "no discount curve: name it in discounting or discount_curve"


def past_of(book: Book, market: RatesMarket, fixings: Fixings) -> Past:
    """What the market's indices have fixed at, as far back as the book looks."""
    valuation = days_of(market.valuation)
    term: dict[int, TermPast] = {}
    overnight: dict[int, OvernightPast] = {}
    calendars: dict[int, Any] = {}
    for name, index in market.indices.items():
        known = fixings.get(name, {})
        if isinstance(index, TermIndex):
            term[index.number] = term_past(known)
            continue
        first = first_overnight_day(book.flows, index.number, valuation)
        span = (first, valuation)
        overnight[index.number] = overnight_past(known, index.day_count, index.calendar, span)
        calendars[index.number] = index.calendar
    return Past(term, overnight, calendars)


def positioned(found: Open, book: Book, market: RatesMarket, tenors: Sequence[str]) -> Positioned:
    """The terms on the days on which they read the curves."""
    discounts = np.array([part.discount or 0 for part in book.parts], np.int64)
    terms, grid = walk(found, discounts, market.projections)
    count = sum(one.curve.times.size for one in market.curves)
    years, logs = np.zeros(grid.day.size), np.zeros(grid.day.size)
    nodes = np.zeros((grid.day.size, count))
    first = 0
    for number, one in enumerate(market.curves):
        rows = grid.curve == number
        last = first + one.curve.times.size
        years[rows] = one.years(grid.day[rows])
        nodes[rows, first:last] = weights(one.curve, years[rows])
        logs[rows] = nodes[rows, first:last] @ one.curve.zero_rates
        first = last
    keys = key_rate_weights(np.array(sorted(map(years_of, tenors))), years)
    return Positioned(found, terms, grid, years, logs, nodes, keys)


def valued(placed: Positioned, spreads: FloatArray) -> Valued:
    """Values of all parts; slopes by key rates, then by nodes."""
    directions = np.ascontiguousarray(np.hstack([placed.keys, placed.nodes]))
    market = Discounts(np.exp(-placed.logs), placed.years, directions)
    found: Valued = present_values(placed.terms, market, spreads)
    return found


def scenario_values(
    placed: Positioned, market: RatesMarket, spreads: FloatArray, scenario: Scenario
) -> FloatArray:
    """Values of all parts with the zero rates moved."""
    moved = placed.logs + placed.years * _shifts(placed, market, scenario)
    nothing = np.zeros((placed.years.size, 0))
    shifted = Discounts(np.exp(-moved), placed.years, nothing)
    found: Valued = present_values(placed.terms, shifted, spreads)
    return found.value


def _shifts(placed: Positioned, market: RatesMarket, scenario: Scenario) -> FloatArray:
    pairs = sorted((years_of(tenor), shift) for tenor, shift in scenario.shifts_bp.items())
    at, shifts = zip(*pairs, strict=True)
    found = np.interp(placed.years, at, shifts) * BASIS_POINT
    if scenario.curves is not None:
        names = np.array([one.name in scenario.curves for one in market.curves])
        found = np.where(names[placed.grid.curve], found, 0.0)
    return np.asarray(found)


def part_rows(placed: Positioned, part: int) -> tuple[Int64Array, FloatArray]:
    """Grid rows on which a part is paid and what each payment is worth without a spread."""
    terms, factors = placed.terms, np.exp(-placed.logs)
    cash = slice(terms.cash_first[part], terms.cash_first[part + 1])
    ratio = slice(terms.ratio_first[part], terms.ratio_first[part + 1])
    growth = factors[terms.ratio_start[ratio]] / factors[terms.ratio_end[ratio]]
    rows = np.concatenate([terms.cash_pay[cash], terms.ratio_pay[ratio]])
    amounts = np.concatenate([terms.cash_amount[cash], terms.ratio_amount[ratio] * growth])
    return rows, amounts * factors[rows]
