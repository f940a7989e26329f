"""What has landed and waits: how much, since when, told without a session."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from margin_assets.calendar import LAST_YEAR
from margin_assets.lake.landing.archive import begun_entry
from margin_assets.lake.landing.landing import Pending, PlannedFile
from margin_assets.lake.landing.reading import LandedFile, form_of
from margin_assets.lake.landing.reading.limits import CLOCK_GRACE
from margin_assets.lake.ledger.cycles import Plan, Sealed
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake


@dataclass(frozen=True)
class Backlog:
    """Landed files that no sealed cycle holds."""

    files: int = 0
    bytes: int = 0
    """Of a plain file that is taken in stretches, those that are left."""
    oldest_landed_at: datetime | None = None
    """Of the files that can be read; None if none waits."""


def backlog_of(entries: Iterable[Pending]) -> Backlog:
    """How much these entries are, and since when the oldest of them lies there."""
    held = list(entries)
    # What cannot be read has no landing time of its own.
    readable = (entry.landed_at for entry in held if not entry.problem)
    return Backlog(len(held), sum(map(_left, held)), min(readable, default=None))


def _left(entry: Pending) -> int:
    """Bytes of an entry that are in no plan: of a plain file those behind what was taken of it."""
    form, taken = form_of(entry.path), entry.begun and entry.begun.stretch()
    if not taken or form is None or form.compression or form.text == "parquet":
        return entry.bytes
    return entry.bytes - (taken.end or 0)


def waiting(
    lake: Lake, sealed: Sealed | None, plan: Plan | None, entries: Iterable[Pending]
) -> list[Pending]:
    """Entries that are in no plan, told by path, size and landing time as the session does.

    First of all the file of which only some stretches are.
    """
    stamps = {(file.path, file.bytes, file.landed_at) for file in _planned(plan)}
    ignored: set[str] = set()
    if sealed is not None:
        files = SealedTables(lake, sealed).scan("landed_files")
        known = files.select("path", "bytes", "landed_at", "status").collect()
        stamps.update(known.select("path", "bytes", "landed_at").iter_rows())
        ignored = set(known.filter(pl.col("status") == "ignored")["path"])
    newest = plan or sealed
    begun = None if newest is None else begun_entry(newest.manifest)
    return ([] if begun is None else [begun]) + [
        entry
        for entry in entries
        if entry.stamp not in stamps and not (entry.problem and entry.path in ignored)
    ]


def is_ahead(entry: Pending, now: datetime) -> bool:
    """Whether a file waits until its landing time has come.

    One beyond the calendar does not wait: it is refused. Source: semantics 8.15.
    """
    return entry.landed_at > now + CLOCK_GRACE and entry.landed_at.year <= LAST_YEAR


def _planned(plan: Plan | None) -> list[LandedFile]:
    files = [] if plan is None else plan.manifest["files"]
    return [PlannedFile(**file).landed() for file in files]
