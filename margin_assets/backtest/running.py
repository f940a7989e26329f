"""A run: a book under a policy through the sessions of a history, quarter by quarter."""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from importlib import metadata
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.checkpoints import Checkpoints, checkpoint_names
from margin_assets.backtest.engine.ground import Ground, ground_of
from margin_assets.backtest.engine.record import Year, joined, open_lives
from margin_assets.backtest.engine.state import empty_state
from margin_assets.backtest.engine.walk import Walk
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History
from margin_assets.backtest.policy import Policy
from margin_assets.kernels.numeric.arrays import Int64Array

Telling = Callable[[int, int], None]
"""Told how many sessions are done, of how many."""


def untold(_done: int, _of: int) -> None:
    """Tells nobody."""


class Ran(NamedTuple):
    """A run that is done."""

    run_id: str
    policy: Policy
    ground: Ground
    plan: Plan
    sessions: range
    years: tuple[Year, ...]
    before: tuple[Int64Array, ...]
    """By year: [tally], of lives that were open already, summed."""
    left: Int64Array
    """[life that the last session leaves open, LIFE_COLUMNS]"""
    walked: int
    """First session that was walked and not found; beyond the last where all were found."""

    @property
    def walked_from(self) -> date | None:
        """Day of the first session that was walked; None where all were found."""
        return self.ground.history.days[self.walked] if self.walked < self.sessions.stop else None


def sessions_between(history: History, first: date | None, last: date | None) -> range:
    """Sessions of a history within two days, both included.

    Raises:
        BacktestError: There is none.
    """
    days = np.array(history.days, dtype="datetime64[D]")
    start = 0 if first is None else int(np.searchsorted(days, np.datetime64(first)))
    stop = len(days) if last is None else int(np.searchsorted(days, np.datetime64(last), "right"))
    if start >= stop:
        raise BacktestError(
            f"history {history.document.name} has no session from {first} to {last}: "
            f"it reaches from {history.days[0]} to {history.days[-1]}"
        )
    return range(start, stop)


def years_of(history: History, sessions: range) -> list[range]:
    """The sessions by calendar year."""
    return _parts(sessions, lambda place: history.days[place].year)


def quarters_of(history: History, sessions: range) -> list[range]:
    """The sessions by calendar quarter: where a book stands after each is kept."""
    days = history.days
    return _parts(sessions, lambda place: (days[place].year, (days[place].month - 1) // 3))


def _parts(sessions: range, key: Callable[[int], Any]) -> list[range]:
    parts = [list(places) for _, places in groupby(sessions, key=key)]
    return [range(part[0], part[-1] + 1) for part in parts]


def run_id_of(
    history: History, plan: Plan, policy: Policy, sessions: range, opened: int | None = None
) -> str:
    """Hash of all that a run is a function of.

    Args:
        history: Prices.
        plan: The book.
        policy: What decides.
        sessions: That are told of.
        opened: Session that the book opens at, where that is another than the first of them.
    """
    version = metadata.version("margin-lakehouse")
    told = [history.history_id, plan.book_id, policy.policy_id, sessions.start, sessions.stop]
    told += [] if opened in (None, sessions.start) else [opened]
    return hashlib.sha256(json.dumps([*told, version]).encode()).hexdigest()[:32]


class Walking(NamedTuple):
    """What is to be walked: plain values, so that another process may do it."""

    history: History
    plan: Plan
    """The book over the sessions, or a shard of it."""
    policy: Policy
    sessions: range
    kept: Checkpoints | None = None


class Walked(NamedTuple):
    """What the sessions came to; fields as those of a run."""

    years: tuple[Year, ...]
    before: tuple[Int64Array, ...]
    left: Int64Array
    walked: int


def walk_through(asked: Walking, tell: Telling = untold) -> Walked:
    """Walks the quarters; those that are kept already are taken from there."""
    history, plan, policy, sessions, kept = asked
    ground = ground_of(history, policy)
    state = empty_state(plan, len(history.symbols), len(ground.changes))
    quarters = quarters_of(history, sessions)
    names = checkpoint_names(ground, plan, policy, quarters) if kept else ()
    found: dict[int, list[Year]] = {}
    before: list[Int64Array] = []
    walk, walked = None, sessions.stop
    for number, places in enumerate(quarters):
        year = history.days[places.start].year
        if year not in found:
            before.append(state.tally.sum(axis=1))
        known = kept.found(names[number]) if kept and walk is None else None
        if known is not None:
            state, part = known
        else:
            walk, walked = walk or Walk(ground, plan, policy, state), min(walked, places.start)
            part = walk.part(places)
            if kept:
                kept.keep(names[number], state, part)
        found.setdefault(year, []).append(part)
        tell(places.stop - sessions.start, len(sessions))
    years = tuple(joined(parts) for parts in found.values())
    return Walked(years, tuple(before), open_lives(state, sessions.stop - 1), walked)


def run(
    history: History,
    plan: Plan,
    policy: Policy,
    sessions: range,
    keeping: tuple[Checkpoints | None, Telling] = (None, untold),
) -> Ran:
    """A book through sessions of a history, in this process.

    Args:
        history: Prices.
        plan: The book over these sessions.
        policy: What decides.
        sessions: Of the history.
        keeping: Checkpoints, or None; and who is told of progress.
    """
    kept, tell = keeping
    asked = Walking(history, plan, policy, sessions, kept)
    return ran_of(asked, walk_through(asked, tell))


def ran_of(asked: Walking, walked: Walked) -> Ran:
    """The run of a whole book that was walked."""
    history, plan, policy, sessions, _ = asked
    run_id = run_id_of(history, plan, policy, sessions)
    return Ran(run_id, policy, ground_of(history, policy), plan, sessions, *walked)


def last_year_of(ran: Ran) -> Ran:
    """The last year of a run as a run of its own, whose book opened with the first."""
    history = ran.ground.history
    sessions = years_of(history, ran.sessions)[-1]
    return ran._replace(
        run_id=run_id_of(history, ran.plan, ran.policy, sessions, ran.sessions.start),
        sessions=sessions,
        years=ran.years[-1:],
        before=ran.before[-1:],
    )
