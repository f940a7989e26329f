"""What a session has in memory when it starts: the firm and the files of the last sealed cycle."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl

from margin_assets.calendar import calendar
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants
from margin_assets.lake.landing.archive import begun_entry, opened_in
from margin_assets.lake.landing.backlog import is_ahead
from margin_assets.lake.landing.landing import Landing, Pending, PlannedFile
from margin_assets.lake.landing.reading import Landed
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.division import Division
from margin_assets.lake.store.store import Lake
from margin_assets.live.acceptance.accepting import Acceptor
from margin_assets.live.acceptance.held import HeldRows
from margin_assets.live.acceptance.journal import Journal
from margin_assets.live.acceptance.openings import Openings
from margin_assets.live.acceptance.sealed_points import sealed_points
from margin_assets.live.books.restating import Restating
from margin_assets.live.firm.monitor import Monitor
from margin_assets.live.session.cycle import DATED, OFTEN_EMPTY, CycleRunner
from margin_assets.live.session.loading import load_monitor, pending_rows


@dataclass
class KnownFiles:
    """Files that are in a plan already, and entries that were reported as ignored."""

    stamps: set[tuple[str, int, datetime]] = field(default_factory=set)
    ignored: set[str] = field(default_factory=set)
    begun: Pending | None = None
    """The file of which later plans take what is left."""

    def pending(self, landing: Landing, now: datetime) -> list[Pending]:
        """What has landed and is in no plan; what is ahead of the clock waits (semantics 8.15)."""
        found = [e for e in landing.unknown(self.is_planned) if not is_ahead(e, now)]
        return found if self.begun is None else [self.begun, *found]

    def load(self, files: pl.DataFrame) -> None:
        """Takes the rows of `landed_files`."""
        columns = "path", "bytes", "landed_at", "status"
        for path, size, landed_at, status in files.select(columns).iter_rows():
            self.stamps.add((path, size, landed_at))
            if status == "ignored":
                self.ignored.add(path)

    def is_planned(self, entry: Pending) -> bool:
        """Whether an entry of the landing folder is one of them."""
        return entry.stamp in self.stamps or bool(entry.problem and entry.path in self.ignored)

    def remember(self, manifest: dict[str, Any]) -> None:
        """A plan was sealed."""
        self.begun = begun_entry(manifest)
        for file in (PlannedFile(**planned) for planned in manifest["files"]):
            landed = file.landed()
            self.stamps.add((landed.path, landed.bytes, landed.landed_at))
            if file.problem:
                self.ignored.add(file.path)


@dataclass(frozen=True)
class Source:
    """Where a session reads what is sealed, as of whatever cycle is the last when it asks."""

    lake: Lake
    ledger: Ledger
    archive: Lake
    """Where the landed bytes lie."""

    def tables(self, before: int | None = None) -> SealedTables:
        """All tables as of the last sealed cycle; landed rows of cycles `before` one alone."""
        last = self.ledger.last_sealed()
        return SealedTables(self.lake, last, before)

    def mine(self, before: int | None = None) -> SealedTables:
        """The same, landed rows of accounts of the lake's own division alone."""
        return self.tables(before).of(self.division())

    def division(self) -> Division:
        """The division of a firm that the lake keeps, as far as a cycle tells."""
        last = self.ledger.last_sealed()
        return Division.of(last.manifest if last else None)

    def lookup(
        self, table: str, condition: pl.Expr, /, columns: Sequence[str] = ()
    ) -> pl.DataFrame:
        """Rows of a table that fulfil a condition, whole or some columns of them."""
        return self.tables()(table, condition, columns=columns)

    def points_of(self, rows: pl.DataFrame) -> Int64Array:
        """Grid points that rows of sealed cycles count from."""
        return sealed_points(rows, self.ledger.ends)

    def landed_in(self, cycle: int, file_id: str, landed_at: object) -> Landed:
        """What a sealed cycle took of a file, by the file's id and landing time."""
        manifest = self.ledger.sealed(cycle).manifest
        files = (PlannedFile(**file) for file in manifest["files"])
        is_it = (f for f in files if f.file_id == file_id and f.landed().landed_at == landed_at)
        file = next(is_it)
        opened = partial(opened_in, self.archive, manifest, file)
        return Landed(file.landed(), opened, file.stretch())


def loaded(source: Source, known: KnownFiles) -> tuple[CycleRunner, int]:
    """The firm of the last sealed cycle, and which cycle that is; takes its files as known."""
    sealed = source.ledger.last_sealed()
    scan = source.tables()
    days = calendar()
    monitor = Monitor(days, Restating(source.mine, source.points_of, days), source.mine)
    held = HeldRows(sealed.manifest if sealed else None)
    openings = Openings(source.lookup, source.points_of)
    journal = Journal(source.lookup, scan.scan, source.points_of, openings.tape)
    acceptor = Acceptor(journal, openings, source.lookup, source.landed_in)
    openings.load(scan.scan)
    journal.load(held.since)
    runner = CycleRunner(monitor, acceptor, held)
    known.begun = None if sealed is None else begun_entry(sealed.manifest)
    if sealed is None:
        return runner, 0
    if held.since is not None:
        # Fills that are held name orders too.
        monitor.plans.link(scan("order_fills", pl.col("cycle") >= held.since))
    acceptor.refusals.load(scan.scan, held.since)
    held.load(scan, source.points_of)
    _load_files(scan, acceptor, known)
    _load_firm(source, sealed, runner)
    return runner, sealed.cycle


def _load_firm(source: Source, sealed: Sealed, runner: CycleRunner) -> None:
    """The firm as it was last evaluated: what is held has changed nothing yet."""
    scan = SealedTables(source.lake, sealed, before=runner.held.since)
    if sealed.as_of is not None:
        as_of = instants(pl.Series([sealed.as_of])).item()
        planned = sealed.manifest["rulebooks"]
        division = Division.of(sealed.manifest)
        load_monitor(runner.monitor, (scan, scan.of(division)), as_of, source.points_of, planned)
        runner.rates.load(scan, as_of)
    accounts = scan("account_state").sort("account_id")
    runner.shards.load(accounts["account_id"].to_list(), accounts["as_of"])
    runner.ever_written = {name for name in OFTEN_EMPTY if scan.was_written(name)}
    dated = filter(scan.has_rows, DATED)
    runner.pending = {feed: pending_rows(scan, feed, runner.monitor) for feed in dated}


def _load_files(scan: SealedTables, acceptor: Acceptor, known: KnownFiles) -> None:
    files = scan("landed_files")
    known.load(files)
    read = files.filter(pl.col("status") != "ignored").select("feed", "file_id")
    acceptor.files_seen.update(read.iter_rows())
