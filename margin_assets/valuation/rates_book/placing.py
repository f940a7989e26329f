"""A book on the days on which it reads its curves: laid for a day, moved by every tick."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array
from margin_assets.kernels.rates.conventions import day_of, days_of, years_of
from margin_assets.kernels.rates.curves import BASIS_POINT, Curve, key_rate_weights, weights
from margin_assets.kernels.rates.grid import Grid, Walk, walk
from margin_assets.kernels.rates.terms import still_to_come
from margin_assets.kernels.rates.values import (
    Discounts,
    OfBooks,
    Valued,
    present_values,
    slopes_by_row,
    values_in,
)
from margin_assets.valuation.market import RatesMarket
from margin_assets.valuation.node_curves import BuiltCurve
from margin_assets.valuation.rates_book.laying import Held
from margin_assets.valuation.risk import Fixings, Unpriced, past_of


class Placed(NamedTuple):
    """Held instruments on a valuation day's grid."""

    terms: Walk
    grid: Grid
    keys: FloatArray
    """Weights of the key rates; rows of the grid by tenors."""
    years: FloatArray
    rows: tuple[Int64Array, ...]
    """Rows of the grid of each curve."""
    unpriced: tuple[Unpriced, ...]
    """Parts that no curve or fixing lets be valued."""
    reads: BoolArray
    """Parts by curves: which curves a part hangs on."""


class Tick(NamedTuple):
    """The curves on the grid at a tick."""

    logs: FloatArray
    """Minus the log discount factor of each row."""
    nodes: tuple[FloatArray, ...]
    """Weights of each curve's nodes in its rows."""


def placed(
    held: Held,
    market: RatesMarket,
    fixings: Fixings,
    usable: Sequence[BuiltCurve | None],
    day: date,
) -> Placed:
    """What is still to come on a day, where the usable curves let it be valued.

    `usable` are the curves by their number, None for one that may not value.
    """
    on_day = market._replace(valuation=day)
    past = past_of(held.book, on_day, fixings)
    found = still_to_come(held.book.flows, days_of(day), past)
    own = (-1 if part.discount is None else part.discount for part in held.book.parts)
    discounts = np.fromiter(own, np.int64)
    projections = np.full(len(market.indices) + 1, -1, np.int64)
    projections[list(market.projections)] = list(market.projections.values())
    # One column more: of a curve that is not named, which number -1 finds.
    reads = np.zeros((len(held.book.parts), len(usable) + 1), np.bool_)
    for part in (found.cash.instrument, found.ratios.instrument):
        reads[part, discounts[part]] = True
    reads[found.ratios.instrument, projections[found.ratios.index_number]] = True
    names = {index.number: name for name, index in market.indices.items()}
    unpriced = [
        Unpriced(one.instrument, f"no_fixing:{names[one.index_number]}:{day_of(one.day)}")
        for one in found.missing
    ]
    curves = [one.name for one in market.curves]
    for number, one in enumerate([*usable, None]):
        if one is None:
            reason = f"no_curve:{curves[number]}" if number < len(curves) else "no_curve"
            unpriced += [Unpriced(int(p), reason) for p in np.flatnonzero(reads[:, number])]
    terms, grid = walk(
        found.without({one.part for one in unpriced}), np.maximum(discounts, 0), market.projections
    )
    return _on_grid(terms, grid, usable, (tuple(unpriced), reads[:, :-1]))


def _on_grid(
    terms: Walk,
    grid: Grid,
    usable: Sequence[BuiltCurve | None],
    beside: tuple[tuple[Unpriced, ...], BoolArray],
) -> Placed:
    years = np.zeros(grid.day.size)
    rows = []
    for number, one in enumerate(usable):
        own = np.flatnonzero(grid.curve == number).astype(np.int64)
        if one is not None:
            years[own] = one.years(grid.day[own])
        rows.append(own)
    return Placed(terms, grid, np.zeros((0, 0)), years, tuple(rows), *beside)


def with_keys(placed: Placed, tenors: Sequence[str]) -> Placed:
    """With the weights of the key rates."""
    at = np.array(sorted(map(years_of, tenors)))
    return placed._replace(keys=key_rate_weights(at, placed.years))


def ticked(placed: Placed, usable: Sequence[BuiltCurve | None], before: Tick | None = None) -> Tick:
    """The curves read on the grid; weights of `before` stay where they do not hang on rates."""
    logs = np.zeros(placed.years.size)
    nodes = []
    for number, (rows, one) in enumerate(zip(placed.rows, usable, strict=True)):
        if one is None or not rows.size:
            nodes.append(np.zeros((rows.size, 0)))
            continue
        own = None if before is None else before.nodes[number]
        if own is None or not one.curve.is_linear or own.shape[1] != one.curve.times.size:
            own = weights(one.curve, placed.years[rows])
        logs[rows] = own @ one.curve.zero_rates
        nodes.append(own)
    return Tick(logs, tuple(nodes))


def valued(placed: Placed, tick: Tick, spreads: FloatArray) -> Valued:
    """Values of all parts; slopes by key rates, per unit of rate."""
    keys = np.ascontiguousarray(placed.keys)
    market = Discounts(np.exp(-tick.logs), placed.years, keys)
    found: Valued = present_values(placed.terms, market, spreads)
    return found


Move = tuple[FloatArray, FloatArray]
"""Years, and the shift of the zero rate there; linear between them, flat outside."""


def shift_of(placed: Placed, shifts_bp: Mapping[str, float]) -> FloatArray:
    """Shift of the zero rate in each row of the grid where all curves move alike."""
    pairs = sorted((years_of(tenor), shift) for tenor, shift in shifts_bp.items())
    at, shifts = zip(*pairs, strict=True)
    return np.asarray(np.interp(placed.years, at, shifts) * BASIS_POINT)


def shift_by_curve(placed: Placed, moves: Mapping[int, Move]) -> FloatArray:
    """Shift in each row where curves, by their number, move each on its own."""
    found = np.zeros(placed.years.size)
    for number, (years, shifts) in moves.items():
        rows = placed.rows[number]
        found[rows] = np.interp(placed.years[rows], years, shifts)
    return found


def gains_of(
    placed: Placed, tick: Tick, spreads: FloatArray, shifts: Sequence[FloatArray]
) -> FloatArray:
    """What all parts gain if the zero rate of each row of the grid moves, valued in full.

    Parts by moves. As they stand they are valued with the others, so that no move is no gain.
    """
    stand = np.zeros((placed.years.size, 1))
    moves = np.column_stack([stand, *shifts])
    factors = np.exp(-(tick.logs[:, None] + placed.years[:, None] * moves))
    found = values_in(placed.terms, factors, placed.years, spreads)
    return np.asarray(found[:, 1:] - found[:, :1])


class Slots(NamedTuple):
    """Where the terms of positions meet the grid, book by book: laid once for what is held."""

    terms: OfBooks
    books: int
    reads: tuple[Int64Array, ...]
    """Books that hang on each curve."""


def slots_of(placed: Placed, spreads: FloatArray, held: FloatArray) -> Slots:
    """The terms of all books.

    Args:
        placed: instruments on their grid.
        spreads: of each part.
        held: how much each book holds of each part; books by parts.
    """
    terms = placed.terms
    book, part = np.nonzero(held)
    cash, of_cash = _terms_of(terms.cash_first, part)
    ratio, of_ratio = _terms_of(terms.ratio_first, part)
    whose = np.concatenate([of_cash, of_ratio])
    pay = np.concatenate([terms.cash_pay[cash], terms.ratio_pay[ratio]])
    # Cash grows from a day to itself.
    start = np.concatenate([terms.cash_pay[cash], terms.ratio_start[ratio]])
    end = np.concatenate([terms.cash_pay[cash], terms.ratio_end[ratio]])
    amount = np.concatenate([terms.cash_amount[cash], terms.ratio_amount[ratio]])
    amount = amount * np.exp(-spreads[part[whose]] * placed.years[pay])
    amount = amount * held[book, part][whose]
    reads = [np.unique(book[placed.reads[part, n]]) for n in range(placed.reads.shape[1])]
    return Slots(OfBooks(book[whose], amount, pay, start, end), len(held), tuple(reads))


def _terms_of(first: Int64Array, part: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Places of the terms of those parts, and which of the parts each is of."""
    counts = first[part + 1] - first[part]
    whose = np.repeat(np.arange(part.size), counts)
    ahead = np.cumsum(counts) - counts
    place: Int64Array = np.arange(whose.size) - ahead[whose] + first[part][whose]
    return place, whose


def node_slopes(placed: Placed, tick: Tick, slots: Slots) -> list[FloatArray]:
    """DV01 of books by node of each curve: books by nodes, a curve each."""
    by_row = slopes_by_row(slots.terms, np.exp(-tick.logs), slots.books)
    found = []
    for rows, nodes, books in zip(placed.rows, tick.nodes, slots.reads, strict=True):
        slopes = np.zeros((slots.books, nodes.shape[1]))
        if rows.size:
            # The grid is in order of curves: a curve's rows are a slice of it.
            slopes[books] = by_row[books, rows[0] : rows[-1] + 1] @ nodes * BASIS_POINT
        found.append(slopes)
    return found


def same_places(one: Sequence[BuiltCurve | None], other: Sequence[BuiltCurve | None]) -> bool:
    """Whether the same curves are usable, on the same reference days."""
    return all(
        (a is None) == (b is None) and (a is None or b is None or _same(a, b))
        for a, b in zip(one, other, strict=True)
    )


def _same(one: BuiltCurve, other: BuiltCurve) -> bool:
    ours: Curve = one.curve
    return (
        one.reference == other.reference
        and one.day_count == other.day_count
        and np.array_equal(ours.times, other.curve.times)
    )
