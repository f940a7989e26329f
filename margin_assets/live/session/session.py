"""The live session: plan, accept, compute, write, seal; over and over, and again after a crash."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from margin_assets.lake.landing.archive import opened_in
from margin_assets.lake.landing.backlog import Backlog
from margin_assets.lake.landing.landing import Landing, Pending
from margin_assets.lake.ledger.adoptions import Adopted
from margin_assets.lake.ledger.cycles import Plan, Sealed
from margin_assets.lake.ledger.divisions import NotAlone, is_division
from margin_assets.lake.ledger.ledger import AnotherSession, Ledger
from margin_assets.lake.store import faults
from margin_assets.lake.store.declared import conform
from margin_assets.lake.store.kept_threads import KeptThreads
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep.caretaker import Caretaker
from margin_assets.live.acceptance.held import AWAITS
from margin_assets.live.acceptance.reports import landed_frames
from margin_assets.live.session.condition import Condition
from margin_assets.live.session.cycle import CycleRunner
from margin_assets.live.session.planning import NO_FILES, SETTLES, Planner
from margin_assets.live.session.published import Publisher
from margin_assets.live.session.startup import Source, loaded
from margin_assets.live.session.stopwatch import Stopwatch
from margin_assets.live.session.writing import Vouching, vouching, write
from margin_assets.rulebooks import adopted, planned_under
from schemas import TABLES

_POLL_SECONDS = 0.1
# Longer than the pause of a feed that sends every second: such a feed is not waited on.
_SETTLE_AFTER_SECONDS = 2.0
# Evaluated in a second or so; a first load takes minutes for ten times as many.
_MANY_ROWS = 1 << 20


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
        self.tell: Callable[[str], None] = lambda _line: None
        """What a cycle that takes long is told to on its way, a line at a time."""
        self._beside = KeptThreads(1, "vouching")
        self._publisher = Publisher(lake)
        self._adopted = Adopted(lake)
        self.planner = Planner(lake, self._adopted)
        self._runner: CycleRunner | None = None
        self._is_division = False
        """Whether the lake is a division of a firm, whose plans it follows."""
        self._at = 0
        """The sealed cycle whose firm is in memory."""

    @property
    def waiting(self) -> Backlog | None:
        """What lay in the landing folder, in no sealed cycle, when it was last listed."""
        return self.planner.waiting

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
        return self.planner.pending(landing)

    def cycle(self, landing: Landing) -> CycleResult | None:
        """Runs one cycle over what is pending; None if nothing is."""
        result = self._cycle(landing)
        self.condition.settle()
        return result

    def _cycle(self, landing: Landing) -> CycleResult | None:
        started = time.perf_counter()
        held, cut = self._ready().held, self.planner.cut(landing)
        if not cut.taken and held.since is None:
            return None
        self._expect(self._sealed_cycle())
        self._expect_no_plan()
        archived = self.planner.archived(landing, cut, held, self._at + 1)
        if archived is None:
            return None
        manifest, cut = archived
        result = self._plan_and_run(manifest, started)
        self.planner.taken(cut)
        return result

    def follow(self, manifest: dict[str, Any]) -> CycleResult:
        """Runs the next cycle over a plan that was made elsewhere, whole with its rulebooks."""
        self._ready()
        self._expect(self._sealed_cycle())
        self._expect_no_plan()
        result = self._run_manifest(manifest, time.perf_counter())
        self.condition.settle()
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
        return self._plan_and_run(NO_FILES | {SETTLES: True}, started)

    def _plan_and_run(self, manifest: dict[str, Any], started: float) -> CycleResult:
        if self._is_division:
            raise NotAlone(f"{self.lake.uri} is a division of a firm: `margin firm own` runs it")
        planned = self.planner.ruled(manifest, self.ledger.last_sealed())
        return self._run_manifest(planned | self._ready().shards.bound(), started)

    def _run_manifest(self, manifest: dict[str, Any], started: float) -> CycleResult:
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
            rulebooks = plan.manifest["rulebooks"]
            with (
                planned_under(plan.cycle, rulebooks, self._adopted),
                vouching(self._beside) as vouched,
            ):
                return self._run_plan(plan, seconds, vouched)
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

    def _run_plan(
        self, plan: Plan, seconds: dict[str, float] | None, vouched: Vouching
    ) -> CycleResult:
        runner, clock = self._ready(), Stopwatch(seconds or {})
        self._expect(plan.cycle - 1)
        taken = runner.accept(plan.manifest, partial(opened_in, self._archive, plan.manifest))
        faults.reach("accepted")
        clock.lap("accept")
        if SETTLES in plan.manifest:
            computed = runner.settle(plan.cycle, vouched.begin)
        else:
            self._tell_of_many(plan, runner.held.count + taken.rows)
            computed = runner.compute(taken.feeds, plan, vouched.begin)
        landed = landed_frames(taken.feeds | taken.frames, taken.reports, plan.cycle)
        frames = landed | computed.frames
        frames = {name: conform(name, frame) for name, frame in frames.items() if frame.width}
        written = {n: f for n, f in frames.items() if f.height or TABLES[n].mode == "state"}
        faults.reach("computed")
        clock.lap("compute")
        if computed.large is not None:
            computed.large.tell = lambda done: self.tell(f"cycle {plan.cycle}: {done}")
        done = write(self.lake, written, computed, plan.cycle, vouched)
        runner.note_written(done.counts)
        clock.lap("write")
        faults.reach("before_seal")
        sealed = self.ledger.seal(
            plan, computed.as_of, done.table_versions, done.digests, done.counts
        )
        faults.reach("sealed")
        clock.lap("seal")
        self._settled(sealed, runner)
        self._publish(sealed, runner, computed.frames, clock)
        self.caretaker.after(sealed)
        return CycleResult(sealed, done.frames, clock.seconds)

    def _tell_of_many(self, plan: Plan, rows: int) -> None:
        if rows >= _MANY_ROWS and AWAITS not in plan.manifest:
            self.tell(f"cycle {plan.cycle}: {rows:,} rows are evaluated")

    def _settled(self, sealed: Sealed, runner: CycleRunner) -> None:
        """A plan is sealed: what it took can be looked up, and is not taken again."""
        self._at = sealed.cycle
        runner.acceptor.journal.settle()
        self.planner.known.remember(sealed.manifest)

    def _show_to_newcomers(self) -> None:
        with adopted(self._adopted.after(self.ledger.last_sealed())):
            self._publisher.show(self.ledger.last_sealed(), self._ready())

    def _publish(
        self, sealed: Sealed, runner: CycleRunner, frames: dict[str, pl.DataFrame], clock: Stopwatch
    ) -> None:
        self._publisher.take(frames)
        if self._publisher.show(sealed, runner):
            clock.lap("publish")

    def run(
        self,
        landing: Landing,
        *,
        until_idle: bool = False,
        max_cycles: int | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[CycleResult]:
        """Cycles until nothing is pending (`until_idle`), enough are done, or told to stop."""
        done, result = 0, self.recover()
        if result is not None:
            done += 1
            yield result
            result = None
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
                # What a cycle wrote is large at times, and is not kept beside the next.
                result = None
            elif until_idle:
                break
            else:
                self._show_to_newcomers()
                landing.wait(_POLL_SECONDS)
        self.condition.settle(is_last=True)

    def _ready(self) -> CycleRunner:
        if self._runner is None:
            self._load()
        assert self._runner is not None  # noqa: S101 (set by _load)
        return self._runner

    def load(self) -> None:
        """Puts the state of the last sealed cycle into memory, if it is not there."""
        self._ready()

    def _load(self) -> None:
        """Puts the state of the last sealed cycle into memory."""
        self.lake.access.keep("loading the last sealed cycle", self._load_once)

    def _load_once(self) -> None:
        self.ledger.refresh()
        self._is_division = is_division(self.lake)
        self._publisher.forget()
        source = Source(self.lake, self.ledger, self._archive)
        with adopted(self._adopted.after(self.ledger.last_sealed())):
            self._runner, self._at = loaded(source, self.planner.known)
