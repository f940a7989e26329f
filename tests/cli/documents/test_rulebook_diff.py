"""Two rulebooks on one snapshot: who moves, and what is refused."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.support.margin_command import Margin, place

FINRA = "finra_4210/2013-01-23"
Document = dict[str, Any]


def draft(folder: Path, version: str, *changes: tuple[str, str]) -> str:
    """A version's file with some of its text changed, named as the verb takes it."""
    text = files("margin_assets.rulebooks").joinpath(f"{version}.toml").read_text("utf-8")
    for old, new in changes:
        assert text.count(old) >= 1
        text = text.replace(old, new, 1)
    file = folder / "draft.toml"
    file.write_text(text)
    return f"{version.partition('/')[0]}={file}"


@pytest.fixture
def stricter(tmp_path: Path) -> str:
    """FINRA 4210 with 90% for long equity in place of 25%."""
    return draft(tmp_path, "finra_4210/2026-06-04", ("maintenance = 0.25", "maintenance = 0.90"))


def seen(margin: Margin, told: Path, *words: object) -> Document:
    document: Document = margin("rulebook", "diff", *words, *place(told), "--json").document
    return document


def test_a_stricter_draft(margin: Margin, told: Path, stricter: str) -> None:
    found = seen(margin, told, FINRA, stricter)
    [move] = found["moves"]
    question = "SELECT long_market_value, equity, governing_requirement FROM margin_summary"
    [sealed] = margin("sql", question, *place(told), "--json").document

    after = sealed["long_market_value"] * 0.9
    assert found["numbers"] == [{"key": "long_equity.maintenance", "a": 0.25, "b": 0.9}]
    assert move["account_id"] == "NVDA-SEED"
    assert (move["status_before"], move["status_after"]) == ("ok", "call")
    assert move["requirement_before"] == sealed["governing_requirement"]
    assert move["requirement_after"] == after
    assert move["excess_after"] == sealed["equity"] - after
    assert move["change"] == after - sealed["governing_requirement"]
    assert found["totals"] == {
        "accounts": 1,
        "moved": 1,
        "newly_in_call": 1,
        "cured": 0,
        "newly_warned": 0,
        "change": move["change"],
    }
    assert found["not_counted"] == []


def test_the_way_back_cures(margin: Margin, told: Path, stricter: str) -> None:
    found = seen(margin, told, stricter, FINRA)

    assert found["totals"]["cured"] == 1
    assert found["totals"]["change"] < 0


def test_two_versions_in_which_no_number_differs(margin: Margin, told: Path) -> None:
    words = [FINRA, "finra_4210/2026-06-04"]
    found = seen(margin, told, *words)

    assert (found["numbers"], found["moves"]) == ([], [])
    assert found["cycle"] == 11
    assert found["as_of"] == "2020-03-09T16:25:00Z"
    assert "no number differs" in margin("rulebook", "diff", *words, *place(told)).out


def test_an_earlier_cycle(margin: Margin, told: Path, stricter: str) -> None:
    at_call = seen(margin, told, FINRA, stricter, "--cycle", 7)

    assert at_call["cycle"] == 7
    assert at_call["moves"][0]["status_before"] == "call"
    assert at_call["totals"]["newly_in_call"] == 0


def test_for_a_person(margin: Margin, told: Path, stricter: str) -> None:
    said = margin("rulebook", "diff", FINRA, stricter, *place(told))

    assert said.code == 0
    assert "long_equity.maintenance  0.25  0.9" in said.out
    assert "1 accounts: 1 move, 1 newly in call, 0 cured, 0 newly warned, change " in said.out
    assert "NVDA-SEED" in said.out
    assert "ok to call" in said.out


OVERLAYS = "overlays/2020-01-01"
CHARGED = ("enabled = false", "enabled = true")  # the first one: concentration


def test_an_overlay_switched_on(margin: Margin, told: Path, tmp_path: Path) -> None:
    found = seen(margin, told, OVERLAYS, draft(tmp_path, OVERLAYS, CHARGED))
    [move] = found["moves"]
    question = "SELECT long_market_value FROM margin_summary"
    [sealed] = margin("sql", question, *place(told), "--json").document

    # A book of one name is all concentrated: 10% of it.
    assert move["change"] == round(sealed["long_market_value"] * 0.1, 2)
    assert move["requirement_after"] - move["requirement_before"] == move["change"]
    assert found["numbers"] == [{"key": "concentration.enabled", "a": False, "b": True}]
    assert found["not_counted"] == []


def test_two_drafts_of_an_overlay(margin: Margin, told: Path, tmp_path: Path) -> None:
    (tmp_path / "dear").mkdir()
    dear = draft(
        tmp_path / "dear",
        OVERLAYS,
        CHARGED,
        ("rate = 0.10", "rate = 0.15"),
        ("rate = 0.05", "rate = 0.06"),
        ("us = 1.10", "us = 1.20"),
    )
    found = seen(margin, told, draft(tmp_path, OVERLAYS, CHARGED), dear)
    [move] = found["moves"]

    assert move["change"] > 0
    assert {row["key"] for row in found["numbers"]} > set(found["not_counted"])
    # Beta leverage is off on both sides, and the initial requirement is no maintenance.
    assert found["not_counted"] == ["beta_leverage.rate", "initial.us"]


def test_overlays_that_are_off_count_nothing(margin: Margin, told: Path, tmp_path: Path) -> None:
    other = draft(tmp_path, OVERLAYS, ("rate = 0.10", "rate = 0.15"))
    found = seen(margin, told, OVERLAYS, other)

    assert (found["moves"], found["not_counted"]) == ([], ["concentration.rate"])


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("[0.40, 0.60]", "[0.40]", "volatility.above has 1 numbers", id="too few"),
        pytest.param("[0.05, 0.10]", "[0.10, 0.05]", "do not rise", id="falling rates"),
        pytest.param("[0.25, 1.00]", "[1.00, 0.25]", "do not rise", id="falling bands"),
        pytest.param("[0.20, 0.50]", "[0.05, 0.50]", "do not rise", id="below the listed rate"),
        pytest.param('"step" #', '"cliff" #', "schedule is cliff", id="schedule"),
    ],
)
def test_an_overlay_draft_that_contradicts_itself(
    margin: Margin, told: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    said = margin("rulebook", "diff", OVERLAYS, draft(tmp_path, OVERLAYS, (old, new)), *place(told))

    assert (said.code, said.out) == (1, "")
    assert reason in said.err
    assert said.err.count("\n") == 1


STALE = ("stale_after_sessions = 1", "stale_after_sessions = 2")
DUE = ("due_business_days = 3", "due_business_days = 2")


@pytest.mark.parametrize(
    ("version", "changes", "keys", "note"),
    [
        pytest.param(
            "house/2020-01-01",
            [STALE, ("warning_below = 0.05", "warning_below = 0.04")],
            ["prices.stale_after_sessions"],
            "prices.stale_after_sessions",
            id="it made the marks",
        ),
        pytest.param(
            "timelines/2024-05-28",
            [DUE],
            ["portfolio_deficiency.due_business_days"],
            "any number above",
            id="no requirement reads it",
        ),
    ],
)
def test_a_number_that_is_not_counted_is_named(
    margin: Margin,
    told: Path,
    tmp_path: Path,
    version: str,
    changes: list[tuple[str, str]],
    keys: list[str],
    note: str,
) -> None:
    words = [version, draft(tmp_path, version, *changes)]

    assert seen(margin, told, *words)["not_counted"] == keys
    said = margin("rulebook", "diff", *words, *place(told))
    assert said.err == f"the figures do not count {note}\n"


REFUSED = [
    pytest.param(["nope/2020-01-01", FINRA], "unknown family 'nope'", id="family"),
    pytest.param(
        ["finra_4210/2020-01-01", FINRA], "no version '2020-01-01'; it has 2013-01-23", id="version"
    ),
    pytest.param(["finra_4210", FINRA], "no version ''; it has", id="no version named"),
    pytest.param([FINRA, "house/2020-01-01"], "name two of one family", id="two families"),
    pytest.param([FINRA, "finra_4210=nowhere.toml"], "No such file", id="no draft"),
    pytest.param([FINRA, FINRA, "--cycle", "99"], "cycle 99 is not sealed", id="cycle"),
]


@pytest.mark.parametrize(("words", "reason"), REFUSED)
def test_refused_in_one_line(margin: Margin, told: Path, words: list[str], reason: str) -> None:
    said = margin("rulebook", "diff", *words, *place(told))

    assert (said.code, said.out) == (1, "")
    assert reason in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("maintenance = 0.25", "", "long_equity.maintenance is missing", id="lacks"),
        pytest.param("[bond.short]", "[bond.sort]", "bond.short.rate is missing", id="misspelt"),
        pytest.param(
            "maintenance = 0.25",
            "maintenance = 25",
            "long_equity.maintenance is 25",
            id="percentage",
        ),
        pytest.param("maintenance = 0.25", "maintenance = ", "draft.toml: ", id="no TOML"),
    ],
)
def test_a_draft_is_refused_in_one_line(
    margin: Margin, told: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    words = [FINRA, draft(tmp_path, "finra_4210/2026-06-04", (old, new))]
    said = margin("rulebook", "diff", *words, *place(told))

    assert (said.code, said.out) == (1, "")
    assert "draft.toml" in said.err
    assert reason in said.err
    assert said.err.count("\n") == 1


def test_without_a_sealed_cycle(margin: Margin, tmp_path: Path) -> None:
    margin("init", *place(tmp_path))
    said = margin("rulebook", "diff", FINRA, FINRA, *place(tmp_path))

    assert said.code == 1
    assert said.err == "margin: no cycle is sealed yet: `margin live` processes what lands\n"


def test_help_has_an_example(margin: Margin) -> None:
    said = margin("rulebook", "diff", "--help")

    assert said.code == 0
    assert "margin rulebook diff house/2020-01-01 house=draft.toml" in said.out
