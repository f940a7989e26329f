"""The service on a store that speaks S3: killed, frozen in a commit, rivalled, told twice and late.

Usage: python -m tests.campaigns.served [--trials N] [--seed S] [--json]
Processes of the service seal a story while it lands in a bucket; something befalls one or two.
What lands is put again under other names, listed late, and told of by events that come twice or
never. Where Postgres is installed, one of them tells Dagster, whose storage is away for a while.
Then every table must hold what one undisturbed session makes of it, and the chain must verify.
"""

import os
import pickle
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import boto3

from margin_assets.lake.ledger.audit import verify
from margin_assets.lake.store.store import Lake
from tests.campaigns import summary
from tests.campaigns.exactly_once.judged import OTHER_CUT, Text, first_difference, told
from tests.campaigns.postgres_away import INSTANCE, Postgres, told_cycles
from tests.campaigns.serving import lives
from tests.campaigns.serving.stage import Batches, Bucket, Seen, Stage, feed, forked, undisturbed
from tests.support import seaweed
from tests.support.preloaded import load_compiled

_OFTEN = {
    lives.KILLED: 2,
    lives.DIES: 4,
    lives.FREEZES: 4,
    lives.LOSES: 3,
    lives.RIVALLED: 3,
    lives.DRAINED: 2,
    lives.AWAY: 2,
}
_BEFALLEN, _PATIENCE = (1, 1, 2), 600.0
Dagster = tuple[Postgres, Path]


@dataclass
class Trial:
    """One story, the processes that sealed it, and what they met."""

    seed: int
    problems: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Given:
    """What all trials share: made once."""

    uri: str
    objects: dict[str, str]
    """Of a lake just created; between trials the bucket holds no other."""
    batches: Batches
    expected: Text
    dagster: Dagster | None


class Directed:
    """One trial as it is played."""

    def __init__(self, trial: Trial, given: Given, folder: Path) -> None:
        self._trial, self._given = trial, given
        self._stage = Stage(given.uri, folder, len(given.batches))
        self._chance = random.Random(f"trial {trial.seed}")
        self._lives: list[int] = []
        self._over: dict[int, int] = {}

    def play(self) -> None:
        """What it met and what is wrong are in the trial afterwards."""
        feeding = forked(lambda: feed(self._stage, self._trial.seed, self._given.batches))
        often = {act: _OFTEN[act] for act in _OFTEN if act != lives.AWAY or self._given.dagster}
        acts = self._chance.choices([*often], [*often.values()], k=self._chance.choice(_BEFALLEN))
        acts.append(lives.SPARED)
        for number, act in enumerate(acts):
            self._started(acts, number)
            if number + 1 < len(acts) and self._chance.random() < 0.5:
                # Who stands by has the firm in memory when the other is gone.
                self._started(acts, number + 1)
            self._strike(act, number, partial(self._started, acts, number + 1))
        self._expect("the feed", feeding)
        for life in self._lives:
            self._signal(life, signal.SIGTERM)
            self._signal(life, signal.SIGCONT)
        for life in self._lives:
            self._expect("a service", life, also=-signal.SIGKILL)
        self._expect("the judge", forked(lambda: judge(self._stage, self._given)))
        verdict = self._stage.folder / "verdict"
        if verdict.exists():
            self._trial.problems += pickle.loads(verdict.read_bytes())
        self._trial.seen.update(one.what for one in self._stage.seen())

    def _started(self, acts: list[str], number: int) -> None:
        if number < len(self._lives):
            return
        act, seed, home = acts[number], self._chance.randrange(10**6), None
        if act == lives.AWAY and self._given.dagster:
            postgres, home = self._given.dagster
            postgres.stop()
        self._lives.append(forked(partial(lives.serve, self._stage, act, seed, home)))

    def _strike(self, act: str, number: int, start_next: Callable[[], None]) -> None:
        """Lets befall a process what is to; returns when it has, or when all is sealed without."""
        life = self._lives[number]
        if act == lives.SPARED:
            self._until(lambda: self._is_over(life))
        elif act in lives.IN_A_CYCLE:
            self._until(lambda: self._has(life, act) or self._is_over(life))
            if act == lives.FREEZES and not self._is_over(life):
                self._thaw(life, start_next)
        else:
            self._until(lambda: self._has(life, "sealed") or self._is_over(life))
            if not self._is_over(life):
                self._strike_at_work(act, life)

    def _strike_at_work(self, act: str, life: int) -> None:
        if act == lives.RIVALLED:
            rival = forked(partial(lives.rival, self._stage, self._chance.randrange(10**6)))
            self._expect("a rival", rival)
        elif act == lives.AWAY:
            self._back(life)
        else:
            time.sleep(self._chance.uniform(0.0, 0.5))
            self._signal(life, signal.SIGKILL if act == lives.KILLED else signal.SIGTERM)
            self._stage.note(Seen(act, life))

    def _thaw(self, life: int, start_next: Callable[[], None]) -> None:
        """Lets a process go on that was held up until another took over."""
        start_next()

        def is_taken_over() -> bool:
            seen = self._stage.seen()
            frozen = next(n for n, one in enumerate(seen) if one == Seen(lives.FREEZES, life))
            taken = [one for one in seen[frozen:] if one.what == "lease_taken"]
            return bool(taken) or all(
                map(self._is_over, self._lives[self._lives.index(life) + 1 :])
            )

        self._until(is_taken_over)
        self._signal(life, signal.SIGCONT)

    def _back(self, life: int) -> None:
        """Postgres comes back after something was sealed without it, and Dagster is told all."""
        postgres, home = self._given.dagster or (None, None)
        assert postgres is not None
        self._stage.note(Seen(lives.AWAY, life))
        since = time.time()
        postgres.start()
        self._signal(life, signal.SIGTERM)
        self._until(lambda: self._is_over(life))
        sealed = {one.cycle for one in self._stage.seen() if one == Seen("sealed", life, one.cycle)}
        self._expect("Dagster", forked(lambda: _expect_told(home, since, sealed)))

    def _has(self, life: int, what: str) -> bool:
        return any(one.process == life and one.what == what for one in self._stage.seen())

    def _until(self, is_so: Callable[[], bool]) -> None:
        until = time.monotonic() + _PATIENCE
        while not is_so():
            if time.monotonic() > until:
                self._trial.problems.append("nothing happened")
                return
            time.sleep(0.05)

    def _is_over(self, pid: int) -> bool:
        if pid not in self._over:
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._over[pid] = os.waitstatus_to_exitcode(status)
        return pid in self._over

    def _signal(self, pid: int, number: signal.Signals) -> None:
        if not self._is_over(pid):
            os.kill(pid, number)

    def _expect(self, what: str, pid: int, also: int = 0) -> None:
        """Waits for a process that must end well, or by the signal that it was given."""
        self._until(lambda: self._is_over(pid))
        self._signal(pid, signal.SIGKILL)
        self._until(lambda: self._is_over(pid))
        if self._over[pid] not in (0, also):
            self._trial.problems.append(f"{what} ended with {self._over[pid]}")


def _expect_told(home: Path, since: float, sealed: set[int]) -> None:
    missing = sealed - told_cycles(home, since)
    assert not missing, f"Dagster was not told of cycles {missing}"


def judge(stage: Stage, given: Given) -> None:
    """Writes down what is not as it must be, and leaves the bucket as trials find it."""
    bucket, here, problems = Bucket(stage), stage.folder / "lake", []
    # Read where reading is cheap: each object is asked for once.
    bucket.copy_into(here)
    lake = Lake(str(here))
    found, verdict = told(lake, OTHER_CUT), verify(lake)
    if verdict.broken or verdict.unfinished_cycle:
        problems.append(f"the chain does not hold: {verdict}")
    for name, lines in given.expected.items():
        if found[name] != lines:
            problems.append(f"{name}: {first_difference(found[name], lines)}")
    bucket.clear(but=given.objects)
    if bucket.tags() != given.objects:
        problems.append("something that was made with the lake has changed")
    (stage.folder / "verdict").write_bytes(pickle.dumps(problems))


def campaign(trials: int, seed: int) -> Iterator[Trial]:
    """So many trials, each on the same lake, cleared before the next."""
    load_compiled()
    _load_clients()
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        server = open_.enter_context(seaweed.running())
        os.environ.update(server.storage_options)
        given = _given(server.uri(), folder, _dagster(open_, folder))
        for number in range(seed, seed + trials):
            trial, place = Trial(number), folder / f"trial-{number}"
            place.mkdir()
            try:
                Directed(trial, given, place).play()
            except Exception as error:  # the others are played all the same
                trial.problems.append(f"the campaign itself: {error!r}")
            if trial.problems:
                _made(lambda: Bucket(Stage(given.uri, folder, 0)).clear(but=given.objects))
            if given.dagster is None:
                trial.seen["Postgres away: not installed"] += 1
            shutil.rmtree(place, ignore_errors=True)
            yield trial


def _load_clients() -> None:
    """What clients of S3 are made of is read once, before any fork."""
    boto3.session.Session = cache(boto3.session.Session)
    boto3.session.Session().client("s3", region_name="us-east-1")


def _given(uri: str, folder: Path, dagster: Dagster | None) -> Given:
    stage = Stage(uri, folder, 0)

    def prepare() -> None:
        stage.lake.create()
        (folder / "objects").write_bytes(pickle.dumps(Bucket(stage).tags()))

    _made(lambda: undisturbed(folder))
    _made(prepare)
    batches, expected = pickle.loads((folder / "undisturbed").read_bytes())
    objects = pickle.loads((folder / "objects").read_bytes())
    return Given(uri, objects, batches, expected, dagster)


def _made(task: Callable[[], object]) -> None:
    """Does something in a process of its own: this one only forks, so it may use no threads."""
    pid = forked(task)
    assert os.waitpid(pid, 0)[1] == 0, "what all trials share could not be made"


def _dagster(open_: ExitStack, folder: Path) -> Dagster | None:
    """A Postgres and Dagster's home on it; None where none is installed."""
    if not Postgres.is_installed():
        return None
    place = Path(open_.enter_context(tempfile.TemporaryDirectory()))
    place.chmod(0o755)
    (place / "postgres").mkdir()
    postgres, home = Postgres(place / "postgres"), folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(INSTANCE.format(postgres.port))
    postgres.start()
    open_.callback(postgres.stop)
    _made(lambda: told_cycles(home))
    return postgres, home


if __name__ == "__main__":
    sys.exit(summary.told(campaign, __doc__, trials=10, seed=1))
