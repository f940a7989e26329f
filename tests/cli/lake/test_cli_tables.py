"""What tables and errors look like to a person."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from margin_assets.cli import output
from tests.support.margin_command import Margin, land, landed, live, place

ROW = ["A" * 30, Decimal("-123456789.10"), "word " * 30, datetime(2020, 3, 9, tzinfo=UTC)]


@pytest.mark.parametrize("columns", [80, 200])
@pytest.mark.parametrize("times", [1, 3, 9])
def test_nothing_overflows_a_window(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: int, times: int
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(columns))
    names = [f"name {n}" for n in range(4 * times)]

    output.table(names, [ROW * times, ROW * times], "title")

    said = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, said.splitlines())) <= columns
    assert said.count("-123,456,789.10") == 2 * times


def test_a_row_that_is_too_wide_is_told_a_line_a_cell(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")

    output.table(("account", "excess", "note"), [["ACCOUNT-1", Decimal("-1234567.80"), None]])

    assert capsys.readouterr().out.split("\n") == [
        "",
        "  account  ACCOUNT-1",
        "  excess   -1,234,567.80",
        "",
        "",
    ]


def test_a_line_wider_than_the_window_goes_on_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output.say("close   was not good: a file waits", hang=8)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "20")

    output.say("close   was not good: a file waits", hang=8)

    assert capsys.readouterr().out.splitlines() == [
        "close   was not good: a file waits",
        "close   was not",
        "        good: a file",
        "        waits",
    ]


def test_an_id_is_shown_by_its_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("id", "text"), [["0123456789abcdef" * 2, "a 0123456789abcdef0 b"]])

    said = capsys.readouterr().out
    assert "0123456789ab " in said
    assert "0123456789abcdef0 b" in said


@pytest.mark.parametrize(
    "words",
    [
        ["liquidate", "--document", "no.json"],
        ["whatif", "no.json"],
        ["rulebook", "diff", "house/2020-01-01", "house=no.toml"],
    ],
)
def test_a_file_that_is_not_there_is_named_and_no_number_of_an_error(
    margin: Margin, told: Path, words: list[str]
) -> None:
    lake = place(told) if words[0] == "rulebook" else []
    said = margin(*words, *lake)

    assert said.code == 1
    assert "no." in said.err
    assert "No such file or directory" in said.err
    assert "Errno" not in said.err


def test_status_of_an_empty_lake_has_no_dashes_ago(margin: Margin, tmp_path: Path) -> None:
    margin("init", *place(tmp_path))

    said = margin("status", *landed(tmp_path)).out

    assert "nothing is sealed, no event is evaluated" in said
    assert "- ago" not in said
    assert "for -" not in said


def test_explain_says_what_a_decision_changed(margin: Margin, told: Path) -> None:
    said = margin("explain", "NVDA-SEED", *place(told)).out

    assert "stays close_only, one reason more" in said
    assert "close_only to none" in said


def test_a_missing_column_is_told_with_those_that_are_there(margin: Margin, copied: Path) -> None:
    land(copied, "prices/mine.csv", "Symbol,price,event_time\nX,1,2020-03-09T16:25:00Z\n")
    live(margin, copied)
    (row,) = margin("quarantine", "list", *place(copied), "--json").document
    file = copied / "landing" / "prices" / "mine.csv"

    shown = margin("quarantine", "show", row["quarantine_id"][:8], *place(copied)).out
    checked = margin("landing", "check", file, "--feed", "prices", *place(copied / "none")).out

    assert "the file has   Symbol,price,event_time" in shown
    assert "the file has: Symbol,price,event_time" in checked


def test_a_column_that_is_not_there_is_answered_by_the_nearest(margin: Margin, told: Path) -> None:
    said = margin("sql", "SELECT s.exces FROM margin_summary s", *place(told))

    assert said.err == "margin: No field named s.exces: did you mean 'excess'?\n"
    assert "and 16 more" in margin("sql", "SELECT zzz FROM margin_summary", *place(told)).err
