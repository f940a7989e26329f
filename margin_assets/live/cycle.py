"""One cycle as a pure step: state and plan in, frames of every table out."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

import numpy as np
import polars as pl

from margin_assets.assets import margin
from margin_assets.kernels.book import Int64Array
from margin_assets.kernels.last_fills import with_places
from margin_assets.kernels.money import to_instants
from margin_assets.lake import declared
from margin_assets.lake.landing import PlannedFile
from margin_assets.lake.reading import (
    FileRead,
    Landed,
    LandedFile,
    ignored,
    late_quarantine,
    read_together,
    refused_later,
)
from margin_assets.lake.shards import Shards
from margin_assets.lake.store import ONE_SHARD
from margin_assets.live.acceptance import (
    IDS,
    Accepted,
    Journal,
    Lookup,
    Refusal,
    accept_by_content,
    feed_columns,
    with_points,
)
from margin_assets.live.monitor import Monitor
from margin_assets.live.reports import NO_QUARANTINE, Report, tally
from margin_assets.live.restating import DAYS
from margin_assets.live.shards import Part, StateShards
from margin_assets.live.zero_prices import split_prices, zero_fills
from margin_assets.rulebooks import in_force, versions
from schemas import FEEDS

OpenFile = Callable[[PlannedFile], BinaryIO]
OFTEN_EMPTY = frozenset(
    {
        "house_requirements",
        "intraday_deficits",
        "intraday_state",
        "pattern_day_traders",
        "reg_t_calls",
        "special_memorandum_accounts",
    }
)
DATED = ("betas", "volatilities")


@dataclass
class Computed:
    """Everything a cycle writes, before it is written."""

    frames: dict[str, pl.DataFrame]
    as_of: datetime | None
    shards: Shards = ONE_SHARD
    """Parts of the state tables that the frames replace."""
    accounts: int | None = None
    """How many accounts these parts hold; None where they are the whole tables."""


class CycleRunner:
    """Runs plans over the state they follow on: accept, then evaluate, then shape the tables."""

    def __init__(self, monitor: Monitor, journal: Journal, lookup: Lookup) -> None:
        self.monitor = monitor
        self.journal = journal
        self._lookup = lookup
        self.pending: dict[str, pl.DataFrame] = {}
        """Rows of dates that have not come, by feed."""
        bounds = in_force("lake", versions("lake")[-1]).numbers["state"]
        self.shards = StateShards(
            bounds["accounts_per_shard"],
            bounds["whole_shards"],
            bounds["least_shards"],
            bounds["settled_shards"],
            bounds["sample_seconds"],
        )
        self._fills_landed = 0
        """Fills since the session began: the place of the next one."""
        self.ever_written: set[str] = set()
        """Tables that are often empty and have had a row."""
        self.files_seen: set[tuple[str, str]] = set()
        self.paths: dict[str, str] = {}
        """Path of each landed file, by its id."""

    def accept(
        self, files: list[PlannedFile], open_file: OpenFile
    ) -> tuple[dict[str, pl.DataFrame], list[pl.DataFrame], list[Report]]:
        """Rows that count, by feed, with quarantine rows and a report of every file."""
        reports: list[Report] = []
        reads: dict[str, list[pl.DataFrame]] = {}
        quarantine: list[pl.DataFrame] = []
        for number, (report, read, rows) in enumerate(self._read(files, open_file)):
            reports.append(report)
            quarantine.append(rows)
            if read is not None and read.rows.height:
                numbered = read.rows.with_columns(file_number=pl.lit(number, dtype=pl.Int64))
                reads.setdefault(report.file.feed, []).append(numbered)
        feeds: dict[str, pl.DataFrame] = {}
        for feed in FEEDS:
            if feed in reads:
                rows = pl.concat(reads.pop(feed))
                accepted = self._accept_feed(feed, rows, feeds.get("instruments"))
                feeds[feed] = accepted.rows
                quarantine.extend(self._refuse(accepted, feed, reports, open_file))
                tally(accepted, reports)
        return feeds, quarantine, reports

    def _read(self, files: list[PlannedFile], open_file: OpenFile) -> "list[_Outcome]":
        """What became of each file; those of a feed are read together."""
        found: dict[int, _Outcome] = {}
        fresh: dict[str, list[int]] = {}
        for number, file in enumerate(files):
            outcome = self._unread(number, file)
            if outcome is None:
                fresh.setdefault(file.feed, []).append(number)
            else:
                found[number] = outcome
        for numbers in fresh.values():
            landed = [_landed(files[number], open_file) for number in numbers]
            for number, read in zip(numbers, read_together(landed), strict=True):
                found[number] = _outcome(number, files[number], read)
        return [found[number] for number in range(len(files))]

    def _unread(self, number: int, file: PlannedFile) -> "_Outcome | None":
        """What becomes of a file that is not read; None for one that is."""
        if file.problem:
            rows = ignored(file.landed(), file.problem)
            return Report(file, number, "ignored", quarantined=1), None, rows
        key, stretch = (file.feed, file.file_id), file.stretch()
        if key in self.files_seen and (stretch is None or stretch.start == 0):
            return Report(file, number, "redelivered"), None, NO_QUARANTINE
        self.files_seen.add(key)
        self.paths[file.file_id] = file.path
        return None

    def _accept_feed(
        self, feed: str, rows: pl.DataFrame, instruments: pl.DataFrame | None
    ) -> Accepted:
        market, holdings = self.monitor.market, self.monitor.holdings
        interval = self.monitor.rules(self.monitor.point).grid_interval
        pointed = with_points(rows, self.monitor.last_point, interval)
        if feed == "fills":
            zeros = zero_fills(pointed, instruments, market, holdings)
            return self.journal.accept_by_id(feed, pointed, zeros)
        if feed in IDS:
            return self.journal.accept_by_id(feed, pointed)
        refused: list[Refusal] = []
        if feed == "prices":
            pointed, refused = split_prices(pointed, instruments, market)
        accepted = accept_by_content(feed, pointed, self._lookup)
        accepted.refusals += refused
        return accepted

    def _refuse(
        self, accepted: Accepted, feed: str, reports: list[Report], open_file: OpenFile
    ) -> list[pl.DataFrame]:
        by_file: dict[int, list[Refusal]] = {}
        for refusal in accepted.refusals:
            by_file.setdefault(refusal.file_number, []).append(refusal)
        rows = []
        for number, refusals in sorted(by_file.items()):
            report = reports[number]
            report.quarantined += len(refusals)
            _, lines, reasons, details = (list(part) for part in zip(*refusals, strict=True))
            file = report.file
            rows.append(late_quarantine(_landed(file, open_file), lines, reasons, details))
        if accepted.overruled:
            rows.append(self._overruled(accepted, feed))
        return rows

    def _overruled(self, accepted: Accepted, feed: str) -> pl.DataFrame:
        """Quarantine rows of corrections accepted earlier that do not fit their original."""
        chosen = pl.col("fill_id").is_in(accepted.overruled)
        columns = [name for name in declared.schema_of(feed).columns() if name != "cycle"]
        found = (accepted.rows.filter(chosen), self._lookup(feed, chosen))
        both = pl.concat([frame.select(columns) for frame in found]).sort("fill_id")
        rows = [self._overruled_row(row) for row in both.iter_rows(named=True)]
        return pl.concat([NO_QUARANTINE, *rows])

    def _overruled_row(self, row: dict[str, Any]) -> pl.DataFrame:
        file_id = row["file_id"]
        file = LandedFile("fills", self.paths[file_id], file_id, 0, row["landed_at"])
        detail = f"{row['fill_id']} is of another account or symbol than {row['corrects_fill_id']}"
        content = {name: row[name] for name in feed_columns("fills")}
        return refused_later(file, row["file_row"], "correction_mismatch", detail, content)

    def compute(self, feeds: dict[str, pl.DataFrame], cycle: int) -> Computed:
        """Evaluates the grid points the rows cover, and shapes the tables as of the last one."""
        events, end = self._events(feeds)
        if end is None:
            return Computed({}, _instant(self.monitor.last_point))
        frames: dict[str, pl.DataFrame] = {}
        self.monitor.reg_t.restating.begin(feeds, events.get("effects"))
        decisions = self.monitor.run(events, end)
        if decisions.height:
            frames["enforcement_decisions"] = decisions
        names = self.monitor.holdings.accounts.all
        ended = self.monitor.reg_t.take_ended(names)
        if ended.height:
            frames[DAYS] = ended
        part = self.shards.choose(names, self.monitor.changed(), end)
        frames |= self._state(part.places) | {"firm_risk": self.monitor.firm_risk()}
        return _computed(frames, end, part, cycle)

    def is_behind(self) -> bool:
        """Whether rows of the state are older than the last evaluated grid point."""
        return self.shards.is_behind(self.monitor.last_point)

    def settle(self, cycle: int) -> Computed:
        """Shapes the state tables of the shards longest behind, and evaluates nothing."""
        end = self.monitor.point
        part = self.shards.settle(end)
        return _computed(self._state(part.places), end, part, cycle)

    def _state(self, of: Int64Array | None) -> dict[str, pl.DataFrame]:
        frames = {
            "positions": self.monitor.positions(of),
            "account_state": self.monitor.account_state(of),
        }
        # The same functions that Dagster runs by business date, called as plain functions.
        frames |= margin.walk(frames["positions"], frames["account_state"])
        frames |= {"enforcement_state": self.monitor.enforcement_state(of)}
        frames |= self.monitor.intraday_tables(of) | self.monitor.reg_t_tables(of)
        # A table that has never had a row is not written again and again.
        empty = {n for n in OFTEN_EMPTY if n in frames and not frames[n].height}
        for name in empty - self.ever_written:
            frames.pop(name)
        self.ever_written |= OFTEN_EMPTY & frames.keys()
        return frames

    def _events(self, feeds: dict[str, pl.DataFrame]) -> tuple[dict[str, pl.DataFrame], int | None]:
        timed = {n: f for n, f in feeds.items() if n != "fills"}
        if "fills" in feeds:
            fills = feeds["fills"]
            effects = self.journal.effects(fills, self.monitor.last_point)
            timed["effects"] = with_places(effects, fills, self._fills_landed)
            self._fills_landed += fills.height
        ends = [f["point"].max() for n, f in feeds.items() if n not in DATED and f.height]
        ends += [f.filter("is_late")["point"].max() for n, f in feeds.items() if n in DATED]
        known = [int(str(end)) for end in ends if end is not None]
        end = max(known) if known else None
        for feed in DATED:
            self._hold_back(feed, timed, end)
        return {n: _ordered(f) for n, f in timed.items() if f.height}, end

    def _hold_back(self, feed: str, timed: dict[str, pl.DataFrame], end: int | None) -> None:
        """Rows of a date that the day has not come to wait for it."""
        parts = [f for f in (self.pending.get(feed), timed.pop(feed, None)) if f is not None]
        if not parts:
            return
        rows = pl.concat(parts, how="diagonal")
        due = pl.lit(value=False) if end is None else pl.col("point") <= end
        timed[feed] = rows.filter(due)
        self.pending[feed] = rows.filter(~due)


_Outcome = tuple[Report, FileRead | None, pl.DataFrame]
"""Report of a file, what was read of it, and its quarantine rows."""


def _landed(file: PlannedFile, open_file: OpenFile) -> Landed:
    return Landed(file.landed(), partial(open_file, file), file.stretch())


def _outcome(number: int, file: PlannedFile, read: FileRead) -> _Outcome:
    report = Report(
        file,
        number,
        read.status,
        read.rows_read,
        quarantined=read.quarantined.height,
        extra=read.extra_columns,
    )
    return report, read, read.quarantined


def _computed(frames: dict[str, pl.DataFrame], end: int, part: Part, cycle: int) -> Computed:
    stamped = {n: f.with_columns(cycle=pl.lit(cycle, pl.Int64)) for n, f in frames.items()}
    accounts = None if part.places is None else len(part.places)
    return Computed(stamped, _instant(end), part.shards, accounts)


def _ordered(frame: pl.DataFrame) -> pl.DataFrame:
    time = ["event_time"] if "event_time" in frame.columns else []
    return frame.sort("point", *time, maintain_order=True)


def _instant(point: int | None) -> datetime | None:
    if point is None:
        return None
    return to_instants(np.array([point], dtype=np.int64)).item()  # type: ignore[no-any-return]
