"""The verbs of the avalanche, as a user calls them."""

import json
from pathlib import Path

import pytest

from margin_assets.cli import main
from tests.support import ROOT
from tests.support.avalanche_folders import QUIET, shock, write

ONE_SET = str(ROOT / "docs" / "examples" / "avalanche-one-set")


def test_a_run_is_told_as_one_document_and_kept_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["avalanche", "run", ONE_SET, "--scenario", "none", "--paths", "200", "--arm", "A"]
    lake = str(tmp_path / "lake")

    assert main([*words, "--json", "--lake", lake]) == 0
    told = json.loads(capsys.readouterr().out)
    assert main([*words, "--json", "--lake", lake]) == 0
    assert json.loads(capsys.readouterr().out) == told

    assert told["paths"] == 200
    assert told["default"]["probability"] == 0.0
    levels = [one["level"] for one in told["peak_need"]["quantiles"]]
    assert levels == [0.5, 0.9, 0.95, 0.99, 0.995]
    query = "SELECT run_id, need_mean, (SELECT count(*) FROM avalanche_paths) n FROM avalanche_runs"
    assert main(["sql", query, "--lake", lake, "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row == {
        "run_id": told["run_id"],
        "need_mean": pytest.approx(told["peak_need"]["mean"]),
        "n": 200,
    }

    # The lake is a book too, and the run is made again from its tables alone.
    assert main(["avalanche", "run", lake, *words[3:], "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told
    assert main(["avalanche", "verify", told["run_id"], "--lake", lake]) == 0
    assert capsys.readouterr().out == "200 paths made again, 0 of them different\n"


def test_people_read_a_run_and_how_sets_are_margined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    book = str(write(tmp_path, QUIET, scenario=shock(-0.01), im_model={"rate": 0.1}))

    assert (
        main(["avalanche", "run", book, "--scenario", "fall", "--paths", "50", "--arm", "A"]) == 0
    )
    shown = capsys.readouterr().out
    assert "fall, arm A, 50 paths, seed 1; initial margin 100.0m today" in shown
    assert main(["avalanche", "models", book]) == 0
    assert "NS1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["run", "nowhere"], "nowhere: nowhere is no folder"),
        (["run", ONE_SET, "--scenario", "rise"], "there is no scenario 'rise'; there are none,"),
        (["run", ONE_SET, "--arm", "C"], "column adv: of 'INDEX' is empty"),
    ],
)
def test_what_cannot_be_run_is_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["avalanche", *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
