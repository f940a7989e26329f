"""Processes of the service, and what befalls each of them."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import dagster as dg

from jobs.following import DagsterFollower
from margin_assets.lake.ledger.ledger import AnotherSession, Ledger
from margin_assets.lake.objects.swapped import SwappedObject
from margin_assets.lake.store import faults
from margin_assets.live.service.lease import LEASE, Lease
from margin_assets.live.service.service import ACTIVE, Service
from margin_assets.live.session.session import CycleResult, Session
from tests.campaigns.serving.stage import LateLanding, Seen, Stage

KILLED, DRAINED, RIVALLED = "killed", "drained", "two at once"
DIES, FREEZES, LOSES = "killed in a cycle", "frozen in a cycle", "lease lost in a cycle"
AWAY, SPARED = "Postgres away", "spared"
IN_A_CYCLE = (DIES, FREEZES, LOSES)
_POINTS = ("planned", "computed", "before_write:positions", "written:margin_summary", "before_seal")
_LEASE_SECONDS = 1.5
_RIVALRIES = 3


def serve(stage: Stage, act: str, seed: int, home: Path | None = None) -> None:
    """One process of the service, until it is told to end or everything is sealed."""
    chance, ended = random.Random(seed), []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(1))
    point = chance.choice(_POINTS)
    if act in IN_A_CYCLE:
        faults.arm(lambda name: _befall(stage, act) if name == point else None)
    lake = stage.lake
    lease = Lease(SwappedObject(lake.access, LEASE), f"{os.getpid()}", _LEASE_SECONDS)
    service = Service(Session(lake), lease, partial(_note, stage))
    landing = LateLanding(stage, seed, has_events=chance.random() < 0.3)

    def is_over() -> bool:
        if service.role == ACTIVE and landing.is_empty:
            ended.append(1)
        return bool(ended)

    with _following(stage, home) as take:
        for result in service.run(landing, is_over):
            take(result)


def _note(stage: Stage, event: dict[str, object]) -> None:
    if event["event"] != "alive":
        cycle = event.get("cycle", 0)
        stage.note(Seen(str(event["event"]), os.getpid(), int(str(cycle))))


def _befall(stage: Stage, act: str) -> None:
    """Once: the process dies here, is held up until the campaign lets it go on, or is fenced."""
    faults.arm(None)
    if act == LOSES:
        _fence(stage)
    stage.note(Seen(act, os.getpid()))
    if act == DIES:
        os.kill(os.getpid(), signal.SIGKILL)
    if act == FREEZES:
        os.kill(os.getpid(), signal.SIGSTOP)


def _fence(stage: Stage) -> None:
    """Takes the lease as a process would that saw it unchanged for long, and says no more."""
    lake = stage.lake
    lease = Lease(SwappedObject(lake.access, LEASE), "phantom", 0.0)
    while (epoch := lease.take()) is None:
        time.sleep(0.01)
    Ledger(lake).claim(epoch)


def rival(stage: Stage, seed: int) -> None:
    """Believes in nobody's lease: takes it, and works beside whoever holds it."""
    lake = stage.lake
    session, landing = Session(lake), LateLanding(stage, seed, has_events=False)
    for _ in range(_RIVALRIES):
        lease = Lease(SwappedObject(lake.access, LEASE), f"rival {os.getpid()}", 0.0)
        epoch = lease.take()
        if epoch is None:
            continue
        try:
            session.ledger.claim(epoch)
            stage.note(Seen(RIVALLED, os.getpid()))
            result = session.recover() or session.cycle(landing)
        except AnotherSession:
            stage.note(Seen("another_session", os.getpid()))
            session = Session(lake)
        else:
            if result is not None:
                stage.note(Seen("sealed", os.getpid(), result.sealed.cycle))
        time.sleep(0.1)


@contextmanager
def _following(stage: Stage, home: Path | None) -> Iterator[Callable[[CycleResult], None]]:
    """Tells Dagster of each cycle, and ends when it has been told of all; or tells nobody."""
    if home is None:
        yield lambda _: None
        return
    follower = DagsterFollower(lambda: dg.DagsterInstance.from_config(str(home)), 0.2)
    with follower.following():
        yield follower.take
        while follower.behind_seconds:
            time.sleep(0.05)
    stage.note(Seen("Dagster told", os.getpid()))
