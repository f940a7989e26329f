"""What a lake and its landing folder show of the monitor, read without a session."""

from collections.abc import Iterable
from datetime import datetime

import polars as pl

from margin_assets.lake.landing.backlog import backlog_of, is_ahead, waiting
from margin_assets.lake.landing.landing import Pending
from margin_assets.lake.landing.refused import RefusedRows
from margin_assets.lake.ledger.cycle_times import cycle_times
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.monitoring.health import Rows, Seen, in_all, limits


def observed(
    lake: Lake,
    ledger: Ledger,
    entries: Iterable[Pending] | None,
    now: datetime,
    *,
    is_attended: bool = False,
) -> Seen:
    """The monitor of a lake at a moment; its backlog only if the landing folder's entries come.

    What landed ahead of that moment is no backlog: it waits for its time.
    """
    sealed, plan = ledger.last_sealed(), ledger.open_plan()
    waits = None if entries is None else waiting(lake, sealed, plan, entries)
    times = cycle_times(lake, limits().recent_cycles)
    last = times[-1] if times and sealed and times[-1].cycle == sealed.cycle else None
    return Seen(
        now=now,
        last_cycle=None if sealed is None else sealed.cycle,
        as_of=None if sealed is None else sealed.as_of,
        sealed_at=None if last is None else last.sealed_at,
        is_plan_open=plan is not None,
        backlog=None if waits is None else backlog_of(e for e in waits if not is_ahead(e, now)),
        is_attended=is_attended,
        cycle_seconds=tuple(time.seconds for time in times if time.seconds is not None),
        rows=in_all(recent_rows(lake, sealed)),
        refused_rows=refused_rows(lake, sealed),
    )


def refused_rows(lake: Lake, sealed: Sealed | None) -> int:
    """Refused fills and cash movements that are neither released nor dismissed."""
    return RefusedRows.of(SealedTables(lake, sealed).scan).open_of_risk()


def recent_rows(lake: Lake, sealed: Sealed | None) -> list[Rows]:
    """Rows of each of the recent cycles, oldest first; what was closed since is not quarantined."""
    if sealed is None:
        return []
    scan = SealedTables(lake, sealed).scan
    is_recent = pl.col("cycle") > sealed.cycle - limits().recent_cycles
    closed = RefusedRows.of(scan).closed_rows().filter(is_recent).group_by("cycle").len("closed")
    by_cycle = scan("landed_files").filter(is_recent).group_by("cycle").agg(*_COUNTS)
    counts = by_cycle.join(closed, on="cycle", how="left").sort("cycle").collect()
    left = pl.col("quarantined") - pl.col("closed").fill_null(0)
    return [Rows(*map(int, row)) for row in counts.select("landed", left).rows()]


def rows_of(landed_files: pl.DataFrame) -> Rows:
    """Rows of some landed files, and how many of them were quarantined."""
    return Rows(*map(int, landed_files.select(_COUNTS).row(0)))


_COUNTS = (
    pl.max_horizontal("rows_read", "rows_quarantined").sum().alias("landed"),
    pl.col("rows_quarantined").sum().alias("quarantined"),
)
