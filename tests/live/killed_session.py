"""A live session as a process that may be killed: tells a scenario, a cycle a batch.

Usage: killed_session.py <folder> <point> <cycle>
It dies at the named point of the numbered cycle. Started again without a point it first finishes
what the dead one planned, then goes on to the end.
"""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path

from margin_assets.lake import faults
from margin_assets.lake.landing import LocalLanding
from margin_assets.lake.ledger import AnotherSession
from margin_assets.lake.store import Lake
from margin_assets.live.session import Session
from margin_assets.scenarios import write_batch
from margin_assets.scenarios.batch import Batch, feed_frame
from margin_assets.scenarios.seed_ladder import START, batches

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


if __name__ == "__main__":
    folder, point, cycle = sys.argv[1:]
    lake = Lake(f"{folder}/lake")
    lake.create()
    session = Session(lake)
    die_at(point, int(cycle), session)
    tell(session, Path(folder) / "landing")
