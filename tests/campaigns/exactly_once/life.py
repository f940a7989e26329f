"""One life of a session: a process that goes on where the lake stands, and may die at any time."""

import ctypes
import os
import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import dagster as dg

from jobs.upkeep import tidy_tables
from margin_assets.assets.resources import LakeResource
from margin_assets.lake.ledger.ledger import AnotherSession
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from tests.campaigns.exactly_once import clock, desk
from tests.campaigns.exactly_once.deliveries import Delivery, Feed, batch_with

_PATIENCE = 0.02
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Life:
    """What befalls one process. A plain one works until nothing is left to do."""

    point: str = ""
    """Killed at this point ..."""
    cycle: int = 0
    """... of this cycle, counted from those it found sealed, or a later one that comes there."""
    is_upkeep: bool = False
    """Tidies every table instead of running cycles."""
    disk_is_full: bool = False
    """Errors of the store are expected; the same session tries again until it has space."""
    largest_file: int = 0
    """Bytes beyond which a file cannot grow, for the first tries; 0 for no such limit."""
    cycles: int = 10**6
    """Cycles after which it ends by itself."""
    ahead: int = 0
    """Batches it lets land before the cycle that takes them."""
    clock_shift: int = 0
    """Seconds by which its clock is wrong."""
    desk: str = ""
    """The desk works after each of its cycles, and it is killed at this point of that."""
    ends_softly: bool = True
    """What SIGTERM does: ends after the cycle at work, or breaks off at once as Dagster does."""


class Terminated(BaseException):
    """Raised wherever the program happens to be."""


@dataclass
class Place:
    """Where a trial's lake and landing folder are."""

    folder: Path
    max_files: int = 0
    """Files that a plan takes at most; 0 for as many as the rulebook says."""

    @property
    def lake(self) -> str:
        """Its URI; on a file system of its own, that may fill."""
        return str(self.folder / "disk" / "lake")

    def feed(self, delivery: Delivery) -> Feed:
        """The landing folder, on a disk that never fills."""
        return Feed(self.folder / "landing", delivery)


def live(life: Life, place: Place, delivery: Delivery, *, keeps_cut: bool) -> None:
    """Lives a life to its end, or dies; raises what a healthy session never raises."""
    clock.shift(life.clock_shift)
    is_told = _told_to_stop(life)
    if life.is_upkeep:
        _tidy(place)
        return
    runner = _Runner(life, place, delivery, keeps_cut)
    runner.run(is_told)


class _Runner:
    def __init__(self, life: Life, place: Place, delivery: Delivery, keeps_cut: bool) -> None:
        self._life = life
        self._place = place
        self._feed = place.feed(delivery)
        self._keeps_cut = keeps_cut
        self._tries = 0
        self._found: int | None = None
        self._must_recover = True
        self._session: Session | None = None
        self._due = [batch_with(delivery, what) for what in (b'"plan_send"', b'"sold-RECALLED-2"')]
        """Batches before which the desk works: plans stand approved until then, or are recalled."""
        if life.point or life.desk:
            faults.arm(self._die_here)

    def run(self, is_told: Callable[[], bool]) -> None:
        done = 0
        with _small_files(self._life.largest_file) as lift_limit:
            while not is_told() and done < self._life.cycles:
                try:
                    step = self._step()
                except AnotherSession:
                    _note("stepped aside")
                    # A process that steps aside ends; the next one is new.
                    self._session, self._must_recover = None, True
                    time.sleep(_PATIENCE)
                    continue
                except Exception:
                    if not self._life.disk_is_full:
                        raise
                    # The same session goes on: what it has in memory must not matter.
                    _note("failed for want of space")
                    self._must_recover = True
                    self._tries += 1
                    if self._tries >= 3:
                        lift_limit()
                    time.sleep(_PATIENCE)
                    continue
                if step is None:
                    return
                done += step

    def _step(self) -> int | None:
        """Runs a cycle; None when everything has landed and is sealed, else cycles sealed."""
        session = self._opened()
        if self._must_recover:
            recovered = session.recover()
            self._must_recover = False
            if recovered is not None:
                return 1
        if self._keeps_cut:
            # Batch n is cycle n, so it lands when the cycle before is sealed, whoever sealed it.
            sealed = session.ledger.last_sealed()
            self._land((0 if sealed is None else sealed.cycle) + 1)
        elif not session.pending(self._feed):
            self._land(self._feed.landed() + 1 + self._life.ahead)
        if session.cycle(self._feed) is not None:
            if self._life.desk:
                desk.work(session.lake, self._place.folder)
            return 1
        return None if self._feed.landed() == len(self._feed) else 0

    def _land(self, upto: int) -> None:
        """Lands batches; before those that say what the desk's agent brings about, it works."""
        if any(self._feed.landed() < due <= upto for due in self._due):
            desk.work(Lake(self._place.lake), self._place.folder)
        self._feed.land(upto)

    def _opened(self) -> Session:
        if self._session is None:
            lake = Lake(self._place.lake)
            if not lake.is_created():
                lake.create()
            self._session = Session(lake)
            if self._place.max_files:
                self._session.planner.bounds |= {"max_files": self._place.max_files}
        return self._session

    def _die_here(self, name: str) -> None:
        if self._session is None:
            return
        if name in desk.POINTS:
            if name == self._life.desk:
                os.kill(os.getpid(), signal.SIGKILL)
            return
        last = self._session.ledger.last_sealed()
        done = 0 if last is None else last.cycle
        if self._found is None:
            self._found = done - (name == "sealed")
        cycle = done + (name != "sealed") - self._found
        if name == self._life.point and cycle >= self._life.cycle:
            os.kill(os.getpid(), signal.SIGKILL)


def _note(what: str) -> None:
    """Tells the director; the lake's disk may be full, its own is not."""
    with suppress(KeyError), Path(os.environ["CAMPAIGN_SEEN"]).open("a") as seen:
        seen.write(f"{what}\n")


def _tidy(place: Place) -> None:
    """What Dagster's upkeep job does."""
    with warnings.catch_warnings(), dg.build_op_context() as context:
        warnings.simplefilter("ignore")
        tidy_tables(context, lake=LakeResource(uri=place.lake))


def _told_to_stop(life: Life) -> Callable[[], bool]:
    told: list[int] = []

    def hear(number: int, _: FrameType | None) -> None:
        told.append(number)
        if not life.ends_softly:
            raise Terminated

    signal.signal(signal.SIGTERM, hear)
    return lambda: bool(told)


@contextmanager
def _small_files(largest: int) -> Iterator[Callable[[], None]]:
    """No file grows beyond so many bytes, until the limit is lifted: a write stops half-way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def lift() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    if largest:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    yield lift
    lift()


def die_with_parent() -> None:
    """A campaign that is stopped leaves no session behind."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
