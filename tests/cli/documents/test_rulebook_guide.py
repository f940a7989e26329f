"""The guide to rulebooks of one's own, run as it stands; and what the verbs refuse."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.support import ROOT
from tests.support.margin_command import Margin, place

GUIDE = (ROOT / "docs" / "rulebooks.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
COMMANDS = [line for kind, text in BLOCKS if not kind for line in text.splitlines()]
CHEAP = {
    "as_of": "2031-06-02",
    "account": {"account_id": "A", "account_type": "reg_t", "cash": 0},
    "positions": [{"kind": "equity", "symbol": "X", "quantity": 100}],
    "instruments": {"X": {"price": 4, "asset_class": "equity", "beta": 1}},
}
(HOUSE,) = (text for kind, text in BLOCKS if kind == "toml")


@pytest.fixture
def lake(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(copied)
    Path("house.toml").write_text(HOUSE, "utf-8")
    return copied


def test_the_guide_runs_as_it_stands(margin: Margin, lake: Path) -> None:
    said = {}
    for command in COMMANDS:
        words = shlex.split(command)
        assert words.pop(0) == "margin"
        said[command] = margin(*words, *place(lake))
        assert said[command].code == 0, (command, said[command].err)

    shown = said["margin rulebook show house 2031-01-01"].out
    assert "adopted by mia at " in shown
    assert "reason: Risk committee, 24 November\n" in shown
    assert "ladder.warning_below = 0.08  # of gross market value\n" in shown
    assert "this lake: Risk committee, 24 November (mia, " in said["margin rulebook list"].out
    # The overlay went on and off again: the last version has it off, the one before on.
    on, off = (
        margin("rulebook", "show", "overlays", day, "--json", *place(lake)).document["numbers"]
        for day in ("2031-01-01", "2032-01-01")
    )
    assert (on["low_price"]["enabled"], off["low_price"]["enabled"]) == (True, False)
    rows = margin("rulebook", "list", "--json", *place(lake)).document
    assert [r["adopted_by"] for r in rows if r["adopted_by"]] == ["mia"] * 3
    assert all(row["is_used"] for row in rows)
    two = ["house/2020-01-01", "house/2031-01-01"]
    found = margin("rulebook", "diff", *two, "--json", *place(lake)).document
    assert {row["key"] for row in found["numbers"]} == {
        "ladder.warning_below",
        "ladder.warning_ends_at",
    }
    # A stock at 4.00 asks 25% of its value, and all of it where the overlay is on.
    Path("cheap.json").write_text(json.dumps(CHEAP), "utf-8")
    asked = ["whatif", "cheap.json", "--json"]
    answers = [margin(*asked, *named).document["house"] for named in ([], place(lake))]
    assert [answer["requirement"] for answer in answers] == [100, 400]


def test_looking_stores_nothing(margin: Margin, lake: Path) -> None:
    words = ["rulebook", "adopt", "house.toml", "--effective", "2031-01-01"]

    said = margin(*words, "--dry-run", *place(lake))

    assert said.code == 0
    assert "from 2031-01-01 on, in the place of house/2020-01-01" in said.out
    assert re.search(r"house.ladder.warning_below +0.05 +0.08", said.out)
    assert "nothing was adopted" in said.err
    assert not (lake / "lake" / "rulebooks").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["adopt", "house.toml", "--effective", "2031-01-01"], "say why: give --reason"),
        (["adopt", "no.toml", "--effective", "2031-01-01", "--dry-run"], "no.toml cannot be read"),
        (["adopt", "house.toml", "--effective", "2020-03-09", "--reason", "x"], "sealed already"),
        (["overlay", "low_prize", "on", "--effective", "2031-01-01"], "did you mean 'low_price'?"),
        (["overlay", "low_price", "off", "--effective", "2031-01-01", "--dry-run"], "no number"),
    ],
)
def test_what_is_refused_is_one_line(
    margin: Margin, lake: Path, words: list[str], says: str
) -> None:
    said = margin("rulebook", *words, *place(lake))

    assert said.code == 1
    assert says in said.err
    assert said.err.count("\n") == 1


def test_the_python_of_the_guide_runs() -> None:
    (code,) = (text for kind, text in BLOCKS if kind == "python")

    exec(compile(code, "docs/rulebooks.md", "exec"), {})
