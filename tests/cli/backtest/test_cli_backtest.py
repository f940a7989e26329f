"""The verbs of backtests, as a user calls them, on a small history of drawn closes."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.backtests import small_history
from tests.support.live_driver import account, cash, fill, instrument, line
from tests.support.margin_command import Margin


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_history(tmp_path_factory.mktemp("history"))


@pytest.fixture(scope="module")
def words(folder: Path) -> list[Any]:
    return ["--history", folder, "--accounts", 30, "--from", "2020-07-01"]


def test_a_policy_is_run_told_kept_and_opened(margin: Margin, words: list[Any], tmp_path: Path):
    lake, page = tmp_path / "lake", tmp_path / "report.html"
    said = margin("backtest", "built-in", *words, "--lake", lake, "--report", page, "--json")
    again = margin("backtest", "built-in", *words, "--json")

    (told,) = said.document["runs"]
    assert said.document == again.document
    assert told["calls"] > 0
    assert {row["method"] for row in told["coverage"]} == {"reg_t", "portfolio_margin", "house"}
    question = "SELECT run_id, calls, (SELECT count(*) FROM backtest_days) AS n FROM backtest_runs"
    (row,) = margin("sql", question, "--lake", lake, "--json").document
    assert (row["run_id"], row["calls"]) == (told["run_id"], told["calls"])
    assert row["n"] == told["sessions"]
    assert "built-in on small" in page.read_text("utf-8")

    worst = margin("backtest", "worst", told["run_id"][:6], "--lake", lake, "--json").document
    first = worst[0]
    explained = margin(
        *("backtest", "explain", told["run_id"], first["rank"], "--kind", first["kind"]),
        *("--lake", lake, "--json"),
    ).document
    assert explained["account_id"] == first["account_id"]
    assert explained["positions"]
    if first["kind"] == "uncovered":
        gained = sum(p["gain"] for p in explained["positions"])
        assert -gained == pytest.approx(float(explained["loss"]), abs=1)

    margin("backtest", "report", told["run_id"], "--lake", lake, "--out", tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text("utf-8").count("<svg") == page.read_text(
        "utf-8"
    ).count("<svg")


def test_fills_that_landed_are_a_book(margin: Margin, folder: Path, tmp_path: Path):
    first, then, later = (datetime(2020, 7, day, 17, tzinfo=UTC) for day in (1, 6, 8))
    bought = fill("F1", "10", "60", first, symbol="S0")
    feeds = {
        "accounts": [account("A", when=first)],
        "instruments": [instrument("S0", first)],
        "cash_movements": [cash("M1", "A", "5000", first)],
        "fills": [bought, bought, fill("F2", "-4", "61", then, symbol="S0")],
        "fills/corrected": [fill("F3", "-10", "61", later, symbol="S0", corrects="F2")],
    }
    for feed, rows in feeds.items():
        (tmp_path / feed).mkdir(parents=True, exist_ok=True)
        (tmp_path / feed / "1.ndjson").write_text("".join(map(line, rows)))

    words = ["--book", tmp_path, "--history", folder, "--from", "2020-07-01", "--json"]
    (told,) = margin("backtest", "built-in", *words).document["runs"]

    assert told["book"] == "1 accounts as their fills tell them"
    # The row that landed twice counts once, and the correction sells all from its own day on.
    assert (told["accounts"], told["account_days"]) == (1, 4)


def test_a_sweep_runs_in_processes_and_is_told_as_a_table_and_a_page(
    margin: Margin, words: list[Any], tmp_path: Path
):
    (tmp_path / "dear.toml").write_text("[overlays.concentration]\nenabled = true\nrate = 0.35\n")
    page, grid = tmp_path / "report.html", "house.margin_status.warning=0.03,0.08"
    asked = ["backtest", tmp_path / "dear.toml", *words, "--to", "2020-08-31"]
    said = margin(*asked, "--sweep", grid, "--report", page).out

    for value in ("0.03", "0.08"):
        assert f"dear, house.margin_status.warning={value} on small, 2020-07-01" in said
    assert "Kupiec p" in said
    assert re.search(r"sold out .* \+0\.0", said)
    text = page.read_text("utf-8")
    # A warning costs nothing: both stand at one point of both pictures.
    assert text.count(">1, 2</text>") == 2
    assert "Cost against losses avoided by selling out" in text


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["nowhere.toml"], "policy nowhere.toml"),
        (["built-in", "--sweep", "house.ladder.warning_belo=0.1"], "warning_belo"),
        (["built-in", "--history", "nothing"], "no history 'nothing'"),
        (["built-in", "--book", "nobody"], "book nobody"),
        (["built-in", "--to", "1999-01-01"], "has no session"),
        (["built-in", "--bars"], "history small has no file of bars"),
        (["explain", "0", "1"], "no lake at"),
    ],
)
def test_what_cannot_be_run_is_one_line(
    margin: Margin, folder: Path, given: list[Any], told: str, tmp_path: Path
):
    words = (
        given if "--history" in given or given[0] == "explain" else [*given, "--history", folder]
    )
    lake = ["--lake", tmp_path / "lake"] if given[0] == "explain" else []
    said = margin("backtest", *words, *lake)

    assert said.code == 1
    assert told in said.err
    assert said.err.count("\n") == 1
