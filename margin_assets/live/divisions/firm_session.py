"""The firm's session: plans what landed, waits for every division, and seals them as one."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import polars as pl

from margin_assets.lake.landing.cut import Cut
from margin_assets.lake.landing.landing import Landing, Pending
from margin_assets.lake.ledger.adoptions import Adopted
from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.ledger.cycles import Plan, Sealed
from margin_assets.lake.ledger.divisions import agree, hash_name, lakes_of
from margin_assets.lake.ledger.ledger import AnotherSession, Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep.caretaker import Caretaker
from margin_assets.live.acceptance.held import HeldRows
from margin_assets.live.divisions.totals import Totals
from margin_assets.live.divisions.watched import WatchedLedger
from margin_assets.live.session.condition import Condition
from margin_assets.live.session.planning import NO_FILES, SETTLES, Planner
from margin_assets.live.session.session import CycleResult
from margin_assets.live.session.stopwatch import Stopwatch
from margin_assets.rulebooks import planned_under
from schemas import TABLES

_POLL_SECONDS = 0.05
_SETTLE_AFTER_SECONDS = 2.0
Stop = Callable[[], bool]


class FirmSession:
    """One writer of one firm in divisions. Holds no account in memory, only what has landed."""

    def __init__(self, lake: Lake) -> None:
        """Takes the firm's lake, which must have been made in divisions."""
        self.lake, self.divisions = lake, lakes_of(lake)
        self.ledger = Ledger(lake)
        self.caretaker = Caretaker(lake)
        self.condition = Condition()
        lake.access.patience.serve(self.condition)
        self._own = Adopted(lake)
        self.planner = Planner(lake, self._own)
        self._followed = [WatchedLedger(division) for division in self.divisions]
        self._totals: Totals | None = None
        """None before the last sealed cycle is in memory."""

    def pending(self, landing: Landing) -> list[Pending]:
        """Nothing: it holds no book that would have to be in memory before it plans."""
        del landing
        return []

    def run(
        self,
        landing: Landing,
        *,
        until_idle: bool = False,
        max_cycles: int | None = None,
        stop: Stop = lambda: False,
    ) -> Iterator[CycleResult]:
        """Cycles of the firm until nothing is pending, enough are done, or told to stop.

        A plan that is open is sealed first, whoever made it. Told to stop, it leaves a plan that
        the divisions are at work on to whoever comes next.
        """
        done, busy = 0, time.monotonic()
        while not stop() and (max_cycles is None or done < max_cycles):
            started = time.perf_counter()
            if not self._is_ready(stop):
                break
            is_quiet = until_idle or time.monotonic() - busy > _SETTLE_AFTER_SECONDS
            planned = self._planned(landing, settles=is_quiet)
            if planned is None:
                if until_idle:
                    break
                landing.wait(_POLL_SECONDS)
                continue
            result = self._sealed(*planned, stop, started)
            if result is None:
                break
            done, busy = done + 1, time.monotonic()
            yield result
        self.condition.settle(is_last=True)

    def _planned(self, landing: Landing, *, settles: bool) -> tuple[Plan, Cut | None] | None:
        """The open plan, or one of what has landed, or one that only brings rows up to date."""
        plan, last = self.ledger.open_plan(), self.ledger.last_sealed()
        if plan is not None:
            return plan, None
        held = HeldRows(None if last is None else last.manifest)
        cut = self.planner.cut(landing)
        if cut.taken or held.since is not None:
            archived = self.planner.archived(landing, cut, held, _cycle(last) + 1)
            if archived is not None:
                return self._plan(archived[0]), archived[1]
        if settles and self._is_behind(last):
            return self._plan(NO_FILES | {SETTLES: True}), None
        return None

    def _plan(self, manifest: dict[str, object]) -> Plan:
        faults.reach("before_plan")
        try:
            plan = self.ledger.plan(self.planner.ruled(manifest, self.ledger.last_sealed()))
        except AnotherSession:
            self._totals = None
            raise
        faults.reach("planned")
        return plan

    def _is_behind(self, last: Sealed | None) -> bool:
        """Whether a division has rows older than the last evaluated grid point."""
        if last is None or last.as_of is None:
            return False
        return any(_oldest(t) not in (None, last.as_of) for t in self._tables(last.cycle))

    def _tables(self, cycle: int) -> list[SealedTables]:
        seals = [ledger.sealed(cycle) for ledger in self._followed]
        pairs = zip(self.divisions, seals, strict=True)
        return [SealedTables(lake, sealed) for lake, sealed in pairs]

    def _sealed(
        self, plan: Plan, cut: Cut | None, stop: Stop, started: float
    ) -> CycleResult | None:
        clock = Stopwatch({"plan": time.perf_counter() - started})
        seals = self._awaited(plan.cycle, stop)
        if seals is None:
            return None
        clock.lap("divisions")
        try:
            with planned_under(plan.cycle, plan.manifest["rulebooks"], self._own):
                sealed, frames = self._seal(plan, seals, clock)
        except Exception:
            # Half a step may be in memory: what is sealed is loaded again before the next.
            self._totals = None
            raise
        self.planner.known.remember(plan.manifest)
        if cut is not None:
            self.planner.taken(cut)
        self.caretaker.after(sealed)
        self.condition.settle()
        landed = SealedTables(self.divisions[0], seals[0])
        frames["landed_files"] = landed("landed_files", pl.col("cycle") == plan.cycle)
        return CycleResult(sealed, frames, clock.seconds)

    def _awaited(self, cycle: int, stop: Stop) -> list[Sealed] | None:
        """The seals of all divisions; None if told to stop before the last of them."""
        waiting = dict(enumerate(self._followed))
        while waiting:
            for number, ledger in list(waiting.items()):
                ledger.look()
                last = ledger.last_sealed()
                if last is not None and last.cycle >= cycle:
                    del waiting[number]
            if waiting:
                if stop():
                    return None
                time.sleep(_POLL_SECONDS)
        return [ledger.sealed(cycle) for ledger in self._followed]

    def _seal(
        self, plan: Plan, seals: Sequence[Sealed], clock: Stopwatch
    ) -> tuple[Sealed, dict[str, pl.DataFrame]]:
        """Writes the firm's tables and seals them together with the divisions' seals."""
        agree(plan, list(seals))
        frames = self._ready().frames(seals)
        faults.reach("computed")
        clock.lap("compute")
        versions = self.lake.write_all(frames, plan.cycle)
        clock.lap("write")
        faults.reach("before_seal")
        digests = {hash_name(number): division.hash for number, division in enumerate(seals)}
        digests |= _digests(frames)
        counts = {name: frame.height for name, frame in sorted(frames.items())}
        sealed = self.ledger.seal(plan, seals[0].as_of, versions, digests, counts)
        faults.reach("sealed")
        clock.lap("seal")
        return sealed, frames

    def _is_ready(self, stop: Stop) -> bool:
        """Loads what is sealed, once all divisions have sealed it; False if told to stop before.

        One that was lost is behind until its owner has made it anew.
        """
        if self._totals is None:
            self.ledger.refresh()
            last = self.ledger.last_sealed()
            if last is not None and self._awaited(last.cycle, stop) is None:
                return False
            self._ready()
        return True

    def _ready(self) -> Totals:
        if self._totals is None:
            self._totals = self.lake.access.keep("loading the last sealed cycle", self._loaded)
        return self._totals

    def _loaded(self) -> Totals:
        self.ledger.refresh()
        last = self.ledger.last_sealed()
        if last is not None:
            self.planner.known.load(self._tables(last.cycle)[0]("landed_files"))
            self.planner.known.remember(last.manifest)
        return Totals(self.lake, self.divisions)


def _cycle(last: Sealed | None) -> int:
    return 0 if last is None else last.cycle


def _oldest(tables: SealedTables) -> object:
    return tables("account_state", columns=("as_of",))["as_of"].min()


def _digests(frames: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    return {name: digest(frame, TABLES[name]) for name, frame in sorted(frames.items())}
