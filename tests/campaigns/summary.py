"""A campaign as a command: trial after trial on stderr, what came of them on stdout."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol


class Tried(Protocol):
    """One trial that is over."""

    seed: int
    problems: list[str]
    seen: Counter[str]


def told(
    campaign: Callable[[int, int], Iterable[Tried]], about: str, trials: int, seed: int
) -> int:
    """Runs a campaign; 1 if a trial failed. `trials` and `seed` unless others are asked for."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--trials", type=int, default=trials)
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    done, failed, seen = 0, {}, Counter[str]()
    for trial in campaign(given.trials, given.seed):
        done += 1
        seen += trial.seen
        if trial.problems:
            failed[trial.seed] = trial.problems
        sys.stderr.write(f"seed {trial.seed}: {trial.problems or 'ok'} {dict(trial.seen)}\n")
    summary = {"trials": done, "failed": len(failed), "failures": failed, "seen": dict(seen)}
    sys.stdout.write(json.dumps(summary, indent=1 if given.json else None) + "\n")
    return int(bool(failed) or done < given.trials)
