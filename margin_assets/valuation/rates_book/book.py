"""The rates book from tick to tick: what landed goes in, its tables as of an instant come out."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.rates.conventions import years_of
from margin_assets.kernels.rates.rates_rules import RatesRules, rates_rules
from margin_assets.kernels.rules.grid import day_of, new_york_day
from margin_assets.valuation.node_curves import BuiltCurve
from margin_assets.valuation.rates_book.curves import NO_QUOTES, UNUSABLE, CurveBook, StandingCurve
from margin_assets.valuation.rates_book.figures import (
    MATURED,
    STALE_VALUE,
    VALUED,
    Rows,
    Told,
    positions_of,
    rows_of,
    told_of,
    units_of,
)
from margin_assets.valuation.rates_book.laying import Held, Layer
from margin_assets.valuation.rates_book.measures import Measures
from margin_assets.valuation.rates_book.placing import (
    Move,
    Placed,
    Slots,
    Tick,
    gains_of,
    node_slopes,
    placed,
    same_places,
    shift_by_curve,
    shift_of,
    slots_of,
    ticked,
    valued,
    with_keys,
)
from margin_assets.valuation.rates_book.quoted import Spreads
from margin_assets.valuation.rates_book.standing import Landed
from margin_assets.valuation.rates_book.tables import (
    BOOK,
    Books,
    books_of,
    curve_rows,
    desk_risk,
    desk_sensitivities,
    rates_scenarios,
    rates_sensitivities,
    rates_values,
)
from schemas import TABLES

RATES_FEEDS = ("bonds", "swaps", "fixings", "fx_rates", "curve_quotes", "rates_positions")
Usable = tuple[BuiltCurve | None, ...]


class Results(NamedTuple):
    """What the book comes to at an instant."""

    frames: dict[str, pl.DataFrame]
    measures: Measures


class _Day(NamedTuple):
    """The instruments held, on the grid of a day and of curves."""

    version: tuple[int, int]
    """Of what is held, and of the fixings."""
    day: date
    usable: Usable
    held: Held
    placed: Placed
    accrued: FloatArray
    """Of a unit of each instrument."""


class _Shown(NamedTuple):
    """Positions described and grouped, and what that hangs on."""

    key: tuple[object, ...]
    placed: Placed
    told: Told
    rows: Rows
    books: Books
    slots: Slots


class RatesBook:
    """All that landed of the rates book, and the work that lasts from tick to tick."""

    def __init__(self, *, tells_all_curves: bool = False) -> None:
        """With `tells_all_curves` each result has the rows of all curves, not of moved ones."""
        self._tells_all = tells_all_curves
        self._landed = Landed()
        self._curves = CurveBook()
        self._spreads = Spreads()
        self._layer: Layer | None = None
        self._at: _Day | None = None
        self._tick: Tick | None = None
        self._shown: _Shown | None = None
        self._told: dict[str, tuple[object, ...]] = {}
        """What was last written of each curve."""

    def take(self, events: Mapping[str, pl.DataFrame]) -> None:
        """Takes rows by feed, each feed's in order of time and landing."""
        if "curve_quotes" in events:
            self._curves.take(events["curve_quotes"])
        self._landed.take(events)

    def load(self, curves: pl.DataFrame, values: pl.DataFrame, at: int) -> None:
        """Takes the rows of `curves` and `rates_values` as of an instant; after the landed rows."""
        self._spreads.load(values, self._landed.since)
        if (rules := rates_rules(day_of(at))) is not None:
            self._curves.follow(rules)
            self._told = self._curves.load(curves)

    def results(self, at: int) -> Results | None:
        """Its tables as of an instant (microseconds); None before there were any rules.

        Of `curves` only those have rows that are others than before.
        """
        rules = rates_rules(day_of(at))
        if rules is None:
            return None
        day = new_york_day(at)
        self._curves.follow(rules)
        standings = self._curves.stand(at, day)
        held = self._placed(rules, standings, day)
        since = at - rules.fx_unusable_after
        fx = {
            currency: self._landed.fx_rate(currency, rules.reporting, since)
            for currency in self._landed.currencies()
        }
        figures = self._figures(rules, standings, held, self._rows(standings, held, fx))
        frames = {"curves": self._moved_curves(standings)} | figures.frames
        stamped = {name: rows.with_columns(as_of=instant(at)) for name, rows in frames.items()}
        return Results({n: f for n, f in stamped.items() if n != "curves" or f.height}, figures[1])

    def gains(
        self, at: int, moves: Mapping[date, Mapping[str, Move]]
    ) -> tuple[tuple[date, ...], pl.DataFrame, FloatArray]:
        """What books gain if curves move as they did on past days, valued in full.

        A day on which a curve that the book reads has no move is left out.

        Returns:
            The days; the books; gains in the reporting currency, books by days. What is unpriced,
            or has no exchange rate, gains nothing: the books say how many such are `left_out`.
        """
        rules = rates_rules(day_of(at))
        if rules is None or self.results(at) is None or self._at is None or self._shown is None:
            return (), pl.DataFrame(schema=dict.fromkeys(BOOK, pl.String)), np.zeros((0, 0))
        now, shown, tick = self._at, self._shown, self._tick
        assert tick is not None  # noqa: S101 (made with the grid)
        numbers = {one.name: number for number, one in enumerate(rules.curves)}
        read = {name for name, number in numbers.items() if now.placed.rows[number].size}
        days = tuple(day for day in sorted(moves) if read <= moves[day].keys())
        # A swap of which one leg has no value has another that would gain alone.
        held = np.where(_is_valued(shown.rows), shown.rows.rows["quantity"].to_numpy(), 0.0)
        quantity = held * np.nan_to_num(shown.rows.fx)
        found = np.zeros((shown.books.rows.height, len(days)))
        for column, day in enumerate(days):
            by_number = {numbers[name]: moves[day][name] for name in read}
            shift = shift_by_curve(now.placed, by_number)
            gained = gains_of(now.placed, tick, now.held.spreads, [shift])
            units = np.append(_by_instrument(now.held, gained[:, 0]), 0.0)
            np.add.at(found[:, column], shown.books.of, units[shown.rows.place] * quantity)
        lost = ~_is_matured(shown.rows) & (quantity == 0.0)
        left_out = np.bincount(shown.books.of, lost, shown.books.rows.height).astype(np.int64)
        return days, shown.books.rows.with_columns(left_out=left_out), found

    def _moved_curves(self, standings: Sequence[StandingCurve]) -> pl.DataFrame:
        moved = [
            one
            for one in standings
            if one.problem != NO_QUOTES
            and (self._tells_all or self._told.get(one.rules.name) != one.said)
        ]
        self._told |= {one.rules.name: one.said for one in moved}
        empty = TABLES["curves"].schema.create_empty().drop("cycle", "as_of")
        return pl.concat([empty, *(curve_rows(one).select(empty.columns) for one in moved)])

    def _placed(self, rules: RatesRules, standings: Sequence[StandingCurve], day: date) -> _Day:
        """The held instruments on the grid: made anew only where something of it is another."""
        usable = tuple(_usable(one) for one in standings)
        landed, was = self._landed, self._at
        if self._layer is None or self._layer.rules != rules:
            self._layer, was = Layer(rules, day), None
        version = (landed.version, landed.fixed)
        is_same = was is not None and (was.version, was.day) == (version, day)
        if was is not None and is_same and same_places(was.usable, usable):
            self._tick = ticked(was.placed, usable, self._tick)
            self._at = was._replace(usable=usable)
            return self._at
        is_held = was is not None and was.version[0] == landed.version
        held = was.held if was is not None and is_held else self._held()
        on_grid = placed(held, self._layer.market, landed.fixings, usable, day)
        on_grid = with_keys(on_grid, rules.key_rates)
        held, lost = self._spreads.over(held, (landed.terms, landed.since), (usable, day))
        on_grid = on_grid._replace(unpriced=on_grid.unpriced + lost)
        self._tick = ticked(on_grid, usable)
        is_accrued = was is not None and is_held and was.day == day
        accrued = was.accrued if was is not None and is_accrued else held.accrued(day)
        self._at = _Day(version, day, usable, held, on_grid, accrued)
        return self._at

    def _held(self) -> Held:
        assert self._layer is not None  # noqa: S101 (made before)
        names = self._landed.positions()["instrument_id"].unique().sort()
        known = self._landed.terms
        return self._layer.held(known, [name for name in names.to_list() if name in known])

    def _rows(
        self, standings: Sequence[StandingCurve], now: _Day, fx: Mapping[str, float]
    ) -> _Shown:
        """The positions described and grouped: anew only where something said is another."""
        # As text: a rate that is not known is no number, which is unlike itself.
        key = (now.version, now.day, tuple(one.status for one in standings), repr(fx))
        if self._shown is None or self._shown.key != key or self._shown.placed is not now.placed:
            known = self._landed.terms
            told = told_of(now, known, standings)
            rows = rows_of(self._landed.positions(), (now, told), known, fx)
            books = books_of(rows.rows)
            slots = slots_of(now.placed, now.held.spreads, _held_by(books, rows, now.held))
            self._shown = _Shown(key, now.placed, told, rows, books, slots)
        return self._shown

    def _figures(
        self, rules: RatesRules, standings: Sequence[StandingCurve], now: _Day, shown: _Shown
    ) -> Results:
        assert self._tick is not None  # noqa: S101 (made with the grid)
        tick, books = self._tick, shown.books
        found = valued(now.placed, tick, now.held.spreads)
        units = units_of(now, found, shown.told)
        positions = positions_of(shown.rows, units)
        shifts = [shift_of(now.placed, shifts) for shifts in rules.scenarios.values()]
        gained = gains_of(now.placed, tick, now.held.spreads, shifts)
        gains = {
            name: _by_instrument(now.held, gained[:, place])
            for place, name in enumerate(rules.scenarios)
        }
        slopes = node_slopes(now.placed, tick, shown.slots)
        tenors = sorted(rules.key_rates, key=years_of)
        by_key = np.zeros((books.rows.height, len(tenors)))
        np.add.at(by_key, books.of, np.nan_to_num(positions.keys))
        nodes = zip(standings, slopes, strict=True)
        frames = {
            "rates_values": rates_values(positions),
            "rates_sensitivities": rates_sensitivities(positions, tenors),
            "desk_risk": desk_risk(positions, books),
            "desk_sensitivities": desk_sensitivities(books, (tenors, by_key), nodes),
            "rates_scenarios": rates_scenarios(positions, books, gains),
        }
        return Results(frames, Measures(positions))


def _usable(standing: StandingCurve) -> BuiltCurve | None:
    if standing.nodes is None or standing.status == UNUSABLE:
        return None
    return standing.nodes.built


def _by_instrument(held: Held, parts: FloatArray) -> FloatArray:
    found: FloatArray = np.bincount(held.owner, parts, len(held.names)).astype(np.float64)
    return found


def _held_by(books: Books, positions: Rows, held: Held) -> FloatArray:
    """How much each book holds of each part of what is valued; books by parts."""
    found = np.zeros((books.rows.height, len(held.names)))
    is_valued = _is_valued(positions)
    place, book = positions.place[is_valued], books.of[is_valued]
    np.add.at(found, (book, place), positions.rows["quantity"].to_numpy()[is_valued])
    return found[:, held.owner]


def _is_valued(positions: Rows) -> BoolArray:
    return positions.rows["status"].is_in([VALUED, STALE_VALUE]).to_numpy()


def _is_matured(positions: Rows) -> BoolArray:
    return (positions.rows["status"] == MATURED).to_numpy()
