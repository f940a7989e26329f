"""A plan's files are read and accepted, and what they refuse is kept."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import polars as pl

from margin_assets.kernels.book.corrections import MISMATCH
from margin_assets.kernels.liquidation.proposals import OUR_ID
from margin_assets.lake.landing.landing import PlannedFile
from margin_assets.lake.landing.reading import (
    NO_QUARANTINE,
    FileRead,
    Landed,
    LaterRefusal,
    ignored,
    late_quarantine,
    read_together,
)
from margin_assets.live.acceptance.acceptance import (
    Accepted,
    Lookup,
    NewestDays,
    Refusal,
    Test,
    accept_by_content,
)
from margin_assets.live.acceptance.action_tests import ActionTests
from margin_assets.live.acceptance.exercise_reports import exercise_reports
from margin_assets.live.acceptance.held import HeldRows
from margin_assets.live.acceptance.journal import IDS, Journal
from margin_assets.live.acceptance.openings import Openings
from margin_assets.live.acceptance.planned_files import (
    OpenFile,
    goes_on,
    key_of,
    landed_of,
    lines_of,
)
from margin_assets.live.acceptance.refusals import (
    ACCEPTANCE,
    NO_ACTIONS,
    WITH_LIFE,
    Again,
    FileKey,
    Refusals,
)
from margin_assets.live.acceptance.reports import Report, tally
from margin_assets.live.acceptance.zero_prices import Known, split_prices, zero_fills
from margin_assets.live.books.actions import ActionMonitor
from margin_assets.live.state.market import Market
from margin_assets.live.state.points import with_points
from schemas import FEEDS

LandedIn = Callable[[int, str, object], Landed]
"""What a sealed cycle took of a file, by the file's id and landing time."""
_Outcome = tuple[Report, FileRead | None, pl.DataFrame]
"""Report of a file, what was read of it, and its quarantine rows."""


class Firm(NamedTuple):
    """The firm as it was last evaluated."""

    last_point: int | None
    interval: int
    """Of the grid, microseconds."""
    market: Market
    actions: ActionMonitor


class Taken(NamedTuple):
    """What a plan's files came to."""

    feeds: dict[str, pl.DataFrame]
    """Rows that count, by feed."""
    frames: dict[str, pl.DataFrame]
    """Rows of the quarantine and of what belongs to it."""
    reports: list[Report]

    @property
    def rows(self) -> int:
        """How many rows count."""
        return sum(rows.height for rows in self.feeds.values())


class Acceptor:
    """Reads and accepts plan after plan: what is new, what was seen before, what is refused."""

    def __init__(
        self, journal: Journal, openings: Openings, lookup: Lookup, landed_in: LandedIn
    ) -> None:
        self.journal = journal
        self.openings = openings
        self.refusals = Refusals(lookup)
        self.files_seen: set[FileKey] = set()
        self._lookup = lookup
        self._days = NewestDays(lookup)
        self._landed_in = landed_in
        self._again: dict[FileKey, Again] = {}
        """Of the plan at work: the last reading of each file that was read before."""
        self._read_at: set[tuple[str, str, str]] = set()
        """Of the plan at work: files that were read, with their landing time."""

    def accept(
        self,
        manifest: dict[str, Any],
        open_file: OpenFile,
        firm: Firm,
        held: HeldRows,
    ) -> Taken:
        """Takes a plan's files, whose rows come after those that are `held`."""
        has_life = manifest.get(ACCEPTANCE, 1) >= WITH_LIFE
        reports: list[Report] = []
        reads: dict[str, list[pl.DataFrame]] = {}
        quarantine: list[pl.DataFrame] = []
        self._again, self._read_at = {}, set()
        files = [PlannedFile(**file) for file in manifest["files"]]
        outcomes = self._read(files, open_file, has_life=has_life)
        for number, (report, read, rows) in enumerate(outcomes):
            reports.append(report)
            if rows.height:
                quarantine.append(_numbered(rows, number))
            if read is not None and read.rows.height:
                reads.setdefault(report.file.feed, []).append(_numbered(read.rows, number))
        feeds: dict[str, pl.DataFrame] = {}
        beside: dict[str, pl.DataFrame] = {}
        for feed in FEEDS:
            if feed in reads:
                rows = with_points(pl.concat(reads.pop(feed)), firm.last_point, firm.interval)
                known = Known(firm.market, held.with_those("instruments", feeds))
                tested = self._tested(feed, rows, firm, (known, feeds))
                if tested is not None:
                    accepted = self.journal.accept_by_id(feed, rows, tested)
                else:
                    accepted = self._accept_feed(feed, rows, known, held)
                feeds[feed] = accepted.rows.drop("order_id", strict=False)
                if feed == "fills" and "liquidation" in manifest["rulebooks"]:
                    beside = _order_fills(accepted.rows)
                quarantine.extend(self._refuse(accepted, reports, open_file))
                tally(accepted, reports)
        refused = pl.concat([_numbered(NO_QUARANTINE, 0), *quarantine])
        frames = self._judged(refused, feeds, has_life=has_life)
        return Taken(feeds, frames | beside, reports)

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
        self, files: list[PlannedFile], open_file: OpenFile, *, has_life: bool
    ) -> list[_Outcome]:
        """What became of each file; those of a feed are read together."""
        found: dict[int, _Outcome] = {}
        left = dict(enumerate(files))
        while left:
            fresh: dict[FileKey, int] = {}
            for number, file in left.items():
                # What came of one reading of a file decides whether it is read again.
                if file.problem or key_of(file) not in fresh:
                    outcome = self._unread(number, file, has_life=has_life)
                    if outcome is None:
                        fresh[key_of(file)] = number
                    else:
                        found[number] = outcome
            found |= self._read_together({n: left[n] for n in fresh.values()}, open_file)
            left = {number: file for number, file in left.items() if number not in found}
        return [found[number] for number in range(len(files))]

    def _unread(self, number: int, file: PlannedFile, *, has_life: bool) -> _Outcome | None:
        """What becomes of a file that is not read; None for one that is."""
        if file.problem:
            rows = ignored(file.landed(), file.problem)
            return Report(file, number, "ignored", quarantined=1), None, rows
        key = key_of(file)
        if key in self.files_seen and not goes_on(file):
            # At the same time it would be refused for the same.
            is_tried = (*key, file.landed_at) in self._read_at
            if not has_life or is_tried or not self.refusals.may_land_again(key):
                return Report(file, number, "redelivered"), None, NO_QUARANTINE
        return None

    def _read_together(
        self, files: dict[int, PlannedFile], open_file: OpenFile
    ) -> dict[int, _Outcome]:
        by_feed: dict[str, list[int]] = {}
        for number, file in files.items():
            by_feed.setdefault(file.feed, []).append(number)
        found = {}
        for numbers in by_feed.values():
            reads = read_together([landed_of(files[number], open_file) for number in numbers])
            for number, read in zip(numbers, reads, strict=True):
                found[number] = self._outcome(number, files[number], read)
        return found

    def _outcome(self, number: int, file: PlannedFile, read: FileRead) -> _Outcome:
        key = key_of(file)
        if key in self.files_seen:
            self._again[key] = Again(number, *lines_of(file, read))
        self.files_seen.add(key)
        self._read_at.add((*key, file.landed_at))
        self.refusals.read(key, read.quarantined, is_all=file.span is None)
        report = Report(
            file,
            number,
            read.status,
            read.rows_read,
            quarantined=read.quarantined.height,
            extra=read.extra_columns,
        )
        return report, read, read.quarantined

    def _tested(
        self,
        feed: str,
        rows: pl.DataFrame,
        firm: Firm,
        beside: tuple[Known, Mapping[str, pl.DataFrame]],
    ) -> Test | None:
        """What judges rows of a feed by what is known, and by rows accepted beside them."""
        known, accepted = beside
        if feed == "corporate_actions":
            return ActionTests(firm.actions.versions_of(rows), firm.actions.register)
        if feed == "exercises":
            return exercise_reports(rows, known, self._lookup, accepted)
        return None

    def _accept_feed(self, feed: str, rows: pl.DataFrame, known: Known, held: HeldRows) -> Accepted:
        if feed == "opening_balances":
            return self.openings.accept(rows)
        if feed == "fills":
            rows, early = self.openings.split(rows)
            zeros = zero_fills(rows, known, self._lookup)
            taken = self.journal.accept_by_id(feed, rows, zeros)
            taken.refusals += early
            return taken
        if feed in IDS:
            return self.journal.accept_by_id(feed, rows)
        refused: list[Refusal] = []
        if feed == "prices":
            rows, refused = split_prices(rows, known)
        accepted = accept_by_content(feed, rows, self._lookup, self._days, held.of)
        accepted.refusals += refused
        return accepted

    def _refuse(
        self, accepted: Accepted, reports: list[Report], open_file: OpenFile
    ) -> list[pl.DataFrame]:
        by_file: dict[int, list[Refusal]] = {}
        for refusal in accepted.refusals:
            by_file.setdefault(refusal.file_number, []).append(refusal)
        rows = []
        for number, refusals in sorted(by_file.items()):
            reports[number].quarantined += len(refusals)
            later = [LaterRefusal(*refusal[1:]) for refusal in refusals]
            found = late_quarantine(landed_of(reports[number].file, open_file), later)
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
            landed = landed_of(reports[number].file, open_file)
        else:
            again = self._again.get(("fills", row["file_id"]))
            number = 0 if again is None else again.number
            landed = self._landed_in(row["cycle"], row["file_id"], row["landed_at"])
        detail = f"{row['fill_id']} is of another account or symbol than {row['corrects_fill_id']}"
        refusal = LaterRefusal(row["file_row"], MISMATCH, detail, row["account_id"])
        return _numbered(late_quarantine(landed, [refusal]), number)


def _order_fills(fills: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Originals that name what may be an order of a liquidation plan, as their table if any do.

    A correction stands where its original does. Ids of others' making are nobody's business here.
    """
    is_ours = pl.col("order_id").str.contains(f"^{OUR_ID.pattern}$")
    named = fills.filter(is_ours, pl.col("corrects_fill_id").is_null())
    return {"order_fills": named.select("fill_id", "order_id")} if named.height else {}


def _numbered(rows: pl.DataFrame, number: int) -> pl.DataFrame:
    return rows.with_columns(file_number=pl.lit(number, dtype=pl.Int64))
