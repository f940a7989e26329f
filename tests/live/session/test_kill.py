"""Killed anywhere, a session comes back to what an undisturbed one would have written."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.ledger.ledger import AnotherSession
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from margin_assets.scenarios import write_batch
from tests.support import ROOT
from tests.support.empty_lake import created
from tests.support.killed_session import story, tell
from tests.support.live_driver import Firm

RIVALS = "two at once"
# The lives of two lakes: each line is one process, killed at a point of a cycle.
LIVES = {
    "deaths while planning and writing": (
        ("archived", 1),
        ("planned", 1),
        ("written:prices", 1),
        ("before_seal", 1),
        ("accepted", 5),
        ("written:fills", 5),
        ("written:enforcement_decisions", 6),
        ("sealed", 8),
    ),
    "deaths while computing and sealing": (
        ("accepted", 1),
        ("before_write:fills", 1),
        ("written:positions", 1),
        ("sealed", 1),
        ("computed", 3),
        ("before_plan", 6),
        ("before_write:enforcement_state", 6),
        ("before_seal", 10),
    ),
}


def opened(folder: Path) -> Firm:
    firm = Firm.__new__(Firm)
    firm.landing, firm.lake = folder / "landing", Lake(f"{folder}/lake")
    firm.restart()
    return firm


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Firm:
    folder = tmp_path_factory.mktemp("undisturbed")
    lake = created(Lake(f"{folder}/lake"))
    tell(Session(lake), folder / "landing")
    return opened(folder)


def test_the_story_has_something_to_lose(undisturbed: Firm):
    assert len(undisturbed.hashes()) == len(story())
    assert undisturbed.table("enforcement_decisions").height == 7
    assert undisturbed.rows("positions", "quantity") == [(502,)]


@pytest.fixture(scope="module")
def survivors(undisturbed: Firm, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Firm]:
    """The lakes of `LIVES` side by side, and one on which two sessions live at once."""
    del undisturbed  # by then everything is compiled
    folders = {name: tmp_path_factory.mktemp("lake") for name in (*LIVES, RIVALS)}
    for folder in folders.values():
        created(Lake(f"{folder}/lake"))
    steps = [
        [(str(folders[name]), *life) for name, life in zip(LIVES, lives, strict=True)]
        for lives in zip(*LIVES.values(), strict=True)
    ]
    steps.append([(str(folders[RIVALS]), "", 0)] * 2)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.killed_session", json.dumps(steps)],
        cwd=ROOT,
        # The threads of this layer start anew in a fork.
        env=os.environ | {"NUMBA_THREADING_LAYER": "workqueue"},
        stdout=subprocess.PIPE,
        timeout=300,
        check=True,
    )
    assert json.loads(done.stdout) == [[-signal.SIGKILL] * 2] * (len(steps) - 1) + [[0, 0]]
    for name in LIVES:
        tell(Session(Lake(f"{folders[name]}/lake")), folders[name] / "landing")
    return {name: opened(folder) for name, folder in folders.items()}


@pytest.mark.parametrize("lives", LIVES)
def test_a_session_killed_anywhere_is_finished_by_the_next(
    undisturbed: Firm, survivors: dict[str, Firm], lives: str
):
    firm = survivors[lives]

    expected = undisturbed.everything()
    for name, rows in firm.everything().items():
        assert rows.decode().splitlines() == expected[name].decode().splitlines(), name
    assert firm.hashes() == undisturbed.hashes()


def test_two_sessions_on_one_lake_double_nothing(undisturbed: Firm, survivors: dict[str, Firm]):
    firm = survivors[RIVALS]
    # Which batches shared a cycle is the rivals' luck: the rows are not.
    fills = firm.table("fills")
    assert fills["fill_id"].sort().to_list() == ["DEAL", "FIX", "NVDA-SEED-BUY"]
    for name in ("prices", "cash_movements", "enforcement_decisions"):
        assert firm.table(name).height == undisturbed.table(name).height
    decided = [one.table("enforcement_decisions")["decision_id"] for one in (firm, undisturbed)]
    assert decided[0].sort().to_list() == decided[1].sort().to_list()
    assert firm.state() == undisturbed.state()


def test_a_session_that_fell_behind_steps_aside_and_then_catches_up(
    undisturbed: Firm, tmp_path: Path
):
    lake = created(Lake(f"{tmp_path}/lake"))
    slow, told = Session(lake), story()
    slow.recover()
    tell(Session(Lake(lake.uri)), tmp_path / "landing")

    # Everything is done; what the slow one sees as pending is not taken twice.
    landing = LocalLanding(tmp_path / "landing")
    with pytest.raises(AnotherSession):
        slow.cycle(landing)
    assert slow.cycle(landing) is None
    assert len(slow.ledger.all_sealed()) == len(told)
    assert opened(tmp_path).everything() == undisturbed.everything()


class _DiedError(Exception):
    pass


def die_planned(session: Session, landing: Path, number: int) -> None:
    """Plans the cycle of a batch, and goes no further."""

    def hook(name: str) -> None:
        if name == "planned":
            raise _DiedError

    write_batch(story()[number], landing, number)
    faults.arm(hook)
    with pytest.raises(_DiedError):
        session.cycle(LocalLanding(landing))


def test_a_session_that_shared_a_cycle_steps_aside_for_the_one_already_at_the_next(tmp_path: Path):
    landing, lake = tmp_path / "landing", created(Lake(f"{tmp_path}/lake"))
    die_planned(Session(lake), landing, 0)
    slow, quick = Session(Lake(lake.uri)), Session(Lake(lake.uri))

    def overtake(name: str) -> None:
        if name == "before_seal":
            faults.arm(None)
            quick.recover()
            die_planned(quick, landing, 1)
            faults.arm(None)

    faults.arm(overtake)
    assert slow.recover().sealed.cycle == 1

    with pytest.raises(AnotherSession, match="cycle 2 is planned"):
        slow.cycle(LocalLanding(landing))
    assert slow.recover().sealed.cycle == 2
