"""What a live session shows of itself, kept in memory so that nobody reads a table to know it."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import polars as pl

from margin_assets.calendar import sessions
from margin_assets.lake.landing.backlog import Backlog
from margin_assets.lake.landing.refused import is_of_risk
from margin_assets.lake.ledger.ledger import ACCOUNTS_WRITTEN, Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import CycleResult
from margin_assets.monitoring.health import Health, Rows, Seen, health, in_all, limits
from margin_assets.monitoring.observed import observed, recent_rows, refused_rows, rows_of

_SUMMARY = "margin_summary"


class Watch:
    """A monitor seen from inside: starts from what the lake tells, goes on with each cycle.

    Other threads may look while a cycle is taken: what they see is replaced, never changed.
    """

    def __init__(
        self,
        lake: Lake,
        now: datetime,
        *,
        backlog: Callable[[], Backlog | None],
        failing: Callable[[], str] = str,
    ) -> None:
        """Reads the lake once; `backlog` and `failing` are asked whenever somebody looks.

        `failing` says what the session has trouble with, empty if nothing.
        """
        self._backlog, self._failing, self._lake = backlog, failing, lake
        ledger, recent = Ledger(lake), limits().recent_cycles
        sealed, seen = ledger.last_sealed(), observed(lake, ledger, None, now, is_attended=True)
        self._seconds = deque(seen.cycle_seconds, recent)
        self._rows: deque[Rows] = deque(recent_rows(lake, sealed), recent)
        self._refused = seen.refused_rows or 0
        self._indeterminate: set[str] = set()
        if sealed is not None:
            summary = SealedTables(lake, sealed).scan(_SUMMARY)
            self._indeterminate = _indeterminate(summary)
        # An open plan is finished by the session that is watched, before anything else.
        missing = len(self._indeterminate)
        self._seen = replace(seen, is_plan_open=False, missing_inputs=missing)
        self.landing_lag: float | None = None
        """Of the last cycle taken, see `landing_lag`."""

    def take(self, result: CycleResult, now: datetime) -> None:
        """A cycle was sealed just now."""
        sealed = result.sealed
        self._seconds.append(sum(result.seconds.values()))
        self._rows.append(rows_of(result.landed_files))
        self._take_summary(result)
        self._take_refused(result)
        self.landing_lag = landing_lag(result, now)
        self._seen = replace(
            self._seen,
            last_cycle=sealed.cycle,
            as_of=sealed.as_of,
            sealed_at=now,
            cycle_seconds=tuple(self._seconds),
            rows=in_all(self._rows),
            missing_inputs=len(self._indeterminate),
            refused_rows=self._refused,
        )

    def _take_refused(self, result: CycleResult) -> None:
        if "quarantine_closings" in result.frames:
            # Rows of earlier cycles are no longer open.
            self._refused = refused_rows(self._lake, result.sealed)
            self._rows = deque(recent_rows(self._lake, result.sealed), self._rows.maxlen)
        elif "quarantine" in result.frames:
            self._refused += result.frames["quarantine"].filter(is_of_risk()).height

    def _take_summary(self, result: CycleResult) -> None:
        summary = result.frames.get(_SUMMARY)
        if summary is None:
            return
        if ACCOUNTS_WRITTEN in result.sealed.counts:
            self._indeterminate -= set(summary["account_id"])
            self._indeterminate |= _indeterminate(summary.lazy())
        else:
            self._indeterminate = _indeterminate(summary.lazy())

    def seen(self, now: datetime) -> Seen:
        """What is known at a moment."""
        return replace(self._seen, now=now, backlog=self._backlog(), failing=self._failing())

    def health(self, now: datetime) -> Health:
        """The verdict at a moment."""
        return health(self.seen(now), limits(), sessions())


def landing_lag(result: CycleResult, now: datetime) -> float | None:
    """Seconds from the oldest landing in a cycle to now; None if none of its files could be read.

    Below 0 where the clock of the landing folder is ahead.
    """
    files = result.landed_files.filter(pl.col("status") != "ignored")
    oldest = files["landed_at"].min()
    return (now - oldest).total_seconds() if isinstance(oldest, datetime) else None


def _indeterminate(summary: pl.LazyFrame) -> set[str]:
    rows = summary.filter(pl.col("status") == "indeterminate").select("account_id")
    return set(rows.collect()["account_id"])
