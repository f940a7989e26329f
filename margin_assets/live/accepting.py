"""A plan's files are read and accepted, and what they refuse is kept."""

from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, NamedTuple

import polars as pl

from margin_assets.kernels.corrections import MISMATCH
from margin_assets.lake.landing import PlannedFile
from margin_assets.lake.reading import (
    FileRead,
    LaterRefusal,
    ignored,
    late_quarantine,
    read_landed,
)
from margin_assets.live.acceptance import (
    IDS,
    Accepted,
    Journal,
    Lookup,
    Refusal,
    accept_by_content,
    with_points,
)
from margin_assets.live.held import HeldRows
from margin_assets.live.refusals import ACCEPTANCE, NO_ACTIONS, WITH_LIFE, FileKey, Refusals
from margin_assets.live.reports import NO_QUARANTINE, Report, tally
from schemas import FEEDS

OpenFile = Callable[[PlannedFile], BinaryIO]
LandedIn = Callable[[int, str, object], tuple[PlannedFile, Callable[[], BinaryIO]]]
"""The file of a sealed cycle by its id and landing time, and how its bytes are opened."""


class Taken(NamedTuple):
    """What a plan's files came to."""

    feeds: dict[str, pl.DataFrame]
    """Rows that count, by feed."""
    frames: dict[str, pl.DataFrame]
    """Rows of the quarantine and of what belongs to it."""
    reports: list[Report]


class Acceptor:
    """Reads and accepts plan after plan: what is new, what was seen before, what is refused."""

    def __init__(self, journal: Journal, lookup: Lookup, landed_in: LandedIn) -> None:
        self.journal = journal
        self.refusals = Refusals(lookup)
        self.files_seen: set[FileKey] = set()
        self._lookup = lookup
        self._landed_in = landed_in
        self._again: dict[FileKey, int] = {}
        """Of the plan at work: the last number of each file that was read more than once."""
        self._read_at: set[tuple[str, str, str]] = set()
        """Of the plan at work: files that were read, with their landing time."""

    def accept(
        self,
        manifest: dict[str, Any],
        open_file: OpenFile,
        clock: tuple[int | None, int],
        held: HeldRows,
    ) -> Taken:
        """Takes a plan's files; `clock` is the last evaluated grid point and the interval."""
        has_life = manifest.get(ACCEPTANCE, 1) >= WITH_LIFE
        reports: list[Report] = []
        reads: dict[str, list[pl.DataFrame]] = {}
        quarantine: list[pl.DataFrame] = []
        self._again, self._read_at = {}, set()
        for number, planned in enumerate(manifest["files"]):
            file = PlannedFile(**planned)
            report, read, rows = self._read(number, file, open_file, has_life=has_life)
            reports.append(report)
            if rows.height:
                quarantine.append(_numbered(rows, number))
            if read is not None and read.rows.height:
                reads.setdefault(file.feed, []).append(_numbered(read.rows, number))
        feeds = {}
        for feed in FEEDS:
            if feed in reads:
                pointed = with_points(pl.concat(reads[feed]), *clock)
                accepted = self._accept_feed(feed, pointed, held)
                feeds[feed] = accepted.rows
                quarantine.extend(self._refuse(accepted, reports, open_file))
                tally(accepted, reports)
        refused = pl.concat([_numbered(NO_QUARANTINE, 0), *quarantine])
        frames = self._judged(refused, feeds, has_life=has_life)
        if "desk_actions" in feeds:
            frames["desk_actions"] = feeds.pop("desk_actions")
        return Taken(feeds, frames, reports)

    def _judged(
        self, refused: pl.DataFrame, feeds: dict[str, pl.DataFrame], *, has_life: bool
    ) -> dict[str, pl.DataFrame]:
        """Frames of the quarantine and of what becomes of its rows."""
        actions = feeds.get("desk_actions", NO_ACTIONS)
        if not has_life or not (refused.height or actions.height or self._again):
            return {"quarantine": refused.drop("file_number", "account_id")}
        judged = self.refusals.judge(refused, self._again, actions)
        names = ("quarantine", "refused_accounts", "quarantine_closings")
        return dict(zip(names, judged, strict=True))

    def _read(
        self, number: int, file: PlannedFile, open_file: OpenFile, *, has_life: bool
    ) -> tuple[Report, FileRead | None, pl.DataFrame]:
        landed = file.landed()
        if file.problem:
            rows = ignored(landed, file.problem)
            return Report(file, number, "ignored", quarantined=1), None, rows
        key = (file.feed, file.file_id)
        if key in self.files_seen:
            # At the same time it would be refused for the same.
            is_tried = (*key, file.landed_at) in self._read_at
            if not has_life or is_tried or not self.refusals.may_land_again(key):
                return Report(file, number, "redelivered"), None, NO_QUARANTINE
            self._again[key] = number
        self.files_seen.add(key)
        self._read_at.add((*key, file.landed_at))
        read = read_landed(landed, partial(open_file, file))
        self.refusals.read(key, read.quarantined)
        report = Report(
            file,
            number,
            read.status,
            read.rows_read,
            quarantined=read.quarantined.height,
            extra=read.extra_columns,
        )
        return report, read, read.quarantined

    def _accept_feed(self, feed: str, rows: pl.DataFrame, held: HeldRows) -> Accepted:
        if feed in IDS:
            return self.journal.accept_by_id(feed, rows)
        return accept_by_content(feed, rows, self._lookup, held.of(feed))

    def _refuse(
        self, accepted: Accepted, reports: list[Report], open_file: OpenFile
    ) -> list[pl.DataFrame]:
        by_file: dict[int, list[Refusal]] = {}
        for refusal in accepted.refusals:
            by_file.setdefault(refusal.file_number, []).append(refusal)
        rows = []
        for number, refusals in sorted(by_file.items()):
            file = reports[number].file
            reports[number].quarantined += len(refusals)
            later = [LaterRefusal(*refusal[1:]) for refusal in refusals]
            found = late_quarantine(file.landed(), partial(open_file, file), later)
            rows.append(_numbered(found, number))
        for overruled in accepted.overruled:
            row = overruled.row(0, named=True)
            rows.append(self._overruled(row, reports, open_file))
        return rows

    def _overruled(
        self, row: dict[str, Any], reports: list[Report], open_file: OpenFile
    ) -> pl.DataFrame:
        """The quarantine row of a correction accepted earlier that does not fit its original."""
        number = row.get("file_number")
        if number is not None:
            file = reports[number].file
            opened: Callable[[], BinaryIO] = partial(open_file, file)
        else:
            number = self._again.get(("fills", row["file_id"]), 0)
            file, opened = self._landed_in(row["cycle"], row["file_id"], row["landed_at"])
        detail = f"{row['fill_id']} is of another account or symbol than {row['corrects_fill_id']}"
        refusal = LaterRefusal(row["file_row"], MISMATCH, detail, row["account_id"])
        return _numbered(late_quarantine(file.landed(), opened, [refusal]), number)


def _numbered(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    return rows.with_columns(file_number=pl.lit(number, dtype=pl.Int64))
