"""Makes a trial happen: forks its sessions, kills and stops them, and has the lake judged."""

import os
import pickle
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from margin_assets.kernels.rules import overlay_rules
from margin_assets.lake.store.store import Lake
from margin_assets.rulebooks import Rulebook, in_force
from tests.campaigns.exactly_once import desk, judged
from tests.campaigns.exactly_once.deliveries import Delivery, as_told, disturbed
from tests.campaigns.exactly_once.disk import Disk, can_fill
from tests.campaigns.exactly_once.life import Life, Place, Terminated, die_with_parent, live
from tests.campaigns.exactly_once.plan import Step, Trial, trial
from tests.campaigns.exactly_once.story import Story, story
from tests.support.preloaded import load_compiled

_LONGEST_LIFE = 300.0
_TICK = 0.004
_STILL = 0.1
_FAILURES_KEPT = 10
_REPLAY_EVERY = 10


class Director:
    """Runs trials below a folder, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._can_fill = can_fill(folder)
        self._is_warm = False
        self._has_overlays = False
        """Of the story that is told now; forks inherit it."""
        patch.object(overlay_rules, "in_force", self._rulebook).start()

    def run(self, seed: int) -> dict[str, Any]:
        """One trial; its problems, and how often each kind of misfortune came."""
        planned = trial(seed)
        told = story(planned.story)
        self._has_overlays = told.has_overlays
        expected = self._reference(told)
        if isinstance(expected, str):
            return {"seed": seed, "problems": [expected], "seen": {}}
        folder = self.folder / f"trial-{seed}"
        shutil.rmtree(folder, ignore_errors=True)
        stage, begun = _Stage(planned, folder, self._can_fill), _cpu()
        try:
            found = stage.play(told)
            found += _judge(stage, told, expected) if not found else []
        finally:
            is_kept = found and len(list(self.folder.glob("failed-*"))) < _FAILURES_KEPT
            if is_kept:
                shutil.copytree(folder, self.folder / f"failed-{seed}", dirs_exist_ok=True)
            stage.disk.remove()
            shutil.rmtree(folder, ignore_errors=True)
        return {"seed": seed, "problems": found, "seen": dict(stage.seen), "cpu": _cpu() - begun}

    def _rulebook(self, family: str, on: Any) -> Rulebook:
        """The rulebook, in some stories with two house overlays on: their table is written too."""
        book = in_force(family, on)
        if family != "overlays" or not self._has_overlays:
            return book
        on_now = {n: {**book.numbers[n], "enabled": True} for n in ("concentration", "volatility")}
        return replace(book, numbers={**book.numbers, **on_now})

    def _reference(self, told: Story) -> Path | str:
        """Where the tables of the undisturbed run are kept, or what is wrong with them."""
        kept = self.folder / f"story-{told.seed}.pickle"
        if not kept.exists():
            folder = self.folder / f"story-{told.seed}-{os.getpid()}"
            log = folder.with_suffix(".err")
            problem = _waited(_forked(lambda: _tell(told, folder, kept), log))
            shutil.rmtree(folder, ignore_errors=True)
            if problem:
                return f"story {told.seed}, undisturbed: {problem}: {_last_line(log)}"
        if not self._is_warm:
            # What the first story compiled is on disk now: every later life has it from birth.
            load_compiled()
            self._is_warm = True
        return kept


class _Stage:
    """One trial under way."""

    def __init__(self, planned: Trial, folder: Path, can_fill: bool) -> None:
        self.planned = planned
        self.place = Place(folder, planned.max_files)
        self.seen: Counter[str] = Counter({planned.how: 1})
        folder.mkdir(parents=True)
        self.disk = Disk(folder / "disk", is_own=can_fill and planned.needs_own_disk)
        self.delivery: Delivery = []

    def play(self, told: Story) -> list[str]:
        """Every step, then one last life to the end; returns what no session may do."""
        chance = random.Random(f"delivery {self.planned.seed}")
        how = self.planned.how
        if how == judged.SAME_FILES:
            self.delivery = as_told(told)
        else:
            recut, at_once = how == judged.OTHER_CUT, bool(self.planned.max_files)
            self.delivery = disturbed(told, chance, recut=recut, at_once=at_once)
        last = Step("last", (Life(ahead=1),))
        for number, step in enumerate((*self.planned.steps, last)):
            if problem := self._perform(number, step):
                return [f"step {number} ({step.kind}): {problem}"]
        return []

    def _perform(self, number: int, step: Step) -> str:
        acts = _Acts(self, number, step)
        problem = acts.run()
        self.seen[step.kind] += 1
        self.seen["lives"] += len(step.lives)
        return problem

    def fork(self, life: Life, name: str) -> int:
        """Starts a life."""
        keeps_cut = self.planned.how != judged.OTHER_CUT
        log = self.place.folder / f"{name}.err"
        return _forked(lambda: live(life, self.place, self.delivery, keeps_cut=keeps_cut), log)


class _Acts:
    """What is done to the processes of one step, each act at its time."""

    def __init__(self, stage: _Stage, number: int, step: Step) -> None:
        self._stage, self._step, self._number = stage, step, number
        self._running: dict[int, int] = {}
        self._sent: dict[int, set[int]] = {}
        self._ages: Counter[int] = Counter()
        self._problems: list[str] = []

    def run(self) -> str:
        begun, now = time.monotonic(), 0.0
        acts = self._acts()
        while acts or self._running:
            before, now = now, time.monotonic() - begun
            # A machine that stood still, and the director with it, counts for nothing.
            self._ages.update(dict.fromkeys(self._running, min(now - before, _STILL)))
            while acts and acts[0][0] <= now:
                acts.pop(0)[1]()
            self._reap()
            for place in self._hung():
                self._problems.append(f"process {place} hung")
                self._kill(place)
                acts = []
            time.sleep(_TICK)
        self._stage.disk.relieve()
        self._count()
        return "; ".join(self._problems)

    def _acts(self) -> list[tuple[float, Callable[[], None]]]:
        step, disk = self._step, self._stage.disk
        acts: list[tuple[float, Callable[[], None]]] = []
        if step.fills:
            begin, end, room = step.fills
            acts += [(begin, lambda: disk.fill(room)), (end, disk.relieve)]
        for place, start in zip(range(len(step.lives)), step.starts, strict=False):
            acts.append((start, partial(self._start, place)))
        for place, kill in zip(range(len(step.lives)), step.kills, strict=False):
            if kill is not None:
                acts.append((kill + step.starts[place], partial(self._kill, place)))
        if step.terminates is not None:
            acts.append((step.terminates, lambda: self._signal(0, signal.SIGTERM)))
        return sorted(acts, key=lambda act: act[0])

    def _hung(self) -> list[int]:
        """Processes that have had their time; waiting for a core is none of it."""
        old = [place for place in self._running if self._ages[place] > _LONGEST_LIFE]
        left = [place for place in old if signal.SIGKILL not in self._sent.get(place, ())]
        return [n for n in left if self._ages[n] - _queued(self._running[n]) > _LONGEST_LIFE]

    def _start(self, place: int) -> None:
        life = self._step.lives[place]
        if self._step.fills and not self._stage.disk.is_own:
            # No file system of our own to fill: files cannot grow instead.
            life = replace(life, largest_file=2000)
        self._running[place] = self._stage.fork(life, f"{self._number}-{place}")

    def _kill(self, place: int) -> None:
        self._signal(place, signal.SIGKILL)

    def _signal(self, place: int, number: signal.Signals) -> None:
        if place in self._running:
            # One that has not come to hear SIGTERM yet ends of it at once.
            os.kill(self._running[place], number)
            self._sent.setdefault(place, set()).add(number)
            self._stage.seen[f"{number.name} sent"] += 1

    def _reap(self) -> None:
        for place, pid in list(self._running.items()):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                del self._running[place]
                self._end(place, os.waitstatus_to_exitcode(status))

    def _end(self, place: int, code: int) -> None:
        life = self._step.lives[place]
        point = life.point or life.desk
        if code == -signal.SIGKILL and point and place not in self._sent:
            self._stage.seen[f"killed at {point}"] += 1
        elif code and -code not in self._sent.get(place, set()):
            log = self._stage.place.folder / f"{self._number}-{place}.err"
            self._problems.append(f"process {place} ended with {code}: {_last_line(log)}")

    def _count(self) -> None:
        for log in self._stage.place.folder.glob(f"{self._number}-*.err.seen"):
            self._stage.seen.update(log.read_text().split("\n")[:-1])


def _queued(pid: int) -> float:
    """Seconds that the threads of a process have been ready to run, and did not."""
    try:
        threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[1]) for thread in threads) / 1e9
    except OSError:
        return 0.0


def _cpu() -> float:
    """Seconds that this process and its children have computed."""
    return sum(os.times()[:4])


def _forked(task: Callable[[], None], log: Path) -> int:
    """A child that does one thing and ends; a traceback goes to the log."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        die_with_parent()
        log.parent.mkdir(parents=True, exist_ok=True)
        errors = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(errors, stream)
        os.environ["CAMPAIGN_SEEN"] = f"{log}.seen"
        task()
        code = 0
    except BaseException as error:
        if breaks_off(error):
            code = 0
        else:
            traceback.print_exc()
            sys.stderr.flush()
    os._exit(code)


def breaks_off(error: BaseException) -> bool:
    """Whether it is the raised SIGTERM, or what Polars makes of that where it calls Python."""
    return isinstance(error, Terminated) or Terminated.__name__ in str(error)


def _waited(pid: int) -> str:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return f"ended with {code}" if code else ""


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1][:400] if lines else "without a word"


def _tell(told: Story, folder: Path, kept: Path) -> None:
    """The undisturbed run, judged like any other, and its tables kept."""
    place, delivery = Place(folder), as_told(told)
    live(Life(), place, delivery, keeps_cut=True)
    lake = Lake(place.lake)
    texts = {how: judged.told(lake, how) for how in (judged.SAME_FILES, judged.SAME_CUT)}
    if told.is_punctual:
        texts[judged.OTHER_CUT] = judged.told(lake, judged.OTHER_CUT)
    found = list(judged.problems(lake, texts[judged.SAME_FILES], judged.SAME_FILES, told, delivery))
    if found:
        raise AssertionError("; ".join(found))
    draft = kept.with_suffix(f".{os.getpid()}")
    draft.write_bytes(pickle.dumps(texts))
    draft.replace(kept)


def _judge(stage: _Stage, told: Story, expected: Path) -> list[str]:
    verdict = stage.place.folder / "verdict.pickle"
    how = stage.planned.how

    def task() -> None:
        lake = Lake(stage.place.lake)
        text = pickle.loads(expected.read_bytes())[how]
        found = list(judged.problems(lake, text, how, told, stage.delivery))
        has_all_left = how != judged.OTHER_CUT
        found += desk.problems(lake, stage.place.folder, has_all_left=has_all_left)
        if not found and stage.planned.seed % _REPLAY_EVERY == 0:
            difference = judged.replayed(lake, stage.place.folder / "replay")
            found += [f"replay: {difference}"] if difference else []
        verdict.write_bytes(pickle.dumps(found))

    log = stage.place.folder / "judge.err"
    problem = _waited(_forked(task, log))
    if problem:
        return [f"the judge {problem}: {_last_line(log)}"]
    found: list[str] = pickle.loads(verdict.read_bytes())
    return found
