"""The live session: plan, accept, compute, write, seal; over and over, and again after a crash."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from typing import BinaryIO

import polars as pl

from margin_assets.calendar import sessions
from margin_assets.kernels.deficit_frames import Saved
from margin_assets.kernels.fills import history_effects
from margin_assets.kernels.intraday import intraday_rules
from margin_assets.kernels.money import instants
from margin_assets.kernels.terms import first_instant
from margin_assets.kernels.timelines import BusinessDays, business_days
from margin_assets.lake import faults
from margin_assets.lake.canonical import digest
from margin_assets.lake.landing import Landing, Pending, PlannedFile, archive, in_order
from margin_assets.lake.ledger import ACCOUNTS_WRITTEN, AnotherSession, Ledger, Plan, Sealed
from margin_assets.lake.sealed import SealedTables
from margin_assets.lake.store import Lake
from margin_assets.live.acceptance import Journal, with_points
from margin_assets.live.cycle import DATED, OFTEN_EMPTY, CycleRunner, landed_frames
from margin_assets.live.monitor import Monitor
from margin_assets.rulebooks import FAMILIES, in_force, versions
from schemas import TABLES

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class CycleResult:
    """A sealed cycle, what it wrote, and how long each part took in seconds."""

    sealed: Sealed
    frames: dict[str, pl.DataFrame]
    seconds: dict[str, float]


class Session:
    """One writer of one lake. Keeps the firm in memory between cycles."""

    def __init__(self, lake: Lake, open_archive: Lake | None = None) -> None:
        self.lake = lake
        self.ledger = Ledger(lake)
        self._archive = open_archive or lake
        self._runner: CycleRunner | None = None
        self._at = 0
        """The sealed cycle whose firm is in memory."""
        self._stamps: set[tuple[str, int, datetime]] = set()
        self._ignored: set[str] = set()
        # Time does not pass in a rulebook of bounds: the newest version is the one in use.
        self._bounds = in_force("lake", versions("lake")[-1]).numbers["plan"]

    def recover(self) -> CycleResult | None:
        """Loads the last sealed cycle and finishes a plan that a dead session left."""
        self._load()
        plan = self.ledger.open_plan()
        return None if plan is None else self.run_plan(plan)

    def pending(self, landing: Landing) -> list[Pending]:
        """What has landed and is in no plan yet."""
        self._ready()
        return [
            entry
            for entry in landing.entries()
            if entry.stamp not in self._stamps
            and not (entry.problem and entry.path in self._ignored)
        ]

    def cycle(self, landing: Landing) -> CycleResult | None:
        """Runs one cycle over what is pending; None if nothing is."""
        started = time.perf_counter()
        entries = in_order(self.pending(landing), **self._bounds)
        if not entries:
            return None
        self._expect(self._sealed_cycle())
        self._expect_no_plan()
        manifest = archive(self.lake, landing, entries, self._at + 1)
        if not manifest["files"]:
            return None
        faults.reach("archived")
        manifest["rulebooks"] = {f: [str(day) for day in versions(f)] for f in FAMILIES}
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
        runner, clock = self._ready(), _Stopwatch(seconds or {})
        self._expect(plan.cycle - 1)
        files = [PlannedFile(**file) for file in plan.manifest["files"]]
        feeds, quarantine, reports = runner.accept(files, self._opener(plan))
        faults.reach("accepted")
        clock.lap("accept")
        computed = runner.compute(feeds, plan.cycle)
        frames = landed_frames(feeds, quarantine, reports, plan.cycle) | computed.frames
        frames = {name: frame for name, frame in frames.items() if frame.width}
        written = {n: f for n, f in frames.items() if f.height or TABLES[n].mode == "state"}
        digests = {n: digest(frame, TABLES[n]) for n, frame in sorted(written.items())}
        faults.reach("computed")
        clock.lap("compute")
        table_versions = self.lake.write_all(written, plan.cycle, computed.accounts)
        clock.lap("write")
        faults.reach("before_seal")
        counts = {name: frame.height for name, frame in sorted(written.items())}
        if computed.accounts is not None:
            counts[ACCOUNTS_WRITTEN] = len(computed.accounts)
        sealed = self.ledger.seal(plan, computed.as_of, table_versions, digests, counts)
        faults.reach("sealed")
        clock.lap("seal")
        self._at = plan.cycle
        self._remember(files)
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
        while not stop() and (max_cycles is None or done < max_cycles):
            result = self.cycle(landing)
            if result is not None:
                done += 1
                yield result
            elif until_idle:
                return
            else:
                time.sleep(_POLL_SECONDS)

    def _opener(self, plan: Plan) -> Callable[[PlannedFile], BinaryIO]:
        path = plan.manifest["archive"]
        return lambda file: self._archive.open_object(path, file.offset, file.bytes)

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
        self.ledger.refresh()
        sealed = self.ledger.last_sealed()
        versions_of = sealed.table_versions if sealed else {}
        scan = SealedTables(self.lake, versions_of)
        monitor = Monitor(sessions().opens, _business_days())
        runner = CycleRunner(monitor, Journal(self._lookup), self._lookup)
        runner.journal.load()
        if sealed is not None:
            self._load_files(scan, runner)
            if sealed.as_of is not None:
                load_monitor(monitor, scan, instants(pl.Series([sealed.as_of])).item())
            runner.written_whole = _written_whole(scan)
            runner.ever_written = {name for name in OFTEN_EMPTY if scan(name).height}
            runner.pending = {feed: _pending(scan, feed, monitor) for feed in DATED}
        self._runner, self._at = runner, 0 if sealed is None else sealed.cycle

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

    def _lookup(self, table: str, condition: pl.Expr) -> pl.DataFrame:
        last = self.ledger.last_sealed()
        scan = SealedTables(self.lake, last.table_versions if last else {})
        return scan(table, condition)


def _dated(scan: SealedTables, feed: str) -> pl.DataFrame:
    """Rows of a dated feed in landing order, each with the instant it counts from."""
    rows = scan.in_landing_order(feed).collect()
    return rows.with_columns(event_time=first_instant(rows["as_of_date"]))


def _pending(scan: SealedTables, feed: str, monitor: Monitor) -> pl.DataFrame:
    """Rows of dates that have not come."""
    rows, last = _dated(scan, feed).drop("cycle", "is_late"), monitor.last_point
    pointed = with_points(rows, last, monitor.rules(last or 0).grid_interval)
    return pointed.filter(~pl.col("is_late"))


def _written_whole(scan: SealedTables) -> int | None:
    """Grid point at which the state tables were last written whole, as the firm then was."""
    at = scan("firm_risk")["as_of"].max()
    return None if at is None else int(instants(pl.Series([at]))[0])


def load_monitor(  # noqa: PLR0915 (one step a table, in their order)
    monitor: Monitor, scan: SealedTables, as_of: int
) -> None:
    """Puts a sealed cycle's firm into the monitor."""
    market, holdings, rules = monitor.market, monitor.holdings, monitor.rules(as_of)
    monitor.last_point = as_of
    bound = pl.Series([as_of])
    for feed in ("instruments", *DATED, "prices", "rates"):
        rows = _dated(scan, feed) if feed in DATED else scan.in_landing_order(feed).collect()
        past = rows.filter(pl.Series(instants(rows["event_time"]) <= bound.item()))
        ordered = past.sort("event_time", maintain_order=True)
        if not ordered.height:
            continue
        if feed == "rates":
            market.apply_rates(ordered)
            continue
        market.add(ordered["symbol"])
        if feed == "instruments":
            market.apply_instruments(ordered)
        elif feed == "betas":
            market.apply_betas(ordered)
        elif feed == "volatilities":
            market.apply_volatilities(ordered)
        else:
            market.apply_prices(ordered, as_of, rules)
    accounts, positions = scan("account_state"), scan("positions")
    market.add(positions["symbol"])
    monitor.grow(holdings.add(accounts["account_id"]))
    holdings.load(accounts, positions, market.symbols, market.class_group)
    versions_of = scan.in_landing_order("accounts").collect()
    if versions_of.height:
        holdings.apply_accounts(versions_of.sort("event_time", maintain_order=True))
    monitor.load_ladder(scan("enforcement_state"), as_of)
    _load_unsized(monitor, scan)
    saved = Saved(scan("intraday_deficits"), scan("intraday_state"))
    monitor.intraday.load(saved, holdings.accounts, as_of)
    monitor.resume()


@cache
def _business_days() -> BusinessDays:
    known = sessions()
    ends_after = intraday_rules(known.days[-1]).day_ends_after_close
    return business_days(known.days, known.closes, ends_after)


def _load_unsized(monitor: Monitor, scan: SealedTables) -> None:
    """Fills of symbols without an instrument row, whose multiplier is still to come."""
    market = monitor.market
    unknown = pl.Series(market.symbols.all, dtype=pl.String).filter(pl.Series(~market.is_known))
    fills = scan("fills", pl.col("symbol").is_in(unknown.implode()))
    if fills.height:
        effects = history_effects(fills)
        monitor.holdings.remember_unsized(effects, market.symbols, market.is_known)


class _Stopwatch:
    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = dict(seconds)
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
