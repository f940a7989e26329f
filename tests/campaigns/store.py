"""A failing store: what a live session leaves is what an undisturbed one would have left.

Usage: python -m tests.campaigns.store [--trials N] [--seed S] [--kinds 503,lost,...] [--json]
A trial tells the ladder to a session whose store fails in one way, or in all of them; then every
table is compared row for row with those of an undisturbed run, and the chain of hashes with its.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.audit import verify
from margin_assets.lake.objects.patience import StoreUnavailable
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from margin_assets.scenarios import write_batch
from tests.support import seaweed
from tests.support.killed_session import story
from tests.support.live_driver import Firm
from tests.support.store_faults import (
    CUT,
    DELAY,
    EXPIRED,
    INTERNAL,
    LOST,
    RESET,
    SWALLOWED,
    TOO_MANY,
    TRANSIENT,
    UNAVAILABLE,
    Bursts,
    Fault,
    Outages,
    Plan,
    Throttle,
    nothing,
)
from tests.support.store_proxy import StoreProxy, proxied

PLANS: dict[str, Callable[[int], Plan]] = {
    "503": lambda seed: Bursts(seed, 0.08, (UNAVAILABLE,), longest=12),
    "500": lambda seed: Bursts(seed, 0.08, (INTERNAL,), longest=12),
    "429": lambda seed: Bursts(seed, 0.08, (TOO_MANY,), longest=12),
    "reset": lambda seed: Bursts(seed, 0.08, (RESET,), longest=12),
    "cut": lambda seed: Bursts(seed, 0.05, (CUT,), longest=4),
    "lost": lambda seed: Bursts(seed, 0.08, (LOST,), longest=4),
    "swallowed": lambda seed: Bursts(seed, 0.08, (SWALLOWED,), longest=4),
    "expired": lambda seed: Bursts(seed, 0.05, (EXPIRED,), longest=8),
    "delay": lambda seed: Bursts(seed, 0.004, (DELAY,), longest=1),
    "throttle": lambda _: Throttle(per_second=50, burst=50),
    "outage": lambda _: Outages(every=20, seconds=8),
    "mixed": lambda seed: Bursts(seed, 0.1, (*TRANSIENT, Fault("delay", seconds=1)), longest=8),
}


@dataclass(frozen=True)
class Told:
    """What a story left behind."""

    tables: dict[str, bytes]
    hashes: list[str]


@dataclass
class Trial:
    """One story told to a session on a failing store."""

    kind: str
    seed: int
    batches: int = len(story())
    """How much of the story is told."""
    seconds: float = 0.0
    requests: int = 0
    faults: int = 0
    troubles: int = 0
    spells: int = 0
    degraded_seconds: float = 0.0
    restarts: int = 0
    """How often the budget ran out, and another session took over."""
    problem: str = ""


def undisturbed(folder: Path, trial: Trial) -> Told:
    """The story of a trial on a store that does not fail: a local folder."""
    firm = Firm(folder)
    _tell(firm, trial)
    return Told(firm.everything(), firm.hashes())


def run(trial: Trial, plan: Plan, proxy: StoreProxy, expected: Told, folder: Path) -> Trial:
    """Tells the story while the store fails by the plan; `problem` says what differs."""
    firm = Firm(folder, Lake(proxy.server.uri(), proxy.storage_options))
    before, started = proxy.counts(), time.monotonic()
    with proxy.failing(plan):
        _tell(firm, trial)
    trial.seconds = round(time.monotonic() - started, 2)
    found = proxy.counts() - before
    trial.requests = found.pop("requests", 0)
    trial.faults = sum(found.values())
    _note_condition(firm.session, trial)
    trial.problem = _difference(firm, expected)
    return trial


def _tell(firm: Firm, trial: Trial) -> None:
    landing, is_new = LocalLanding(firm.landing), False
    for number, batch in enumerate(story()[: trial.batches]):
        write_batch(batch, firm.landing, number)
        sealed = number
        while sealed <= number:
            try:
                result = firm.session.recover() if is_new else firm.session.cycle(landing)
            except StoreUnavailable:
                _note_condition(firm.session, trial)
                trial.restarts += 1
                firm.lake, is_new = Lake(firm.lake.uri, firm.lake.storage_options), True
                firm.session = Session(firm.lake)
                continue
            is_new = False
            sealed = _sealed(firm) if result is None else result.sealed.cycle


def _sealed(firm: Firm) -> int:
    last = firm.session.ledger.last_sealed()
    return 0 if last is None else last.cycle


def _note_condition(session: Session, trial: Trial) -> None:
    trial.troubles += session.condition.troubles
    trial.spells += session.condition.spells
    trial.degraded_seconds = round(trial.degraded_seconds + session.condition.degraded_seconds, 2)


def _difference(firm: Firm, expected: Told) -> str:
    """The first thing that is not as it would be without faults; empty if nothing is."""
    for name, rows in firm.everything().items():
        if rows != expected.tables[name]:
            return f"table {name} differs"
    if firm.hashes() != expected.hashes:
        return "the chain of hashes differs"
    verdict = verify(firm.lake)
    if verdict.broken or verdict.unfinished_cycle:
        return f"the chain does not hold: {verdict}"
    # Two calm looks: the first may still know of the trouble of the last cycle.
    for _ in range(2):
        firm.session.cycle(LocalLanding(firm.landing))
    if firm.session.condition.state != "ok":
        return f"the session still says {firm.session.condition.now}"
    return ""


def campaign(kinds: list[str], trials: int, seed: int) -> list[Trial]:
    """So many trials of every kind, each on a lake of its own."""
    done = []
    with (
        tempfile.TemporaryDirectory() as folder,
        seaweed.running() as server,
        proxied(server) as proxy,
    ):
        expected = undisturbed(Path(folder) / "undisturbed", Trial("none", 0))
        still = run(Trial("none", 0), nothing, proxy, expected, Path(folder) / "still")
        done.append(still)
        _say(still, still)
        for number in range(trials):
            for kind in kinds:
                trial = Trial(kind, seed + number)
                place = Path(folder) / f"{kind}-{number}"
                done.append(run(trial, PLANS[kind](trial.seed), proxy, expected, place))
                _say(trial, still)
    return done


def _say(trial: Trial, still: Trial) -> None:
    sys.stderr.write(
        f"{trial.kind:10} seed {trial.seed:<6} {trial.requests:6} requests {trial.faults:5} faults "
        f"{trial.troubles:4} troubles {trial.spells:3} spells {trial.restarts:2} restarts "
        f"{trial.seconds:7.1f} s (x{trial.seconds / still.seconds:.1f})  {trial.problem or 'ok'}\n"
    )


def main() -> int:
    """Runs a campaign; 1 if a trial left anything else than an undisturbed run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=1, help="of every kind")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default=",".join(PLANS))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    done = campaign(given.kinds.split(","), given.trials, given.seed)
    failed = [trial for trial in done if trial.problem]
    summary = {
        "trials": len(done),
        "failed": len(failed),
        "requests": sum(trial.requests for trial in done),
        "faults": sum(trial.faults for trial in done),
        "restarts": sum(trial.restarts for trial in done),
        "slowest": max(round(trial.seconds / done[0].seconds, 1) for trial in done),
    }
    if given.json:
        json.dump(summary | {"of": [asdict(trial) for trial in done]}, sys.stdout, indent=1)
    else:
        sys.stdout.write(" ".join(f"{name} {value}" for name, value in summary.items()) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
