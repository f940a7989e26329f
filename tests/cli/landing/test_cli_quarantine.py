"""Refused rows listed, shown and landed again; what landed stays data."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.margin_command import Margin, land, landed, live, place


def refused(margin: Margin, folder: Path) -> dict[str, Any]:
    rows = margin("quarantine", "list", *place(folder), "--json").document
    return rows[0]


def test_release_lands_the_corrected_line(margin: Margin, copied: Path) -> None:
    land(
        copied,
        "prices/bad.ndjson",
        '{"symbol":"NVDA","price":-1,"event_time":"2020-03-09T17:00:00Z"}\n',
    )
    live(margin, copied)
    row = refused(margin, copied)
    still_bad = margin(
        "quarantine", "release", row["quarantine_id"], "--set", "price=-2", *landed(copied)
    )
    good = margin(
        "quarantine", "release", row["quarantine_id"], "--set", "price=337.5", *landed(copied)
    )
    again = margin(
        "quarantine", "release", row["quarantine_id"], "--set", "price=337.5", *landed(copied)
    )
    live(margin, copied)

    assert row["reasons"] == "price_out_of_range"
    assert still_bad.code == 1
    assert "refused again: price_out_of_range" in still_bad.err
    assert good.code == 0
    assert good.out == again.out
    newest = "SELECT price FROM prices ORDER BY event_time DESC LIMIT 1"
    assert margin("sql", newest, *place(copied), "--json").document == [{"price": 337.5}]


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_release_of_a_csv_row(margin: Margin, copied: Path, suffix: str) -> None:
    text = "symbol,price,event_time,source,extra\nNVDA,abc,2020-03-09T17:00:00Z,,x\n"
    content = gzip.compress(text.encode()) if suffix else text.encode()
    land(copied, f"prices/bad.csv{suffix}", content)
    live(margin, copied)
    row = refused(margin, copied)
    said = margin(
        "quarantine",
        "release",
        row["quarantine_id"][:8],
        "--set",
        "price=337.5",
        *landed(copied),
        "--json",
    )

    path = Path(said.document["path"])
    assert json.loads(path.read_text()) == {
        "symbol": "NVDA",
        "price": 337.5,
        "event_time": "2020-03-09T17:00:00Z",
    }


@pytest.mark.parametrize(
    ("line", "words", "reason"),
    [
        pytest.param("{nonsense", [], "nothing to correct", id="no change"),
        pytest.param("{}", ["--set", "nope=1"], "prices has no column 'nope'", id="column"),
        pytest.param("{}", ["--row", "{"], "is not one JSON object", id="no row"),
        pytest.param("{}", ["--row", "{}"], "refused again: event_time_missing;", id="empty row"),
        pytest.param("{x", ["--set", "price=1"], "is not one JSON object", id="beyond repair"),
        pytest.param('{"a":1,"a":2}', ["--set", "price=1"], "a key comes twice", id="twice"),
    ],
)
def test_release_refuses(
    margin: Margin, copied: Path, line: str, words: list[str], reason: str
) -> None:
    land(copied, "prices/bad.ndjson", f"{line}\n")
    live(margin, copied)
    row = refused(margin, copied)
    said = margin("quarantine", "release", row["quarantine_id"], *words, *landed(copied))

    assert said.code == 1
    assert reason in said.err
    assert not list((copied / "landing").glob("*/released*"))


def test_a_whole_file_is_not_released(margin: Margin, copied: Path) -> None:
    land(copied, "prices/\x1b[31m[red].csv", b"symbol,price\n\xff")
    live(margin, copied)
    row = refused(margin, copied)
    said = margin("quarantine", "release", row["quarantine_id"], "--row", "{}", *landed(copied))
    shown = margin("quarantine", "show", row["quarantine_id"], *place(copied))
    listed = margin("quarantine", "list", *place(copied))

    assert said.code == 1
    assert "land it again" in said.err
    assert "\x1b" not in said.err + shown.out + listed.out
    assert "prices/\\x1b[31m[red].csv" in listed.out
    assert "\\xff" in shown.out
