"""A run: a book under a policy through the sessions of a history, year by year."""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from importlib import metadata
from itertools import groupby
from typing import NamedTuple

import numpy as np

from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.checkpoints import Checkpoints, checkpoint_names
from margin_assets.backtest.engine.ground import Ground, ground_of
from margin_assets.backtest.engine.record import Year
from margin_assets.backtest.engine.state import State, empty_state
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
    state: State
    """As of the last close."""
    resumed: int
    """Years that were known already."""


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
    years = groupby(sessions, key=lambda place: history.days[place].year)
    parts = [list(places) for _, places in years]
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


def run(
    history: History,
    plan: Plan,
    policy: Policy,
    sessions: range,
    keeping: tuple[Checkpoints | None, Telling] = (None, untold),
) -> Ran:
    """Walks the years; those that are kept already are taken from there.

    Args:
        history: Prices.
        plan: The book over these sessions.
        policy: What decides.
        sessions: Of the history.
        keeping: Checkpoints, or None; and who is told of progress.
    """
    kept, tell = keeping
    ground = ground_of(history, policy)
    state = empty_state(plan, len(history.symbols), len(ground.changes))
    years = years_of(history, sessions)
    names = checkpoint_names(ground, plan, policy, years) if kept else ()
    found: list[Year] = []
    before: list[Int64Array] = []
    walk: Walk | None = None
    resumed = 0
    for number, places in enumerate(years):
        before.append(state.tally.sum(axis=1))
        known = kept.found(names[number]) if kept and walk is None else None
        if known is not None:
            state, year = known
        else:
            walk = walk or Walk(ground, plan, policy, state)
            year = walk.year(places)
            if kept:
                kept.keep(names[number], state, year)
        found.append(year)
        resumed = len(found) if walk is None else resumed
        tell(places.stop - sessions.start, len(sessions))
    run_id = run_id_of(history, plan, policy, sessions)
    return Ran(run_id, policy, ground, plan, sessions, tuple(found), tuple(before), state, resumed)


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
