"""A run: a book under a policy through the sessions of a history, year by year."""

import hashlib
import json
from collections.abc import Callable
from datetime import date
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.engine.ground import Ground, ground_of
from margin_assets.backtest.engine.record import Year, year_arrays, year_of
from margin_assets.backtest.engine.state import State, empty_state, flattened, unflattened
from margin_assets.backtest.engine.walk import Walk
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History
from margin_assets.backtest.policy import Policy

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


def run_id_of(history: History, plan: Plan, policy: Policy, sessions: range) -> str:
    """Hash of all that a run is a function of."""
    version = metadata.version("margin-lakehouse")
    told = [history.history_id, plan.book_id, policy.policy_id, sessions.start, sessions.stop]
    return hashlib.sha256(json.dumps([*told, version]).encode()).hexdigest()[:32]


def run(
    history: History,
    plan: Plan,
    policy: Policy,
    sessions: range,
    keeping: tuple[Path | None, Telling] = (None, untold),
) -> Ran:
    """Walks the years; those that a folder holds already are taken from there.

    Args:
        history: Prices.
        plan: The book over these sessions.
        policy: What decides.
        sessions: Of the history.
        keeping: Folder of checkpoints, or None; and who is told of progress.
    """
    folder, tell = keeping
    run_id = run_id_of(history, plan, policy, sessions)
    ground = ground_of(history, policy)
    state = empty_state(plan, len(history.symbols), len(ground.changes))
    found: list[Year] = []
    walk: Walk | None = None
    resumed = 0
    for number, places in enumerate(years_of(history, sessions)):
        kept = None if folder is None else folder / run_id / f"{number:03d}.npz"
        if walk is None and kept is not None and kept.is_file():
            state, year = _loaded(kept)
            resumed += 1
        else:
            walk = walk or Walk(ground, plan, policy, state)
            year = walk.year(places)
            if kept is not None:
                _save(kept, walk.state, year)
        found.append(year)
        tell(places.stop - sessions.start, len(sessions))
    last = state if walk is None else walk.state
    return Ran(run_id, policy, ground, plan, sessions, tuple(found), last, resumed)


def _save(path: Path, state: State, year: Year) -> None:
    """Whole or not at all: a run that is interrupted finds the years before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(".part.npz")
    arrays: dict[str, Any] = {f"state_{name}": held for name, held in flattened(state).items()}
    arrays |= year_arrays(year)
    np.savez_compressed(staged, **arrays)
    staged.replace(path)


def _loaded(path: Path) -> tuple[State, Year]:
    with np.load(path, allow_pickle=False) as held:
        arrays = {name: held[name] for name in held.files}
    state = {n.removeprefix("state_"): a for n, a in arrays.items() if n.startswith("state_")}
    return unflattened(state), year_of(arrays)
