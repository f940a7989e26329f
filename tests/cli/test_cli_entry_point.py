"""The installed console command, in processes of its own: the main path and its manners."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import seaweed
from tests.support.served import serving

COMMAND = str(Path(sys.executable).with_name("margin"))


def margin(
    folder: Path, *words: str, settings: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | (settings or {}),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("user")
    assert margin(place, "feed", "seed-ladder").returncode == 0
    return place


@pytest.fixture(scope="module")
def lived(folder: Path) -> dict[str, object]:
    said = margin(folder, "live", "--until-idle", "--json")
    assert said.returncode == 0, said.stderr
    assert said.stderr.startswith("cycle 1  as of 2020-03-09T16:25:00Z")
    return json.loads(said.stdout)


def test_live_says_what_it_did(lived: dict[str, object]) -> None:
    assert lived["seconds"]
    lags = [lived[f"{of}_lag_seconds"] for of in ("landing", "event")]
    assert all(isinstance(lag, float) and lag > 2000 * 86_400 for lag in lags)
    expected: dict[str, object] = {
        "cycles": 1,
        "last_cycle": 1,
        "as_of": "2020-03-09T16:25:00Z",
        "decisions": 7,
        "files": 16,
        "rows_accepted": 29,
        "rows_quarantined": 0,
        "backlog": {"files": 0, "bytes": 0, "oldest_landed_at": None},
        "store": {
            "state": "ok",
            "cause": "",
            "troubles": 0,
            "spells": 0,
            "degraded_seconds": 0.0,
        },
    }
    assert {name: lived[name] for name in expected} == expected


@pytest.mark.usefixtures("lived")
def test_the_lake_answers_every_verb(folder: Path) -> None:
    count = margin(folder, "sql", "SELECT count(*) AS n FROM enforcement_decisions", "--json")
    story = margin(folder, "explain", "NVDA-SEED", "--json")
    status = margin(folder, "status", "--json")
    audit = margin(folder, "audit", "verify", "--json")
    refused = margin(folder, "quarantine", "list", "--json")

    assert json.loads(count.stdout) == [{"n": 7}]
    assert json.loads(story.stdout)["figures"]["excess"] == 56_000
    assert json.loads(status.stdout)["health"] == "ok"
    assert json.loads(audit.stdout)["ok"] is True
    assert json.loads(refused.stdout) == []
    assert {s.stderr for s in (count, story, status, audit)} == {""}


@pytest.mark.s3
def test_the_main_path_on_s3(folder: Path, s3_server: seaweed.S3Server) -> None:
    def on_s3(*words: str) -> subprocess.CompletedProcess[str]:
        return margin(folder, *words, "--lake", place, settings=settings)

    place = s3_server.uri()
    settings = {name.upper(): value for name, value in s3_server.storage_options.items()}
    live = on_s3("live", "--until-idle", "--json")
    answer = on_s3("sql", "SELECT count(*) AS n FROM enforcement_decisions", "--json")
    audit = on_s3("audit", "verify", "--json")

    assert live.returncode == 0, live.stderr
    assert json.loads(answer.stdout) == [{"n": 7}]
    assert json.loads(audit.stdout)["ok"] is True
    with serving(place, settings=settings) as served:
        assert served.ask("SELECT count(*) FROM enforcement_decisions") == [(7,)]


def test_live_stops_after_the_cycle_when_terminated(folder: Path) -> None:
    words = [COMMAND, "live", "--lake", "other", "--json"]
    process = subprocess.Popen(
        words, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("cycle 1")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)

    assert process.returncode == 0
    assert "Traceback" not in err
    assert json.loads(out)["cycles"] == 1


def test_help_is_quick(folder: Path) -> None:
    started = time.perf_counter()
    said = margin(folder, "--help")

    # The machine may be busy with other tests: the aim is half a second.
    assert time.perf_counter() - started < 2
    assert "quarantine" in said.stdout


@pytest.mark.parametrize(
    ("verb", "unwanted"),
    [
        pytest.param(["--help"], ["polars", "rich", "dagster", "deltalake"], id="help"),
        pytest.param(["whatif", "-"], ["dagster", "deltalake"], id="what-if"),
        pytest.param(["rulebook", "list"], ["polars", "deltalake"], id="rulebook"),
    ],
)
def test_quick_verbs_load_little(folder: Path, verb: list[str], unwanted: list[str]) -> None:
    code = (
        "import sys; from margin_assets.cli import main; "
        f"main({verb!r}); print([m for m in {unwanted!r} if m in sys.modules], file=sys.stderr)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], input="{}\n", capture_output=True, text=True, cwd=folder
    )

    assert said.stderr.strip() == "[]"


def test_a_reader_that_leaves_is_no_failure(folder: Path) -> None:
    pipe = f"'{COMMAND}' rulebook list --json | head -c 1"
    said = subprocess.run(["bash", "-c", pipe], capture_output=True, text=True, cwd=folder)

    assert (said.stdout, said.stderr) == ("[", "")


def test_lake_comes_from_the_environment(folder: Path) -> None:
    said = subprocess.run(
        [COMMAND, "status"],
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"MARGIN_LAKE": "elsewhere"},
    )

    assert said.returncode == 1
    assert said.stderr.startswith("margin: no lake at elsewhere")
