"""Live sessions as processes that may be killed: each tells a scenario, a cycle a batch.

Usage: python -m tests.support.killed_session <steps as JSON>
A step is a list of lives side by side: folder, the point and the cycle at which it is killed. One
without a point first finishes what the dead one planned, then goes on to the end. The lake is there
already. Prints how each life ended. The lives are forks of a process that has everything loaded and
runs no query itself, since the threads of Polars and delta-rs do not survive a fork.
"""

import json
import os
import signal
import sys
import traceback
from datetime import timedelta
from pathlib import Path

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.ledger import AnotherSession
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from margin_assets.scenarios import write_batch
from margin_assets.scenarios.batch import Batch, feed_frame
from margin_assets.scenarios.seed_ladder import START, batches
from tests.support.preloaded import load_compiled

_DEAL = ("DEAL", "NVDA-SEED", "NVDA", 1)


def story() -> list[Batch]:
    """The ladder, with a fill, its correction and a beta of tomorrow among its batches."""
    told = list(batches())
    made, corrected = told[2].at, told[4].at
    tomorrow = START.date() + timedelta(days=1)
    more = {
        2: {
            "fills": feed_frame("fills", [(*_DEAL, 390, made, None)]),
            "betas": feed_frame("betas", [("NVDA", 1.7, tomorrow, None, None)]),
        },
        4: {"fills": feed_frame("fills", [("FIX", *_DEAL[1:3], 2, 391, corrected, "DEAL")])},
    }
    return [Batch(b.at, dict(b.frames) | more.get(n, {})) for n, b in enumerate(told)]


def die_at(point: str, cycle: int, session: Session) -> None:
    """Be killed like a process whose machine is gone, at a point of a cycle."""

    def hook(name: str) -> None:
        last = session.ledger.last_sealed()
        done = 0 if last is None else last.cycle
        if name == point and done + (name != "sealed") == cycle:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.arm(hook)


def tell(session: Session, landing: Path) -> None:
    """Goes on where the sealed cycles end; gives up a step that a rival took first."""
    told = story()
    while True:
        try:
            session.recover()
            last = session.ledger.last_sealed()
            for number in range(0 if last is None else last.cycle, len(told)):
                write_batch(told[number], landing, number)
                session.cycle(LocalLanding(landing))
        except AnotherSession:
            session = Session(Lake(session.lake.uri))
            continue
        return


def born(folder: str, point: str, cycle: int) -> int:
    """Starts a life; returns its process."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        session = Session(Lake(f"{folder}/lake"))
        die_at(point, cycle, session)
        tell(session, Path(folder) / "landing")
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)


def main() -> None:
    load_compiled()
    ended = []
    for step in json.loads(sys.argv[1]):
        lives = [born(*life) for life in step]
        ended.append([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in lives])
    sys.stdout.write(json.dumps(ended))


if __name__ == "__main__":
    main()
