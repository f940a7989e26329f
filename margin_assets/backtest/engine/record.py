"""What a year of days came to: sums by day, by life and by call, breaches, and the worst of it."""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from margin_assets.backtest.engine.ground import Ground
from margin_assets.backtest.engine.state import NOBODY, TALLIES, State
from margin_assets.backtest.methods import METHODS
from margin_assets.kernels.backtest.days import UNKNOWN, Breaches, count_breaches, losses_of
from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.enforcement.rungs import (
    CALL,
    LIQUIDATION,
    MARGIN_STATUS,
    RESTRICTION,
    WARNING,
    Steps,
)
from margin_assets.kernels.numeric.arrays import Int64Array

DAY_COLUMNS = (
    "place",
    "accounts",
    "gross",
    "equity",
    "reg_t",
    "portfolio_margin",
    "house",
    "loss",
    "calls_made",
    "calls_open",
    "warnings_made",
    "restrictions_made",
    "liquidations_made",
    "sold_out",
    "lost",
    "uncovered",
)
"""Of a session; amounts in cents. `loss` is what losing accounts lose until the next one."""
LIFE_COLUMNS = ("life", "last", *TALLIES)
CALL_COLUMNS = ("life", "made", "ended", "met_by", "is_false")
WORST = 40
"""Worst days kept of a year and kind."""
_T = {name: place for place, name in enumerate(TALLIES)}
UNCOVERED, LOST = "uncovered", "lost"
Row = dict[str, Any]
"""One of the worst days: kind, place, life, amounts in cents, and what was held."""


class Year(NamedTuple):
    """What a year's sessions came to, or those of a part of it."""

    days: Int64Array
    """[session, DAY_COLUMNS]"""
    lives: Int64Array
    """[life that ended, LIFE_COLUMNS]"""
    calls: Int64Array
    """[call that ended, CALL_COLUMNS]"""
    counts: Int64Array
    """[horizon, crisis, method, temper, day before, is breach] days."""
    sums: Int64Array
    """[horizon, crisis, method, temper, DAYS to BEYOND_REQUIRED]"""
    worst: list[Row]


class Recorder:
    """Takes down sessions of one year."""

    def __init__(self, ground: Ground, tempers: int) -> None:
        """Takes the ground, and how many tempers there are."""
        self.ground = ground
        shape = (len(ground.changes), len(ground.counting.crises) + 1, len(METHODS), tempers)
        self.counts = np.zeros((*shape, 3, 2), dtype=np.int64)
        self.sums = np.zeros((*shape, 4), dtype=np.int64)
        self.day = dict.fromkeys(DAY_COLUMNS, 0)
        self._days: list[tuple[int, ...]] = []
        self._lives: list[Int64Array] = []
        self._calls: list[Int64Array] = []
        self._worst: dict[str, list[Row]] = {UNCOVERED: [], LOST: []}

    def begin(self, place: int) -> None:
        """A session begins."""
        self.day = dict.fromkeys(DAY_COLUMNS, 0) | {"place": place}

    def end_lives(self, state: State, seats: Int64Array, place: int) -> None:
        """Rows of lives that end."""
        if len(seats):
            life = state.life[seats]
            last = np.full(len(seats), place)
            self._lives.append(np.column_stack([life, last, state.tally[:, seats].T]))

    def steps(self, state: State, steps: Steps, place: int) -> Int64Array:
        """Counts changes on the ladder; returns whose calls were made."""
        tightens = steps.tightens == 1
        is_status = steps.dimension == MARGIN_STATUS
        made: Int64Array = steps.account[is_status & (steps.after == CALL)]
        met = steps.account[is_status & (steps.before == CALL)]
        warned = steps.account[is_status & tightens & (steps.after == WARNING)]
        is_first = tightens & (steps.before == 0)
        restricted = steps.account[(steps.dimension == RESTRICTION) & is_first]
        liquidated = steps.account[(steps.dimension == LIQUIDATION) & is_first]
        for name, seats in (
            ("calls", made),
            ("cured", met),
            ("warnings", warned),
            ("restrictions", restricted),
            ("liquidations", liquidated),
        ):
            np.add.at(state.tally[_T[name]], seats, 1)
            if name != "cured":
                self.day[f"{name}_made"] += len(seats)
        self.end_calls(state, met, place)
        return made

    def end_calls(self, state: State, seats: Int64Array, place: int) -> None:
        """Rows of calls that end."""
        if len(seats):
            ended = np.full(len(seats), place)
            columns = (state.life[seats], state.called_on[seats], ended, state.met_by[seats])
            self._calls.append(np.column_stack([*columns, state.lowest[seats] >= 0]))

    def close(self, state: State, book: Book, figures: Figures, groups: Int64Array) -> None:
        """Sums of a session as it was evaluated, and what was lost of it by the horizons."""
        place = self.day["place"]
        is_held = np.diff(book.offsets) > 0
        required = np.stack([figures.maintenance, figures.portfolio_margin, figures.governing])
        loss = losses_of(book, self.ground.changes[0][place])
        self._count(state, (book, place), (required, loss), (groups, is_held))
        known = np.where(loss == UNKNOWN, 0, loss)
        beyond = np.where(is_held & (loss != UNKNOWN), loss - figures.governing, 0)
        uncovered = beyond > 0
        called = state.ladder.margin_status == CALL
        state.tally[_T["sessions"]] += is_held
        state.tally[_T["called_sessions"]] += called
        state.tally[_T["uncovered_sessions"]] += uncovered
        state.tally[_T["required"]] += np.where(is_held, figures.governing, 0)
        self.day |= {
            "accounts": int(is_held.sum()),
            "gross": int((figures.long_value + figures.short_value).sum()),
            "equity": int(figures.equity[is_held].sum()),
            "loss": int(np.maximum(known, 0).sum()),
            "calls_open": int(called.sum()),
            "uncovered": int(uncovered.sum()),
        }
        self.day |= dict(zip(METHODS, required[:, is_held].sum(axis=1).tolist(), strict=True))
        worst = int(beyond.argmax())
        if beyond[worst] > 0:
            amounts = {
                "amount": int(beyond[worst]),
                "loss": int(loss[worst]),
                "required": int(figures.governing[worst]),
                "equity": int(figures.equity[worst]),
            }
            self._keep(UNCOVERED, state, (worst, place), amounts, self.held(state, worst, place))
        self._days.append(tuple(self.day[name] for name in DAY_COLUMNS))

    def _count(
        self,
        state: State,
        at: tuple[Book, int],
        amounts: tuple[Int64Array, Int64Array],
        of: tuple[Int64Array, np.ndarray],
    ) -> None:
        (book, place), (required, loss), (groups, is_held) = at, amounts, of
        crisis = int(self.ground.crisis[place])
        for h, days in enumerate(self.ground.counting.horizons):
            # Windows of several days stand side by side: those that overlap are not independent.
            if place % days:
                continue
            if h:
                loss = losses_of(book, self.ground.changes[h][place])
            into = Breaches(state.before[h], self.counts[h, crisis], self.sums[h, crisis])
            count_breaches(loss, required, groups, is_held, into)

    def lost(self, state: State, at: tuple[int, int], amount: int, held: list[list[Any]]) -> None:
        """A sale that left the firm something to lose, with what was held before it."""
        if amount > 0:
            amounts = {"amount": amount, "loss": amount, "required": 0, "equity": -amount}
            self._keep(LOST, state, at, amounts, held)

    def _keep(
        self,
        kind: str,
        state: State,
        at: tuple[int, int],
        amounts: dict[str, int],
        held: list[list[Any]],
    ) -> None:
        """Keeps a day among the worst of its kind."""
        kept, (seat, place) = self._worst[kind], at
        row: Row = {"kind": kind, "place": place, "life": int(state.life[seat])}
        kept.append(row | amounts | {"held": held})
        kept.sort(key=_order)
        del kept[WORST:]

    def held(self, state: State, seat: int, place: int) -> list[list[Any]]:
        """What a seat holds: symbol, micro-units, price now and at the next session."""
        history = self.ground.history
        after = min(place + 1, len(history.days) - 1)
        return [
            [
                history.symbols[security],
                int(state.quantity[seat, security]),
                int(history.price[place, security]),
                int(history.price[after, security]),
            ]
            for security in np.flatnonzero(state.quantity[seat]).tolist()
        ]

    def year(self) -> Year:
        """What was taken down."""
        return Year(
            days=np.array(self._days, dtype=np.int64).reshape(-1, len(DAY_COLUMNS)),
            lives=_stacked(self._lives, len(LIFE_COLUMNS)),
            calls=_stacked(self._calls, len(CALL_COLUMNS)),
            counts=self.counts,
            sums=self.sums,
            worst=[row for rows in self._worst.values() for row in rows],
        )


def _order(row: Row) -> tuple[int, int, int]:
    return -row["amount"], row["place"], row["life"]


def from_the_worst(rows: Iterable[Row]) -> list[Row]:
    """So many rows of each kind as a year keeps."""
    ordered = sorted(rows, key=_order)
    kinds = ([row for row in ordered if row["kind"] == kind] for kind in (UNCOVERED, LOST))
    return [row for kind in kinds for row in kind[:WORST]]


def joined(parts: list[Year]) -> Year:
    """One year of its parts in order."""
    return Year(
        days=np.concatenate([part.days for part in parts]),
        lives=np.concatenate([part.lives for part in parts]),
        calls=np.concatenate([part.calls for part in parts]),
        counts=np.sum([part.counts for part in parts], axis=0),
        sums=np.sum([part.sums for part in parts], axis=0),
        worst=from_the_worst(row for part in parts for row in part.worst),
    )


def _stacked(parts: list[Int64Array], columns: int) -> Int64Array:
    return np.concatenate([np.zeros((0, columns), dtype=np.int64), *parts]).astype(np.int64)


def open_lives(state: State, place: int) -> Int64Array:
    """Rows of LIFE_COLUMNS of the lives that stand after a session."""
    seats = np.flatnonzero(state.life != NOBODY)
    last = np.full(len(seats), place)
    return np.column_stack([state.life[seats], last, state.tally[:, seats].T]).astype(np.int64)


def group_of(state: State, tempers: Int64Array) -> Int64Array:
    """Temper of each seat; 0 for an empty one, which is not counted."""
    return np.where(state.life == NOBODY, 0, tempers[np.maximum(state.life, 0)])


def year_arrays(year: Year) -> dict[str, np.ndarray]:
    """Arrays of a year, as they are kept in a file."""
    arrays = {name: getattr(year, name) for name in Year._fields if name != "worst"}
    return arrays | {"worst": np.array(json.dumps(year.worst))}


def year_of(arrays: dict[str, np.ndarray]) -> Year:
    """The year that a file holds."""
    own = {name: arrays[name] for name in Year._fields if name != "worst"}
    return Year(**own, worst=json.loads(str(arrays["worst"])))
