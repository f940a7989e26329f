"""A firm in divisions by processes that are killed, rivalled, starved of a seal and of a lake.

Usage: python -m tests.campaigns.divisions [--trials N] [--seed S] [--json]
One process plans, one owns each of two divisions. Then every table of the firm must be that of one
undisturbed session, to the byte, and all chains must verify. A trial's misfortunes follow from its
seed; seeds in a row have each of them in turn.
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
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from margin_assets.lake.ledger.divisions import create, lake_of
from margin_assets.lake.ledger.firm_audit import verify_firm
from margin_assets.lake.ledger.ledger import AnotherSession
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake
from margin_assets.live.divisions.firm_session import FirmSession
from margin_assets.live.divisions.owner import Owner
from margin_assets.live.service.folder_lease import FolderLease
from tests.campaigns import summary
from tests.campaigns.exactly_once.deliveries import Delivery, Feed, LandingFile
from tests.campaigns.serving.stage import forked
from tests.support.divided_firm import everything
from tests.support.divided_story import batches
from tests.support.empty_lake import created
from tests.support.live_driver import Firm
from tests.support.preloaded import load_compiled

DIVISIONS, CYCLES = 2, 3
KINDS = ("owner killed", "two owners", "lost seal", "two planners", "all killed", "lake lost")
OWNER_POINTS = ("written:positions", "planned", "accepted", "computed", "before_seal", "sealed")
PLANNER_POINTS = ("before_seal", "sealed", "written:firm_risk", "archived", "planned", "computed")
_PATIENCE = 300.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Trial:
    """One run of the story, what befell it, and what was not as it must be."""

    seed: int
    folder: Path
    problems: list[str] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def chance(self) -> random.Random:
        """The same at every asking."""
        return random.Random(f"divisions {self.seed}")

    @property
    def firm(self) -> Lake:
        return Lake(str(self.folder / "firm"))


@dataclass(frozen=True)
class Life:
    """What one process does, and where it is killed."""

    role: int
    """The division that it owns; -1 plans."""
    point: str = ""
    cycle: int = 0
    is_leased: bool = True


def live(folder: Path, told: Delivery, life: Life) -> None:
    """A process's life: it works whenever it holds the lease, until all is sealed."""
    firm = Lake(str(folder / "firm"))
    lake = firm if life.role < 0 else lake_of(firm, life.role)
    lease = FolderLease(Path(lake.uri))
    while not (folder / "done").exists():
        epoch = lease.take() if life.is_leased else 0
        if epoch is None:
            time.sleep(0.02)
            continue
        with suppress(AnotherSession):
            work = _plan if life.role < 0 else _own
            work(firm, folder, told, life, epoch)
        lease.release()
        time.sleep(0.02)


def _plan(firm: Lake, folder: Path, told: Delivery, life: Life, epoch: int) -> None:
    session = FirmSession(firm)
    _arm(life, lambda: session.ledger)
    if epoch:
        session.ledger.claim(epoch)
    landing = Feed(folder / "landing", told)
    while not (folder / "done").exists():
        last = session.ledger.last_sealed()
        sealed = 0 if last is None else last.cycle
        if sealed == CYCLES:
            (folder / "done").touch()
            return
        # Batch n is plan n, so it lands when the one before is sealed, whoever sealed it.
        landing.land(sealed + 1)
        for _ in session.run(landing, max_cycles=1, stop=(folder / "done").exists):
            pass


def _own(firm: Lake, folder: Path, told: Delivery, life: Life, epoch: int) -> None:
    del told
    owner = Owner(firm, life.role)
    _arm(life, lambda: owner.ledger)
    if epoch:
        owner.ledger.claim(epoch)
    for _ in owner.run(stop=(folder / "done").exists):
        pass


def _arm(life: Life, ledger: Callable) -> None:
    def die(name: str) -> None:
        if name == life.point:
            last = ledger().last_sealed()
            if (0 if last is None else last.cycle) + (name != "sealed") >= life.cycle:
                os.kill(os.getpid(), signal.SIGKILL)

    faults.arm(die if life.point else None)


def undisturbed(folder: Path) -> None:
    """One session's story: the files of each batch, and every table at its end."""
    firm, told = Firm(folder / "one"), []
    known: set[Path] = set()
    for feeds in islice(batches(firm), CYCLES):
        firm.run(**feeds)
        new = sorted(set(firm.landing.rglob("*.ndjson")) - known)
        known |= set(new)
        told.append([_landed(path, firm.landing) for path in new])
    found = told, everything(firm.lake, CYCLES)
    (folder / "expected").write_bytes(pickle.dumps(found))


def _landed(path: Path, folder: Path) -> LandingFile:
    at = _EPOCH + timedelta(microseconds=path.stat().st_mtime_ns // 1000)
    return LandingFile(str(path.relative_to(folder)), path.read_bytes(), at)


def judge(trial: Trial, expected: dict[str, list[str]]) -> None:
    """Writes down what is not as it must be."""
    found = everything(trial.firm, CYCLES)
    problems = [f"{name}: differs" for name, rows in expected.items() if found[name] != rows]
    problems += [
        f"{name}: {one.broken}" for name, one in verify_firm(trial.firm).items() if one.broken
    ]
    (trial.folder / "verdict").write_bytes(pickle.dumps(problems))


def play(trial: Trial, told: Delivery, expected: dict[str, list[str]]) -> None:
    """Starts the processes, lets befall them what the seed says, and judges what they leave."""
    (trial.folder / "landing").mkdir(parents=True)
    _run(trial, "making the firm", lambda: create(trial.firm, DIVISIONS, created))
    kind, chance = KINDS[trial.seed % len(KINDS)], trial.chance
    trial.seen[kind] += 1
    lives = _lives(kind, trial.seed // len(KINDS), chance)
    children = {forked(partial(live, trial.folder, told, one)): one for one in lives}
    moment = time.monotonic() + chance.uniform(0.5, 4.0)
    until = time.monotonic() + _PATIENCE
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid:
            _ended(trial, children, pid, os.waitstatus_to_exitcode(status), told)
        elif time.monotonic() > until:
            trial.problems.append("hung")
            _kill(children)
        elif kind in ("all killed", "lake lost") and time.monotonic() > moment:
            moment = float("inf")
            _kill(children)
            _reaped(children)
            if kind == "lake lost":
                shutil.rmtree(trial.folder / "firm/divisions/1", ignore_errors=True)
                _run(trial, "making it anew", lambda: create(trial.firm, DIVISIONS, created))
            plain = [Life(role) for role in (-1, *range(DIVISIONS))]
            children = {forked(partial(live, trial.folder, told, one)): one for one in plain}
        time.sleep(0.01)
    _run(trial, "the judge", lambda: judge(trial, expected))
    if not trial.problems:
        trial.problems += pickle.loads((trial.folder / "verdict").read_bytes())


def _lives(kind: str, turn: int, chance: random.Random) -> list[Life]:
    """The processes of a trial; each turn of the kinds has the next of the named points."""
    lives = {role: Life(role) for role in (-1, *range(DIVISIONS))}
    role, cycle = chance.randrange(DIVISIONS), chance.randrange(1, CYCLES + 1)
    if kind == "owner killed":
        lives[role] = Life(role, OWNER_POINTS[turn % len(OWNER_POINTS)], cycle)
        # One stands by, and takes over.
        return [*lives.values(), Life(role)]
    if kind == "lost seal":
        lives[-1] = Life(-1, PLANNER_POINTS[turn % len(PLANNER_POINTS)], cycle)
    if kind == "two owners":
        rivals = [Life(role, is_leased=False), Life(role, is_leased=False)]
        # Who plans loses a seal meanwhile: it is written again over the same two.
        lives[-1] = Life(-1, "before_seal", cycle)
        return [one for one in lives.values() if one.role != role] + rivals
    if kind == "two planners":
        return [lives[0], lives[1], Life(-1, is_leased=False), Life(-1, is_leased=False)]
    return list(lives.values())


def _ended(trial: Trial, children: dict[int, Life], pid: int, code: int, told: Delivery) -> None:
    """A killed process is followed by a plain one; any other end but a good one is a problem."""
    life = children.pop(pid)
    if code == -signal.SIGKILL and life.point:
        trial.seen[f"killed at {life.point}"] += 1
        children[forked(partial(live, trial.folder, told, Life(life.role)))] = Life(life.role)
    elif code and not trial.problems:
        trial.problems.append(f"a process of {life} ended with {code}")
        (trial.folder / "done").touch()


def _kill(children: dict[int, Life]) -> None:
    for pid in children:
        os.kill(pid, signal.SIGKILL)


def _reaped(children: dict[int, Life]) -> None:
    for pid in list(children):
        os.waitpid(pid, 0)
        del children[pid]


def _run(trial: Trial, what: str, task: Callable[[], object]) -> None:
    _, status = os.waitpid(forked(task), 0)
    if status:
        trial.problems.append(f"{what} ended with {os.waitstatus_to_exitcode(status)}")


def campaign(trials: int, seed: int) -> Iterator[Trial]:
    """So many trials, each on a firm of its own."""
    load_compiled()
    with tempfile.TemporaryDirectory(prefix="divisions-") as made:
        folder = Path(made)
        still = Trial(seed, folder)
        _run(still, "the undisturbed run", lambda: undisturbed(folder))
        told, expected = pickle.loads((folder / "expected").read_bytes())
        for number in range(seed, seed + trials):
            trial = Trial(number, folder / f"trial-{number}")
            play(trial, told, expected)
            shutil.rmtree(trial.folder)
            yield trial


if __name__ == "__main__":
    sys.exit(summary.told(campaign, __doc__, trials=12, seed=0))
