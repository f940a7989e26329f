"""Exactly once, proven: trials in which sessions are killed, rivalled, stopped and starved of disk.

After each trial every table must equal that of an undisturbed run, and the chain must verify.

Usage: python -m tests.campaigns.chaos --trials 2000 --seed 1
A failure prints its seed, which replays it: python -m tests.campaigns.chaos --only SEED
"""

import argparse
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.campaigns.exactly_once import clock
from tests.campaigns.exactly_once.disk import release
from tests.campaigns.exactly_once.plan import POINTS
from tests.support import ROOT

_MEMORY = Path("/dev/shm")
_TOLD_EVERY = 25
"""Trials between lines of a log that shows no bar."""
# Workers fork, so Numba's threads must be of the kind that starts anew in a child.
_SETTINGS = {
    "NUMBA_THREADING_LAYER": "workqueue",
    "NUMBA_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "PYTHONWARNINGS": "ignore",
}


@dataclass
class Tally:
    """What a campaign came to."""

    trials: int = 0
    failed: dict[int, list[str]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    cpu: float = 0.0

    def add(self, answer: dict) -> None:
        self.trials += 1
        self.seen.update(answer["seen"])
        self.cpu += answer.get("cpu", 0.0)
        if answer["problems"]:
            self.failed[answer["seed"]] = answer["problems"]

    def points(self) -> list[str]:
        """Named points at which a session was killed."""
        return sorted(name for name in POINTS if self.seen[f"killed at {name}"])

    def summary(self) -> dict:
        deaths = sum(n for what, n in self.seen.items() if what.startswith("killed at "))
        others = {w: n for w, n in sorted(self.seen.items()) if not w.startswith("killed at ")}
        return {
            "trials": self.trials,
            "failed": len(self.failed),
            "cpu seconds a trial": round(self.cpu / max(self.trials, 1), 1),
            "failures": {str(seed): found for seed, found in sorted(self.failed.items())},
            "killed at a named point": deaths,
            "named points": f"{len(self.points())} of {len(POINTS)}",
            "points not met": sorted({*POINTS} - {*self.points()}) if deaths else "none asked for",
        } | others


def main() -> int:
    """Runs the campaign; 1 if a trial failed."""
    asked = _arguments()
    seeds = asked.only or range(asked.seed, asked.seed + asked.trials)
    console, tally = Console(stderr=True), Tally()
    answers = _under_dagster if asked.dagster else _answers
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _place(asked.keep) as folder, _progress(console) as bar:
        task = bar.add_task("trials", total=len(seeds), failed=0)
        # Stopped early, a campaign still says what it found.
        with suppress(KeyboardInterrupt):
            for answer in answers(list(seeds), folder, asked.workers):
                tally.add(answer)
                bar.update(task, advance=1, failed=len(tally.failed))
                for problem in answer["problems"]:
                    console.print(f"seed {answer['seed']}: {problem}", markup=False, soft_wrap=True)
                if not console.is_terminal and tally.trials % _TOLD_EVERY == 0:
                    console.print(f"{tally.trials} trials, {len(tally.failed)} failed")
        release(folder)
        kept = _kept(folder, asked.keep)
    _tell(tally, console, as_json=asked.json)
    if tally.failed:
        console.print(f"what the failed trials left is in {kept}", soft_wrap=True)
        more = " --dagster" if asked.dagster else ""
        console.print(f"replay: python -m tests.campaigns.chaos{more} --only {min(tally.failed)}")
    return int(bool(tally.failed) or tally.trials < len(seeds))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description="Exactly once, proven.")
    parser.add_argument("--trials", type=int, default=100, help="how many (default 100)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first (default 1)")
    parser.add_argument("--only", type=int, nargs="+", metavar="SEED", help="these trials again")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="side by side")
    parser.add_argument("--dagster", action="store_true", help="slower: real runs of Dagster")
    parser.add_argument("--keep", type=Path, help="work here, and keep what failed trials left")
    parser.add_argument("--json", action="store_true", help="the summary as JSON")
    return parser.parse_args()


@contextmanager
def _place(keep: Path | None) -> Iterator[Path]:
    """Where the campaign works: in memory where there is such a place, for speed."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    base = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=base, ignore_cleanup_errors=True) as made:
        yield Path(made)


def _kept(folder: Path, keep: Path | None) -> Path:
    """Moves what failed trials left out of the place that is about to go."""
    if keep is not None:
        return folder
    target = Path(tempfile.gettempdir()) / "chaos-failed"
    for failed in folder.glob("failed-*"):
        shutil.rmtree(target / failed.name, ignore_errors=True)
        shutil.copytree(failed, target / failed.name)
    return target


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    more = (TextColumn("failed {task.fields[failed]}"), TimeRemainingColumn())
    with Progress(*columns, *more, console=console) as bar:
        yield bar


def _answers(seeds: list[int], folder: Path, count: int) -> Iterator[dict]:
    """What became of each trial, as they end."""
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for seed in seeds:
        waiting.put(seed)
    done: queue.SimpleQueue[dict | None] = queue.SimpleQueue()
    environment = os.environ | _SETTINGS | clock.interposed(folder)
    count = min(count, len(seeds))
    for _ in range(count):
        arguments = (folder, environment, waiting, done)
        threading.Thread(target=_serve, args=arguments, daemon=True).start()
    while count:
        answer = done.get()
        if answer is None:
            count -= 1
        else:
            yield answer


def _under_dagster(seeds: list[int], folder: Path, _workers: int) -> Iterator[dict]:
    """Trials in which a real daemon's runs are terminated, one after the other."""
    from tests.campaigns.exactly_once.under_dagster import run

    for seed in seeds:
        place = folder / f"dagster-{seed}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        problems, terminated = run(seed, place)
        yield {"seed": seed, "problems": problems, "seen": {"runs terminated": terminated}}


def _serve(
    folder: Path, environment: dict, waiting: queue.SimpleQueue, done: queue.SimpleQueue
) -> None:
    """One worker process, given one seed after the other."""
    command = [sys.executable, "-m", "tests.campaigns.exactly_once.worker", str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True
    ) as worker:
        try:
            while True:
                seed = waiting.get_nowait()
                worker.stdin.write(f"{seed}\n")
                worker.stdin.flush()
                line = worker.stdout.readline()
                if not line:
                    done.put({"seed": seed, "problems": ["the worker itself died"], "seen": {}})
                    break
                done.put(json.loads(line))
        except queue.Empty:
            worker.stdin.close()
        finally:
            done.put(None)


def _tell(tally: Tally, console: Console, *, as_json: bool) -> None:
    summary = tally.summary()
    if as_json:
        sys.stdout.write(json.dumps(summary, indent=1) + "\n")
        return
    for what, found in summary.items():
        if what != "failures":
            console.print(f"{what}: {found}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
