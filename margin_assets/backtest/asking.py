"""What is asked of a backtest, and runs: shards of one, and several of them, in processes."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from datetime import date
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from signal import SIG_DFL, SIGINT, signal
from typing import NamedTuple

import polars as pl

from margin_assets.backtest.book.fills import told_by
from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.book.tempers import book_document, drawn
from margin_assets.backtest.checkpoints import Checkpoints
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.building import History, history_of
from margin_assets.backtest.history.carrying import carrying
from margin_assets.backtest.history.document import described
from margin_assets.backtest.policy import Policy
from margin_assets.backtest.results.storing import tables_of
from margin_assets.backtest.running import (
    Ran,
    Telling,
    Walked,
    Walking,
    last_year_of,
    ran_of,
    run,
    sessions_between,
    untold,
    walk_through,
)
from margin_assets.backtest.sharding import shard_of, together
from margin_assets.engines import Engine
from margin_assets.engines.children import end_with_parent
from margin_assets.kernels.numeric.threads import at_most, keep_to
from margin_assets.lake.store.store import Lake

_CORES = 2
_SHARDS = 8  # of a large book on a cluster
_LARGE = 500  # seats; a smaller book is walked sooner than another process begins


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
    with_options: bool = False
    """Whether the history's option quotes are read too."""


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
    history, plan, sessions = _read(asked)
    return run(history, plan, policy, sessions, keeping)


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
    """Every policy on everything that is asked, in that order; several ones in processes.

    Told of one run's sessions as its years are done; of several, how many of them are done. With
    an engine, its parts are the runs, or the shards of one.
    """
    cases = [(one, policy) for one in asked for policy in policies]
    kept = None if folder is None else Checkpoints.at(str(folder))
    if engine is not None:
        return list(_runs_on(engine, cases, kept, tell))
    # Another process starts clean: a fork would share threads that the loops have started.
    with ProcessPoolExecutor(_CORES, get_context("spawn"), initializer=_begin) as pool:
        if len(cases) == 1:
            (one, policy) = cases[0]
            return [_done(_whole(one, policy, (kept, partial(tell, policy.name)), pool))]
        waiting = [pool.submit(one_case, one, policy, kept) for one, policy in cases]
        found = []
        for (_, policy), future in zip(cases, waiting, strict=True):
            found.append(future.result())
            tell(policy.name, len(found), len(cases))
        return found


def _begin() -> None:
    """Another process has a core, and ends without words with this one, or at an interrupt."""
    end_with_parent()
    signal(SIGINT, SIG_DFL)
    keep_to(1)


def _runs_on(
    engine: Engine,
    cases: list[tuple[Asked, Policy]],
    kept: Checkpoints | None,
    tell: Callable[[str, int, int], None],
) -> Iterator[Done]:
    if len(cases) > 1:
        for number, done in enumerate(engine.over(_case, kept, cases)):
            tell(cases[number][1].name, number + 1, len(cases))
            yield done
        return
    ((asked, policy),) = cases
    history, plan, sessions = _read(asked)
    whole = Walking(history, plan, policy, sessions, kept)
    count = _SHARDS if plan.seats >= _LARGE else 1
    plans = (shard_of(plan, number, count) for number in range(count))
    walked: list[Walked] = []
    for shard in engine.over(_shard, (history, policy, sessions, kept), plans):
        walked.append(shard)
        tell(policy.name, len(walked), count)
    yield _done(ran_of(whole, together(plan, walked)))


def _case(kept: Checkpoints | None, case: tuple[Asked, Policy]) -> Done:
    return one_case(*case, kept)


def _shard(shared: tuple[History, Policy, range, Checkpoints | None], plan: Plan) -> Walked:
    history, policy, sessions, kept = shared
    return walk_through(Walking(history, plan, policy, sessions, kept))


def one_case(asked: Asked, policy: Policy, kept: Checkpoints | None) -> Done:
    """One of several runs: plain values in and out."""
    return _done(one_run(asked, policy, (kept, untold)))


def _whole(
    asked: Asked,
    policy: Policy,
    keeping: tuple[Checkpoints | None, Telling],
    pool: Executor,
) -> Ran:
    """One run, a large book in shards: the first here, so that progress is told, the others there.

    `walk_through` is a function of plain values; what shards came to is put together in order.
    """
    (kept, tell), (history, plan, sessions) = keeping, _read(asked)
    if plan.seats < _LARGE:
        return run(history, plan, policy, sessions, keeping)
    whole = Walking(history, plan, policy, sessions, kept)
    mine, *others = [whole._replace(plan=shard_of(plan, n, _CORES)) for n in range(_CORES)]
    waiting = [pool.submit(walk_through, shard) for shard in others]
    with at_most(1):
        first = walk_through(mine, tell)
    return ran_of(whole, together(plan, [first, *(shard.result() for shard in waiting)]))


def _read(asked: Asked) -> tuple[History, Plan, range]:
    found = history_of(
        described(asked.history, asked.data),
        with_bars=asked.with_bars,
        with_options=asked.with_options,
    )
    sessions = sessions_between(found, asked.first, asked.last)
    plan = plan_for(asked, found, sessions)
    found, security = carrying(found, plan.trades.security)
    return found, plan._replace(trades=plan.trades._replace(security=security)), sessions


def _done(ran: Ran) -> Done:
    return Done(tables_of(ran), note_of(ran.ground.history), ran.walked_from)
