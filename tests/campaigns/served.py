"""The service on a store that speaks S3: killed, frozen in a commit, rivalled, told twice and late.

Usage: python -m tests.campaigns.served [--trials N] [--seed S] [--json]
Processes of the service seal the ladder while it lands in a bucket. They are killed, frozen until
another has taken over and let go on, told to end, and made to believe in the lease at once. What
lands is put again under other names and listed late. Then every table must hold what one
undisturbed session makes of it, and the chain must verify.
"""

import os
import pickle
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from margin_assets.lake.landing.landing import LocalLanding, Pending
from margin_assets.lake.landing.places import put_new
from margin_assets.lake.landing.remote import S3Landing
from margin_assets.lake.ledger.audit import verify
from margin_assets.lake.objects.swapped import SwappedObject
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake
from margin_assets.live.service.lease import LEASE, Lease
from margin_assets.live.service.service import Service
from margin_assets.live.session.session import Session
from margin_assets.scenarios import write_batch
from tests.campaigns import summary
from tests.campaigns.exactly_once.judged import OTHER_CUT, Text, told
from tests.campaigns.exactly_once.life import die_with_parent
from tests.support import seaweed
from tests.support.killed_session import story
from tests.support.preloaded import load_compiled

POINTS = ("planned", "computed", "before_write:positions", "written:margin_summary", "before_seal")
ACTS = ("killed", "killed in a cycle", "frozen in a cycle", "two at once", "drained")
_OFTEN = (1, 3, 3, 2, 1)
_LEASE_SECONDS, _LONGEST_PAUSE, _LIVES = 0.6, 5.0, 4
_PATIENCE = 600.0


@dataclass
class Trial:
    """One story, the processes that sealed it, and what they met."""

    seed: int
    problems: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


class LateLanding:
    """A bucket whose listings are as old as they like, but never show half of what a feed sent."""

    def __init__(self, uri: str, counted: Path, chance: random.Random) -> None:
        self._landing, self._counted, self._chance = S3Landing(uri), counted, chance

    def entries(self) -> Iterator[Pending]:
        """What was there a while ago."""
        shown = len(self._counted.read_bytes()) - self._chance.choice((0, 0, 1, 2))
        return (one for one in self._landing.entries() if _number(one.path) < shown)

    def unknown(self, is_known: Callable[[Pending], bool]) -> list[Pending]:
        """What was there a while ago and is not known."""
        return [one for one in self.entries() if not is_known(one)]

    def wait(self, _seconds: float) -> None:
        """A moment: trials are short."""
        time.sleep(0.05)

    def open(self, entry: Pending) -> BinaryIO:
        """The bytes of an object."""
        return self._landing.open(entry)


def _number(path: str) -> int:
    return int(path.rpartition("/")[2][:6])


@dataclass(frozen=True)
class Stage:
    """Where one trial plays."""

    uri: str
    folder: Path

    @property
    def lake(self) -> Lake:
        return Lake(f"{self.uri}/tables")

    def landing(self, seed: int) -> LateLanding:
        return LateLanding(f"{self.uri}/landing", self.folder / "landed", random.Random(seed))

    def events(self) -> list[str]:
        """What the processes met by now."""
        seen = self.folder / "seen"
        return seen.read_text().split("\n")[:-1] if seen.exists() else []

    def note(self, event: str) -> None:
        with (self.folder / "seen").open("a") as seen:
            seen.write(f"{event}\n")


def serve(stage: Stage, act: str, seed: int) -> None:
    """One process of the service, until it is told to end."""
    chance, ended = random.Random(seed), []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    point = chance.choice(POINTS)
    if "in a cycle" in act:
        faults.arm(lambda name: _befall(stage, act) if name == point else None)
    # Who waits for nothing takes what is held: both go on as if it were theirs.
    seconds = 0.01 if act == "two at once" else _LEASE_SECONDS
    lake = stage.lake
    lease = Lease(SwappedObject(lake.access, LEASE), f"{os.getpid()}", seconds)
    service = Service(Session(lake), lease, lambda event: stage.note(event["event"]))
    for _ in service.run(stage.landing(seed), lambda: bool(ended)):
        pass


def _befall(stage: Stage, act: str) -> None:
    """Once: the process dies here, or is held up until the campaign lets it go on."""
    faults.arm(None)
    stage.note(act)
    os.kill(os.getpid(), signal.SIGKILL if act.startswith("killed") else signal.SIGSTOP)


def feed(stage: Stage, seed: int) -> None:
    """Puts the story into the bucket, some of it twice."""
    chance = random.Random(f"feed {seed}")
    for number, batch in enumerate(story()):
        for file in write_batch(batch, stage.folder / "sent", number):
            name, content = f"{file.parent.name}/{file.name}", file.read_bytes()
            put_new(f"{stage.uri}/landing", name, content)
            if chance.random() < 0.3:
                put_new(f"{stage.uri}/landing", name.replace(".", "-again."), content)
                stage.note("told twice")
        with (stage.folder / "landed").open("ab") as counted:
            counted.write(b".")
        _pace(stage, number - chance.randrange(3))


def _pace(stage: Stage, sealed: int) -> None:
    """Waits until so many cycles are sealed, so that whoever dies dies with work in hand."""
    until = time.monotonic() + _LONGEST_PAUSE
    while stage.events().count("sealed") < sealed and time.monotonic() < until:
        time.sleep(0.05)


def finish(stage: Stage) -> None:
    """A last process takes the lease when it may, and seals what is left."""
    lake = stage.lake
    lease = Lease(SwappedObject(lake.access, LEASE), "last", _LEASE_SECONDS)
    while (epoch := lease.take()) is None:
        time.sleep(0.1)
    session = Session(lake)
    session.ledger.claim(epoch)
    session.recover()
    landing = S3Landing(f"{stage.uri}/landing")
    while session.cycle(landing) is not None:
        pass


def judge(stage: Stage, expected: Text) -> None:
    """Writes down what is not as it must be."""
    found, verdict, problems = told(stage.lake, OTHER_CUT), verify(stage.lake), []
    if verdict.broken or verdict.unfinished_cycle:
        problems.append(f"the chain does not hold: {verdict}")
    problems += [f"{name} differs" for name, rows in expected.items() if found[name] != rows]
    (stage.folder / "verdict").write_bytes(pickle.dumps(problems))


def undisturbed(folder: Path) -> None:
    """The story as one session seals it on a local disk, batch by batch."""
    lake = Lake(str(folder / "lake"))
    lake.create()
    session, landing = Session(lake), LocalLanding(folder / "landing")
    for number, batch in enumerate(story()):
        write_batch(batch, folder / "landing", number)
        session.cycle(landing)
    (folder / "expected").write_bytes(pickle.dumps(told(lake, OTHER_CUT)))


def play(trial: Trial, stage: Stage, expected: Text) -> None:
    """One trial; what it met and what is wrong are in it afterwards."""
    chance = random.Random(f"trial {trial.seed}")
    (stage.folder / "landed").touch()
    _done(trial, "a lake", lambda: stage.lake.create())
    feeding = forked(lambda: feed(stage, trial.seed))
    lives: list[int] = []
    for number in range(_LIVES):
        (act,), seed = chance.choices(ACTS, _OFTEN), chance.randrange(10**6)
        trial.seen[act] += not act.endswith("in a cycle")
        lives.append(forked(partial(serve, stage, act, seed)))
        time.sleep(chance.uniform(0.5, 4.0))
        if number and act in ("killed", "drained"):
            _signal(lives[number - 1], signal.SIGKILL if act == "killed" else signal.SIGTERM)
        # Whoever is frozen goes on after another had the time to take over.
        for life in lives[:-1]:
            _signal(life, signal.SIGCONT)
    _expect(trial, "the feed", feeding)
    for life in lives:
        _signal(life, signal.SIGTERM)
        _signal(life, signal.SIGCONT)
    for life in lives:
        _expect(trial, "a service", life, also=-signal.SIGKILL)
    _done(trial, "the last", lambda: finish(stage))
    _done(trial, "the judge", lambda: judge(stage, expected))
    if not trial.problems:
        trial.problems += pickle.loads((stage.folder / "verdict").read_bytes())
    trial.seen.update(stage.events())


def _done(trial: Trial, what: str, task: Callable[[], object]) -> None:
    _expect(trial, what, forked(task))


def _expect(trial: Trial, what: str, pid: int, also: int = 0) -> None:
    """Waits for a process that must end well, or by the signal that it was given."""
    until = time.monotonic() + _PATIENCE
    while not (ended := os.waitpid(pid, os.WNOHANG))[0]:
        if time.monotonic() > until:
            trial.problems.append(f"{what} hung")
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    code = os.waitstatus_to_exitcode(ended[1])
    if code not in (0, also):
        trial.problems.append(f"{what} ended with {code}")


def _signal(pid: int, number: signal.Signals) -> None:
    """What was reaped has no number any more: children are waited for at the end alone."""
    os.kill(pid, number)


def forked(task: Callable[[], object]) -> int:
    """A child that does one thing; it has every compiled loop from birth."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        die_with_parent()
        task()
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)


def campaign(trials: int, seed: int) -> Iterator[Trial]:
    """So many trials, each on a lake of its own."""
    load_compiled()
    with tempfile.TemporaryDirectory() as made, seaweed.running() as server:
        os.environ.update(server.storage_options)
        folder = Path(made)
        still = Trial(seed)
        _done(still, "the undisturbed run", lambda: undisturbed(folder))
        expected = pickle.loads((folder / "expected").read_bytes())
        for number in range(seed, seed + trials):
            trial, place = Trial(number), folder / f"trial-{number}"
            place.mkdir()
            play(trial, Stage(server.uri(), place), expected)
            yield trial


if __name__ == "__main__":
    sys.exit(summary.told(campaign, __doc__, trials=10, seed=1))
