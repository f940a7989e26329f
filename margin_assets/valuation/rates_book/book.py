"""The rates book from tick to tick: what landed goes in, its tables as of an instant come out."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.rates.conventions import years_of
from margin_assets.kernels.rates.rates_rules import RatesRules, rates_rules
from margin_assets.kernels.rules.grid import day_of, new_york_day
from margin_assets.valuation.node_curves import BuiltCurve
from margin_assets.valuation.rates_book.curves import NO_QUOTES, UNUSABLE, CurveBook, Standing
from margin_assets.valuation.rates_book.figures import Positions, positions_of, units_of
from margin_assets.valuation.rates_book.laying import Held, Layer
from margin_assets.valuation.rates_book.measures import Measures, measures_of
from margin_assets.valuation.rates_book.placing import (
    Placed,
    Tick,
    node_slopes,
    placed,
    same_places,
    shifted_values,
    ticked,
    valued,
    with_keys,
)
from margin_assets.valuation.rates_book.standing import Landed
from margin_assets.valuation.rates_book.tables import (
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


class RatesBook:
    """All that landed of the rates book, and the work that lasts from tick to tick."""

    def __init__(self, *, tells_all_curves: bool = False) -> None:
        """With `tells_all_curves` each result has the rows of all curves, not of moved ones."""
        self._tells_all = tells_all_curves
        self._landed = Landed()
        self._curves = CurveBook()
        self._layer: Layer | None = None
        self._at: _Day | None = None
        self._tick: Tick | None = None
        self._told: dict[str, tuple[object, ...]] = {}
        """What was last written of each curve."""

    def take(self, events: Mapping[str, pl.DataFrame]) -> None:
        """Takes rows by feed, each feed's in order of time and landing."""
        if "curve_quotes" in events:
            self._curves.take(events["curve_quotes"])
        self._landed.take(events)

    def load(self, curves: pl.DataFrame, at: int) -> None:
        """Takes all rows of `curves` up to an instant; after the landed rows."""
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
            for currency in {terms.currency for terms in self._landed.terms.values()}
        }
        figures = self._figures(rules, standings, held, fx)
        frames = {"curves": self._moved_curves(standings)} | figures.frames
        stamped = {name: rows.with_columns(as_of=instant(at)) for name, rows in frames.items()}
        return Results({n: f for n, f in stamped.items() if n != "curves" or f.height}, figures[1])

    def _moved_curves(self, standings: Sequence[Standing]) -> pl.DataFrame:
        moved = [
            one
            for one in standings
            if one.problem != NO_QUOTES
            and (self._tells_all or self._told.get(one.rules.name) != one.said)
        ]
        self._told |= {one.rules.name: one.said for one in moved}
        empty = TABLES["curves"].schema.create_empty().drop("cycle", "as_of")
        return pl.concat([empty, *(curve_rows(one).select(empty.columns) for one in moved)])

    def _placed(self, rules: RatesRules, standings: Sequence[Standing], day: date) -> _Day:
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

    def _figures(
        self,
        rules: RatesRules,
        standings: Sequence[Standing],
        now: _Day,
        fx: Mapping[str, float],
    ) -> Results:
        assert self._tick is not None  # noqa: S101 (made with the grid)
        tick, known = self._tick, self._landed.terms
        found = valued(now.placed, tick, now.held.spreads)
        units = units_of(now, found, known, standings)
        positions = positions_of(self._landed.positions(), (now.held.names, units), known, fx)
        books = books_of(positions)
        gains = {
            name: _by_instrument(
                now.held,
                shifted_values(now.placed, tick, now.held.spreads, shifts) - found.value,
            )
            for name, shifts in rules.scenarios.items()
        }
        slopes = _node_slopes(now, tick, positions, books)
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
        return Results(frames, measures_of(positions))


def _usable(standing: Standing) -> BuiltCurve | None:
    if standing.nodes is None or standing.status == UNUSABLE:
        return None
    return standing.nodes.built


def _by_instrument(held: Held, parts: FloatArray) -> FloatArray:
    found: FloatArray = np.bincount(held.owner, parts, len(held.names)).astype(np.float64)
    return found


def _node_slopes(now: _Day, tick: Tick, positions: Positions, books: Books) -> list[FloatArray]:
    """DV01 of books by node: of an instrument held by several books, one after the other."""
    count, names = books.rows.height, len(now.held.names)
    total: list[FloatArray] | None = None
    order = np.argsort(positions.place, kind="stable")
    place = positions.place[order]
    first = np.searchsorted(place, place, side="left")
    turn = np.where(place >= 0, np.arange(len(place)) - first, -1)
    for number in range(int(turn.max(initial=0)) + 1):
        chosen = order[turn == number]
        quantity, book = np.zeros(names), np.full(names, -1)
        valued_here = chosen[positions.is_known[chosen]]
        quantity[positions.place[valued_here]] = positions.quantity[valued_here]
        book[positions.place[valued_here]] = books.of[valued_here]
        of_parts = (now.held.spreads, quantity[now.held.owner], book[now.held.owner])
        found = node_slopes(now.placed, tick, of_parts, count)
        total = found if total is None else [a + b for a, b in zip(total, found, strict=True)]
    return total or []
