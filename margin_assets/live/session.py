"""The live session: plan, accept, compute, write, seal; over and over, and again after a crash."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, BinaryIO

import polars as pl

from margin_assets.calendar import sessions
from margin_assets.kernels.book import Int64Array
from margin_assets.kernels.money import instants
from margin_assets.kernels.sma_walk import Calendar
from margin_assets.lake import faults
from margin_assets.lake.archive import archive, begun_entry, opened_in
from margin_assets.lake.backlog import Backlog, backlog_of, is_ahead
from margin_assets.lake.canonical import digest
from margin_assets.lake.caretaker import Caretaker
from margin_assets.lake.landing import Landing, Pending, PlannedFile, in_order
from margin_assets.lake.ledger import ACCOUNTS_WRITTEN, AnotherSession, Ledger, Plan, Sealed
from margin_assets.lake.sealed import SealedTables
from margin_assets.lake.store import Lake
from margin_assets.live.acceptance import Journal
from margin_assets.live.condition import Condition
from margin_assets.live.cycle import DATED, OFTEN_EMPTY, CycleRunner
from margin_assets.live.loading import known_business_days, load_monitor, pending_rows
from margin_assets.live.monitor import Monitor
from margin_assets.live.reports import landed_frames
from margin_assets.live.restating import Restating
from margin_assets.live.sealed_points import sealed_points
from margin_assets.live.stopwatch import Stopwatch
from margin_assets.rulebooks import in_force, installed, planned_under, versions
from schemas import TABLES

SETTLES = "settles"
"""In the manifest of a cycle that takes no files and brings rows up to date."""
_POLL_SECONDS = 0.1
# Longer than the pause of a feed that sends every second: such a feed is not waited on.
_SETTLE_AFTER_SECONDS = 2.0


@dataclass(frozen=True)
class CycleResult:
    """A sealed cycle, what it wrote, and how long each part took in seconds."""

    sealed: Sealed
    frames: dict[str, pl.DataFrame]
    seconds: dict[str, float]

    @property
    def landed_files(self) -> pl.DataFrame:
        """What became of each file; empty for a cycle that only settles."""
        name = "landed_files"
        return self.frames.get(name, TABLES[name].schema.create_empty())


class Session:
    """One writer of one lake. Keeps the firm in memory between cycles."""

    def __init__(self, lake: Lake, open_archive: Lake | None = None) -> None:
        self.lake = lake
        self.ledger = Ledger(lake)
        self._archive = open_archive or lake
        self.caretaker = Caretaker(lake)
        self.condition = Condition()
        """How the store is doing."""
        lake.access.patience.serve(self.condition)
        self._runner: CycleRunner | None = None
        self._at = 0
        """The sealed cycle whose firm is in memory."""
        self.waiting: Backlog | None = None
        """What lay in the landing folder, in no sealed cycle, when it was last listed."""
        self._begun: Pending | None = None
        """The file of which later plans take what is left."""
        self._stamps: set[tuple[str, int, datetime]] = set()
        self._ignored: set[str] = set()
        # Time does not pass in a rulebook of bounds: the newest version is the one in use.
        self._bounds = in_force("lake", versions("lake")[-1]).numbers["plan"]

    def recover(self) -> CycleResult | None:
        """Loads the last sealed cycle and finishes a plan that a dead session left."""
        self._load()
        plan = self.ledger.open_plan()
        result = None if plan is None else self.run_plan(plan)
        self.condition.settle()
        return result

    def pending(self, landing: Landing) -> list[Pending]:
        """What has landed and is in no plan yet; what is ahead of our clock waits (8.15)."""
        self._ready()
        now = datetime.now(UTC)
        found = [e for e in landing.unknown(self._is_planned) if not is_ahead(e, now)]
        return found if self._begun is None else [self._begun, *found]

    def _is_planned(self, entry: Pending) -> bool:
        return entry.stamp in self._stamps or bool(entry.problem and entry.path in self._ignored)

    def cycle(self, landing: Landing) -> CycleResult | None:
        """Runs one cycle over what is pending; None if nothing is."""
        result = self._cycle(landing)
        self.condition.settle()
        return result

    def _cycle(self, landing: Landing) -> CycleResult | None:
        started = time.perf_counter()
        pending = self.pending(landing)
        self.waiting = backlog_of(pending)
        entries = in_order(pending, **self._bounds)
        if self._begun is not None and self._begun not in entries:
            entries = [self._begun, *entries]
        if not entries:
            return None
        self._expect(self._sealed_cycle())
        self._expect_no_plan()
        manifest, left = archive(self.lake, landing, entries, self._at + 1)
        if not manifest["files"]:
            return None
        faults.reach("archived")
        result = self._plan_and_run(manifest, started)
        self._begun = next((entry for entry in left if entry.begun is not None), None)
        taken = {entry.stamp for entry in entries}
        later = (entry for entry in pending if entry.stamp not in taken)
        self.waiting = backlog_of([*left, *later])
        return result

    def settle(self) -> CycleResult | None:
        """Runs one cycle that brings rows of a large book up to date; None if none is behind.

        For when nothing is pending: nothing is evaluated, rows of the state are written.
        """
        started = time.perf_counter()
        if not self._ready().is_behind():
            return None
        self._expect(self._sealed_cycle())
        self._expect_no_plan()
        return self._plan_and_run({"archive": "", "files": [], SETTLES: True}, started)

    def _plan_and_run(self, manifest: dict[str, Any], started: float) -> CycleResult:
        manifest["rulebooks"] = installed()
        manifest["code_version"] = version("margin-lakehouse")
        faults.reach("before_plan")
        try:
            plan = self.ledger.plan(manifest)
        except AnotherSession:
            # The firm in memory is behind now: it is loaded again before it is used again.
            self._runner = None
            raise
        faults.reach("planned")
        return self.run_plan(plan, {"plan": time.perf_counter() - started})

    def run_plan(self, plan: Plan, seconds: dict[str, float] | None = None) -> CycleResult:
        """Computes, writes and seals a planned cycle: a pure function of it and what is sealed."""
        try:
            with planned_under(plan.cycle, plan.manifest["rulebooks"]):
                return self._run_plan(plan, seconds)
        except Exception:
            # Half a step may be in memory: what is sealed is loaded again before the next.
            self._runner = None
            raise

    def _sealed_cycle(self) -> int:
        last = self.ledger.last_sealed()
        return 0 if last is None else last.cycle

    def _expect(self, sealed: int) -> None:
        """Makes sure that the firm in memory is that of a sealed cycle, and no other's."""
        if self._at != sealed:
            at, self._runner = self._at, None
            raise AnotherSession(f"another session sealed cycle {sealed}; this one is at {at}")

    def _expect_no_plan(self) -> None:
        """Makes sure that no other session is at work on the next cycle already.

        Seen here when both sealed the cycle before: the ledger was read again, and shows it.
        """
        plan = self.ledger.open_plan()
        if plan is not None:
            self._runner = None
            raise AnotherSession(f"cycle {plan.cycle} is planned and not sealed yet")

    def _run_plan(self, plan: Plan, seconds: dict[str, float] | None) -> CycleResult:
        runner, clock = self._ready(), Stopwatch(seconds or {})
        self._expect(plan.cycle - 1)
        files = [PlannedFile(**file) for file in plan.manifest["files"]]
        feeds, quarantine, reports = runner.accept(files, self._opener(plan))
        faults.reach("accepted")
        clock.lap("accept")
        settles = SETTLES in plan.manifest
        computed = runner.settle(plan.cycle) if settles else runner.compute(feeds, plan.cycle)
        frames = landed_frames(feeds, quarantine, reports, plan.cycle) | computed.frames
        frames = {name: frame for name, frame in frames.items() if frame.width}
        written = {n: f for n, f in frames.items() if f.height or TABLES[n].mode == "state"}
        faults.reach("computed")
        clock.lap("compute")
        with ThreadPoolExecutor(1) as beside:
            # The seal asks for the digests, the tables do not: commits wait on storage meanwhile.
            vouched = beside.submit(_digests, written)
            table_versions = self.lake.write_all(written, plan.cycle, computed.shards)
            digests = vouched.result()
        clock.lap("write")
        faults.reach("before_seal")
        counts = {name: frame.height for name, frame in sorted(written.items())}
        if computed.accounts is not None:
            counts[ACCOUNTS_WRITTEN] = computed.accounts
        sealed = self.ledger.seal(plan, computed.as_of, table_versions, digests, counts)
        faults.reach("sealed")
        clock.lap("seal")
        self._at = plan.cycle
        runner.journal.settle()
        self._remember(files)
        self._begun = begun_entry(plan.manifest)
        self.caretaker.after(sealed)
        return CycleResult(sealed, written, clock.seconds)

    def run(
        self,
        landing: Landing,
        *,
        until_idle: bool = False,
        max_cycles: int | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[CycleResult]:
        """Cycles until nothing is pending (`until_idle`), enough are done, or told to stop."""
        done = 0
        recovered = self.recover()
        if recovered is not None:
            done += 1
            yield recovered
        busy = time.monotonic()
        while not stop() and (max_cycles is None or done < max_cycles):
            result = self.cycle(landing)
            if result is not None:
                busy = time.monotonic()
            elif until_idle or time.monotonic() - busy > _SETTLE_AFTER_SECONDS:
                result = self.settle()
            if result is not None:
                done += 1
                yield result
            elif until_idle:
                break
            else:
                landing.wait(_POLL_SECONDS)
        self.condition.settle(is_last=True)

    def _opener(self, plan: Plan) -> Callable[[PlannedFile], BinaryIO]:
        return lambda file: opened_in(self._archive, plan.manifest, file)

    def _ready(self) -> CycleRunner:
        if self._runner is None:
            self._load()
        assert self._runner is not None  # noqa: S101 (set by _load)
        return self._runner

    def _remember(self, files: list[PlannedFile]) -> None:
        for file in files:
            landed = file.landed()
            self._stamps.add((landed.path, landed.bytes, landed.landed_at))
            if file.problem:
                self._ignored.add(file.path)

    def _load(self) -> None:
        """Puts the state of the last sealed cycle into memory."""
        self.lake.access.keep("loading the last sealed cycle", self._load_once)

    def _load_once(self) -> None:
        self.ledger.refresh()
        sealed = self.ledger.last_sealed()
        versions_of = sealed.table_versions if sealed else {}
        scan = SealedTables(self.lake, versions_of)
        known = Calendar(sessions().opens, sessions().closes, known_business_days())
        monitor = Monitor(known, Restating(self._tables, self._points_of, known))
        journal = Journal(self._lookup, scan.scan, self._points_of)
        runner = CycleRunner(monitor, journal, self._lookup)
        runner.journal.load()
        if sealed is not None:
            self._load_files(scan, runner)
            if sealed.as_of is not None:
                as_of = instants(pl.Series([sealed.as_of])).item()
                load_monitor(monitor, scan, as_of, self._points_of)
            accounts = scan("account_state").sort("account_id")
            runner.shards.load(accounts["account_id"].to_list(), accounts["as_of"])
            runner.ever_written = {name for name in OFTEN_EMPTY if scan.was_written(name)}
            runner.pending = {feed: pending_rows(scan, feed, monitor) for feed in DATED}
        self._runner, self._at = runner, 0 if sealed is None else sealed.cycle
        self._begun = None if sealed is None else begun_entry(sealed.manifest)

    def _load_files(self, scan: SealedTables, runner: CycleRunner) -> None:
        files = scan("landed_files").select(
            "feed", "file_id", "path", "bytes", "landed_at", "status"
        )
        for feed, file_id, path, size, landed_at, status in files.iter_rows():
            self._stamps.add((path, size, landed_at))
            if status == "ignored":
                self._ignored.add(path)
            else:
                runner.files_seen.add((feed, file_id))
                runner.paths[file_id] = path

    def _points_of(self, rows: pl.DataFrame) -> Int64Array:
        return sealed_points(rows, self.ledger.ends)

    def _lookup(self, table: str, condition: pl.Expr) -> pl.DataFrame:
        return self._tables()(table, condition)

    def _tables(self) -> SealedTables:
        last = self.ledger.last_sealed()
        return SealedTables(self.lake, last.table_versions if last else {})


def _digests(written: dict[str, pl.DataFrame]) -> dict[str, str]:
    return {name: digest(frame, TABLES[name]) for name, frame in sorted(written.items())}
