"""Verbs in process on a lake of eleven cycles: what they answer."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from margin_assets.cli import output
from margin_assets.cli.demo import beside
from margin_assets.lake.store import faults
from tests.support.margin_command import Margin, land, landed, live, place

TRAVEL = "2020-03-09T15:00:00Z"


def test_init_is_idempotent(margin: Margin, tmp_path: Path) -> None:
    first = margin("init", *place(tmp_path), "--json").document
    again = margin("init", *place(tmp_path), "--json").document

    assert len(first["created"]) == len(first["tables"]) > 20
    assert again["created"] == []


def test_an_empty_lake_answers(margin: Margin, tmp_path: Path) -> None:
    margin("init", *place(tmp_path))

    assert margin("status", *landed(tmp_path), "--json").document["health"] == "empty"
    assert margin("sql", "SELECT * FROM fills", *place(tmp_path), "--json").document == []
    assert margin("quarantine", "list", *place(tmp_path), "--json").document == []
    assert margin("audit", "verify", *place(tmp_path)).out.startswith("nothing is sealed yet")
    assert "no cycle is sealed" in margin("explain", "A", *place(tmp_path)).err


def test_sql_travels_in_time(margin: Margin, told: Path) -> None:
    question = "SELECT margin_status FROM enforcement_state"

    at_last = margin("sql", question, *place(told), "--json").document
    in_call = margin("sql", question, *place(told), "--as-of", TRAVEL, "--json").document
    at_first = margin("sql", question, *place(told), "--cycle", 1, "--json").document

    states = [rows[0]["margin_status"] for rows in (at_last, in_call, at_first)]
    assert states == ["ok", "call", "ok"]


def test_sql_pins_the_ledger_too(margin: Margin, told: Path) -> None:
    question = "SELECT max(cycle) AS n FROM cycles"

    assert margin("sql", question, *place(told), "--cycle", 3, "--json").document == [{"n": 3}]


def test_sql_forms(margin: Margin, told: Path, tmp_path: Path) -> None:
    question = "SELECT account_id, cash, as_of FROM account_state"
    target = tmp_path / "answer.parquet"

    table = margin("sql", question, *place(told)).out
    csv = margin("sql", question, *place(told), "--format", "csv").out
    margin("sql", question, *place(told), "--format", "parquet", "--output", target)

    assert "-70,000.00" in table
    assert csv.splitlines()[1] == "NVDA-SEED,-70000.00,2020-03-09T16:25:00.000000Z"
    assert pl.read_parquet(target)["cash"].to_list() == [Decimal(-70000)]


def test_sql_refuses_a_cycle_whose_files_and_landed_bytes_are_gone(
    margin: Margin, copied: Path
) -> None:
    for file in [*(copied / "lake" / "positions").rglob("*.parquet")]:
        file.unlink()
    for file in (copied / "lake" / "landed").iterdir():
        file.unlink()
    said = margin("sql", "SELECT * FROM positions", "--cycle", 2, *place(copied))

    assert said.code == 1
    assert "margin: cycle 2 cannot be computed again" in said.err


def test_explain_walks_down_to_the_landed_line(margin: Margin, told: Path) -> None:
    story = margin("explain", "NVDA-SEED", "--at", TRAVEL, *place(told), "--json").document

    assert story["ladder"]["margin_status"]["state"] == "call"
    assert story["ladder"]["margin_status"]["since"] == "2020-03-09T14:55:00Z"
    assert story["ladder"]["restriction"]["reasons"] == ["stress"]
    assert story["reg_t"][0]["rule"] == "FINRA 4210(c)(1)"
    assert story["fills"][0]["path"] == "fills/000001-fills.ndjson"
    assert story["fills"][0]["file_row"] == 1
    assert story["marks"][0]["price_landed"]["path"] == "prices/000007-prices.ndjson"
    assert story["cycle"]["cycle"] == 7
    assert [d["dimension"] for d in story["decisions"]] == ["restriction"] + ["margin_status"] * 2
    of_overlays = {"overlays", "intraday", "timelines", "expiry", "index_options", "rates"}
    of_the_desk = {"calls", "firm", "liquidation", "cash_account"}
    families = {"finra_4210", "reg_t", "tims", "house"} | of_overlays | of_the_desk
    assert {b["family"] for b in story["rulebooks"]} == families
    assert "FINRA 4210(c)(1)" in margin("explain", "NVDA-SEED", *place(told)).out


def test_demo_replaces_only_its_own_folders(margin: Margin, tmp_path: Path) -> None:
    land(tmp_path, "fills/mine.csv", "precious")
    said = margin("demo", "--scenario", "seed-ladder", *landed(tmp_path))

    assert said.code == 1
    assert "is not of an earlier demo" in said.err
    assert (tmp_path / "landing/fills/mine.csv").read_text() == "precious"
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    ("lake", "lands"),
    [("first/lake", "first/landing"), ("second", "second-landing"), ("third/", "third-landing")],
)
def test_a_demo_lands_beside_its_own_lake(lake: str, lands: str) -> None:
    assert beside(lake) == Path(lands)


def test_a_demo_of_a_lake_elsewhere_is_told_where_to_land(margin: Margin) -> None:
    said = margin("demo", "--scenario", "seed-ladder", "--lake", "s3://bucket/lake")

    assert (said.code, "--landing names a folder" in said.err) == (1, True)


def test_demo_again_and_for_a_person(margin: Margin, copied: Path) -> None:
    said = margin("demo", "--scenario", "seed-ladder", *landed(copied))

    assert said.code == 0
    assert "7 enforcement decisions" in said.out
    assert "worst moment: cycle" in said.out
    assert "margin explain" in said.out


@pytest.mark.parametrize("verb", ["live", "demo"])
def test_a_lake_in_its_landing_folder_is_refused(margin: Margin, tmp_path: Path, verb: str) -> None:
    said = margin(verb, "--lake", tmp_path / "lake", "--landing", tmp_path)

    assert said.code == 1
    assert "keep them apart" in said.err
    assert not list(tmp_path.iterdir())


def test_feed_is_paced(margin: Margin, tmp_path: Path) -> None:
    words = ["feed", "seed-ladder", "--landing", tmp_path, "--speed", 100_000, "--json"]

    assert margin(*words).document == {
        "scenario": "seed-ladder",
        "landing": str(tmp_path),
        "batches": 11,
        "files": 16,
        "rows": 29,
        "last_at": "2020-03-09T16:25:00Z",
    }


@pytest.mark.parametrize("verb", [["sql", "SELECT * FROM fills"], ["audit", "verify"]])
def test_a_data_file_that_is_gone_is_named_with_the_way_out(
    margin: Margin, copied: Path, verb: list[str]
) -> None:
    file = next((copied / "lake" / "fills").glob("part-*.parquet"))
    file.unlink()

    said = margin(*verb, *place(copied))

    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "a data file of the lake is gone: " in said.err
    assert f"fills/{file.name}: copy it back" in said.err


def test_status_lists_what_waits(margin: Margin, copied: Path) -> None:
    at = "2020-03-09T17:00:00Z"
    land(
        copied,
        "fills/late.ndjson",
        f'{{"fill_id":"C1","account_id":"[red]A[/red]","symbol":"NVDA","quantity":0,'
        f'"price":1,"event_time":"{at}","corrects_fill_id":"F1"}}\n'
        f'{{"fill_id":"F2","account_id":"[red]A[/red]","symbol":"NVDA","quantity":1,'
        f'"price":1,"event_time":"{at}"}}\n',
    )
    before = margin("status", *landed(copied), "--json").document
    live(margin, copied)
    after = margin("status", *landed(copied), "--json").document

    assert (before["health"], before["backlog"]["files"]) == ("behind", 1)
    assert after["health"] == "attention"
    assert [row["fill_id"] for row in after["waiting_corrections"]] == ["C1"]
    assert [row["account_id"] for row in after["indeterminate_accounts"]] == ["[red]A[/red]"]
    assert "[red]A[/red]" in margin("status", *landed(copied)).out
    story = margin("explain", "[red]A[/red]", *place(copied))
    assert "[red]A[/red]" in story.out
    assert "waits for F1" in story.out


def test_an_unfinished_cycle_is_no_break(margin: Margin, copied: Path) -> None:
    land(copied, "prices/more.ndjson", "{}\n")

    def crash(point: str) -> None:
        if point == "before_seal":
            raise RuntimeError("power\ncut")

    faults.arm(crash)
    said = margin("live", "--until-idle", *landed(copied))
    faults.arm(None)
    assert (said.code, said.err) == (1, "margin: power cut\n")
    assert margin("status", *landed(copied), "--json").document["health"] == "unfinished"
    verdict = margin("audit", "verify", *place(copied), "--json").document
    assert verdict["ok"] is True
    assert verdict["unfinished_cycle"] == 12


def test_replay_verifies(margin: Margin, told: Path) -> None:
    said = margin("replay", "--verify", *place(told), "--json")

    assert said.code == 0
    assert said.document == {"cycles": 11, "difference": None}


@pytest.mark.parametrize("columns", ["20", "60", "200"])
def test_a_table_breaks_no_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)
    row = ["excess_below_warning_level", "two words and more of them", Decimal("-123456789.10"), 7]
    output.table(("some reason", "text", "excess of it", "cycle"), [row])

    words = capsys.readouterr().out.split()
    assert {"excess_below_warning_level", "-123,456,789.10", "7"} <= set(words)


def test_json_text_is_exact() -> None:
    assert output.json_text({"a": Decimal("1.10"), "b": Decimal("1E+3")}) == '{"a": 1.1, "b": 1000}'
    assert output.json_text([float("nan"), 1e-7, b"\x00"]) == '[null, 1e-07, "00"]'
    assert output.json_text("\x7f\x1b") == '"\\u007f\\u001b"'


def test_status_tells_freshness_cycle_time_and_quarantine(margin: Margin, told: Path) -> None:
    found = margin("status", *landed(told), "--json").document

    assert found["states"][0] == found["health"]
    assert found["freshness"]["as_of"] == "2020-03-09T16:25:00Z"
    assert found["freshness"]["state"] in ("history", "stale")  # stale if the tests took long
    assert 0 <= found["freshness"]["seal_age_seconds"] < 86_400
    assert found["backlog"] == {
        "landing": str(told / "landing"),
        "files": 0,
        "bytes": 0,
        "oldest_landed_at": None,
        "oldest_seconds": None,
        "state": "ok",
    }
    assert found["cycle_seconds"]["cycles"] == 11
    assert found["cycle_seconds"]["p99"] >= found["cycle_seconds"]["p50"] > 0
    assert found["recent_quarantine"] == {
        "rows": 29,
        "quarantined": 0,
        "rate": 0.0,
        "state": "ok",
    }
    said = margin("status", *landed(told)).out
    assert "backlog       0 files, 0 bytes" in said
    assert "cash; 0 of the last 29 rows were refused" in said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (0.04, "0.0 s"), (119.0, "119.0 s"), (121.0, "2.0 min"), (-3.0, "-3.0 s")],
)
def test_spans(seconds: float | None, said: str) -> None:
    assert output.span(seconds) == said
