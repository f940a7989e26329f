"""What is asked of a backtest, and runs of several policies: side by side, in processes."""

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl

from margin_assets.backtest.book.fills import told_by
from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.book.tempers import book_document, drawn
from margin_assets.backtest.checkpoints import Checkpoints
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History, history_of
from margin_assets.backtest.history.document import described
from margin_assets.backtest.policy import Policy
from margin_assets.backtest.results.storing import tables_of
from margin_assets.backtest.running import Ran, Telling, last_year_of, run, sessions_between, untold
from margin_assets.engines import Engine, Processes
from margin_assets.lake.store.store import Lake


class Asked(NamedTuple):
    """A history, a book and a range."""

    history: str
    data: Path | None
    book: str
    first: date | None
    last: date | None
    accounts: int | None = None
    """In place of the book's own number."""
    seed: int | None = None
    with_bars: bool = False
    """Whether the book is evaluated at the ends of the history's bars too."""


class Done(NamedTuple):
    """One run's rows, and what is to be known of its history."""

    tables: dict[str, pl.DataFrame]
    note: str
    walked_from: date | None
    """First session that was walked and not found; None where all were found."""


def one_run(
    asked: Asked, policy: Policy, keeping: tuple[Checkpoints | None, Telling] = (None, untold)
) -> Ran:
    """Reads, draws and runs.

    Raises:
        BacktestError: The history, the book or the range is none.
    """
    found = history_of(described(asked.history, asked.data), with_bars=asked.with_bars)
    sessions = sessions_between(found, asked.first, asked.last)
    return run(found, plan_for(asked, found, sessions), policy, sessions, keeping)


def one_year(asked: Asked, policy: Policy, kept: Checkpoints | None) -> Ran:
    """The last year of what is asked, from where the book stood at the end of the year before.

    Years that nobody has walked yet are walked first; what they come to is kept, not told.

    Raises:
        BacktestError: As `one_run`; or the history has no session in that year.
    """
    ran = last_year_of(one_run(asked, policy, (kept, untold)))
    year = ran.ground.history.days[ran.sessions.start].year
    if asked.last is not None and asked.last.year != year:
        raise BacktestError(f"history {asked.history} has no session in {asked.last.year}")
    return ran


def plan_for(asked: Asked, history: History, sessions: range) -> Plan:
    """The book that is asked for: that of a lake, or one drawn.

    Raises:
        BacktestError: There is none.
    """
    if "://" in asked.book or (Path(asked.book) / "cycles").is_dir():
        return told_by(Lake(asked.book), history, sessions)
    document = book_document(asked.book, accounts=asked.accounts, seed=asked.seed)
    return drawn(document, history, sessions)


def note_of(history: History) -> str:
    """A history in words, with its caution."""
    told = f"{history.document.title}. {history.document.source}."
    if history.document.survivors:
        told += (
            " All its names lived, so that nobody holding them lost all: losses are understated."
        )
    if history.document.adjusted:
        told += (
            " Closes are adjusted: early ones are smaller than what was quoted, and amounts a share"
            " that rules ask of short positions weigh more on them."
        )
    return told


def runs(
    asked: list[Asked],
    policies: list[Policy],
    folder: Path | None,
    tell: Callable[[str, int, int], None],
    engine: Engine | None = None,
) -> list[Done]:
    """Every policy on everything that is asked, in that order: one run a part.

    Args:
        asked: Histories, books and ranges.
        policies: Each is tried on every one of them.
        folder: Where parts of runs are kept, or None.
        tell: Told of one run's sessions as its years are done; of several, how many of them are.
        engine: Where runs are made. Where not given, one is made here, several in processes.
    """
    cases = [(one, policy) for one in asked for policy in policies]
    if len(cases) == 1 and engine is None:
        (one, policy) = cases[0]
        return [_done(one, policy, folder, partial(tell, policy.name))]
    found: list[Done] = []
    for done in (engine or Processes()).over(_alone, folder, cases):
        tell(cases[len(found)][1].name, len(found) + 1, len(cases))
        found.append(done)
    return found


def _alone(folder: Path | None, case: tuple[Asked, Policy]) -> Done:
    return _done(*case, folder, untold)


def _done(asked: Asked, policy: Policy, folder: Path | None, tell: Telling) -> Done:
    kept = None if folder is None else Checkpoints.at(str(folder))
    ran = one_run(asked, policy, (kept, tell))
    return Done(tables_of(ran), note_of(ran.ground.history), ran.walked_from)
