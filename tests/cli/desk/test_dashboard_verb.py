import json
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from margin_assets.cli import main
from margin_assets.dashboard.serving import Place
from margin_assets.lake.store.store import Lake
from tests.support import ROOT
from tests.support.empty_lake import created

VERB = "import sys; from margin_assets.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture
def lake(tmp_path: Path) -> str:
    return created(Lake(str(tmp_path / "lake"))).uri


@pytest.fixture
def started(lake: str, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    token = str(tmp_path / "kept" / "token")
    options = ["--lake", lake, "--landing", str(tmp_path / "in"), "--port", "0"]
    process = subprocess.Popen(
        [sys.executable, "-c", VERB, "dashboard", *options, "--token-file", token],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = process.stderr.readline()
    yield process, said
    process.kill()
    process.wait()
    process.stderr.close()


def test_it_says_where_it_is_and_where_its_token_is(
    started: tuple[subprocess.Popen[str], str], lake: str, tmp_path: Path
):
    process, said = started
    token = tmp_path / "kept" / "token"

    assert said.startswith("dashboard on http://127.0.0.1:")
    assert said.strip().endswith(f"token in {token}")
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    address = said.split()[2].rstrip(",")
    with urllib.request.urlopen(f"{address}/api/about", timeout=60) as answer:
        assert json.load(answer)["lake"] == lake
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    assert "Traceback" not in process.stderr.read()


def test_a_port_that_is_taken_is_refused(lake: str, capsys: pytest.CaptureFixture[str]):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])

        code = main(["dashboard", "--lake", lake, "--port", port])

    assert code == 1
    assert f"127.0.0.1:{port}: Address already in use" in capsys.readouterr().err


def test_a_lake_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["dashboard", "--lake", str(tmp_path / "none")]) == 1
    assert "no lake at" in capsys.readouterr().err


def test_other_machines_come_by_a_door_that_is_named(lake: str, capsys: pytest.CaptureFixture[str]):
    assert main(["dashboard", "--lake", lake, "--host", "0.0.0.0"]) == 1
    assert "--known-as names their door" in capsys.readouterr().err


def test_a_door_is_asked_by_its_own_name_alone(tmp_path: Path):
    place = Place(3030, tmp_path / "token", "0.0.0.0", ("desk.firm.example",))

    assert "desk.firm.example" in place.hosts()
    assert "desk.firm.example:3030" not in place.hosts()
