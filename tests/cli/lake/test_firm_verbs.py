"""`margin firm`: two owners and a planner as processes of their own, and what their verbs say."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from margin_assets.cli import main
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from tests.support import ROOT
from tests.support.divided_firm import everything
from tests.support.empty_lake import created
from tests.support.live_driver import Firm, account, at, cash, fill, instrument, price

_VERB = "import sys; from margin_assets.cli import main; sys.exit(main())"


@contextmanager
def owner(told: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """An owner that runs until it is told to end, and where what it tells goes."""
    command = [sys.executable, "-c", _VERB, "firm", "own", *words]
    with told.open("w") as out, subprocess.Popen(command, cwd=ROOT, stdout=out) as running:
        try:
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(120)


def test_two_sessions_seal_what_one_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    one, firm = Firm(tmp_path), str(tmp_path / "firm")
    one.run(
        accounts=[account(name) for name in "ABCD"],
        instruments=[instrument("X")],
        cash_movements=[cash(f"M{name}", name, "6000") for name in "ABCD"],
        fills=[fill(f"F{name}", "100", "100", account_id=name) for name in "ABCD"],
        prices=[price("X", "100", at(1))],
    )
    assert main(["firm", "create", "--lake", firm, "--divisions", "2"]) == 0
    with (
        owner(tmp_path / "first", "--lake", firm, "--division", "0") as first,
        owner(tmp_path / "second", "--lake", firm, "--division", "1") as second,
    ):
        words = ("plan", "--lake", firm, "--landing", str(one.landing), "--until-idle")
        assert main(["firm", *words]) == 0
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(event["event"], event["cycle"]) for event in told] == [("sealed", 1)]
    assert (first.returncode, second.returncode) == (0, 0)
    for name in ("first", "second"):
        lines = (tmp_path / name).read_text().splitlines()
        events = [json.loads(line)["event"] for line in lines]
        assert [event for event in events if event != "alive"] == [
            "lease_taken",
            "sealed",
            "released",
        ]
    assert everything(Lake(firm), 1) == everything(one.lake, 1)

    assert main(["firm", "status", "--lake", firm, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["cycle"], found["planned"], found["divisions"]) == (1, None, [1, 1])
    assert main(["firm", "verify", "--lake", firm, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert main(["sql", "SELECT count(*) AS n FROM margin_summary", "--lake", firm, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"n": 4}]
    # A session of its own would plan what the firm plans.
    assert main(["live", "--lake", firm, "--landing", str(one.landing), "--until-idle"]) == 1
    assert "is a firm in divisions" in capsys.readouterr().err


def test_before_the_first_seal_the_status_names_no_moment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    firm = str(tmp_path / "firm")
    assert main(["firm", "create", "--lake", firm, "--divisions", "2"]) == 0
    capsys.readouterr()

    assert main(["firm", "status", "--lake", firm]) == 0

    said = ["nothing is sealed", "division 0: cycle 0", "division 1: cycle 0"]
    assert capsys.readouterr().out.splitlines() == said


def test_a_lake_of_its_own_is_no_firm(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    lake = created(Lake(str(tmp_path / "lake")))
    (tmp_path / "landing").mkdir()
    assert Session(lake).cycle(LocalLanding(tmp_path / "landing")) is None
    for verb in (["status"], ["verify"], ["own", "--division", "0"]):
        assert main(["firm", *verb, "--lake", lake.uri]) == 1
        assert "is no firm in divisions" in capsys.readouterr().err
