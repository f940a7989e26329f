"""Rulebooks that contradict themselves are refused when they are read, by file and key."""

import tomllib
from datetime import date
from pathlib import Path

import pytest

from margin_assets import rulebooks
from margin_assets.rulebooks import FAMILIES, in_force, versions
from margin_assets.rulebooks.drafts import named
from margin_assets.rulebooks.limits import fault_of
from margin_assets.rulebooks.paths import flat
from tests.support.installed_rulebooks import installed_in, read

ROOT = Path(rulebooks.__file__).parent
MOVES = "moves_percent = [-8, -6, -4, -2, 0, 2, 4, 6]"

# Of each family what stands in its newest file, what stands there instead, and what is said.
WRONG = [
    (
        "house",
        "warning_below = 0.05",
        "warning_below = 0.07",
        "ladder.warning_below is 0.07: above ladder.warning_ends_at, 0.06",
    ),
    (
        "house",
        "warning_below = 0.05",
        "warning_below = 5",
        "ladder.warning_below is 5: not between 0 and 1",
    ),
    (
        "house",
        "warning_ends_at = 0.06",
        "warning_ends_at = -0.06",
        "ladder.warning_ends_at is -0.06: not",
    ),
    ("house", "warning_below = 0.05", "warning_below = 0.0500001", "finer than a millionth"),
    (
        "house",
        "warning_below = 0.05",
        "warning_below = nan",
        "ladder.warning_below is nan: not between",
    ),
    (
        "house",
        "warning_below = 0.05",
        'warning_below = "5%"',
        "ladder.warning_below is '5%': not a number",
    ),
    (
        "house",
        "warning_below = 0.05",
        "warning_below = true",
        "ladder.warning_below is True: not a number",
    ),
    ("house", "warning_below = 0.05", "", "ladder.warning_below is missing"),
    ("house", "warning_below = 0.05", "warning_bellow = 0.05", "ladder.warning_below is missing"),
    ("house", "[grid]", "[grid]\nseconds = 1", "grid.seconds is unknown"),
    (
        "house",
        "liquidation_deficiency = 0.50",
        "liquidation_deficiency = 1.01",
        "deficiency is 1.01: not",
    ),
    (
        "house",
        "overdue_minutes = 30",
        "overdue_minutes = -1",
        "ladder.overdue_minutes is -1: not between",
    ),
    (
        "house",
        "liquidation_minutes = 60",
        "liquidation_minutes = -60",
        "liquidation_minutes is -60: not",
    ),
    (
        "house",
        "release_minutes = 15",
        "release_minutes = -0.5",
        "stress.release_minutes is -0.5: not",
    ),
    (
        "house",
        "interval_seconds = 1",
        "interval_seconds = 0",
        "grid.interval_seconds is 0: not between 1",
    ),
    (
        "house",
        "interval_seconds = 1",
        "interval_seconds = 0.5",
        "grid.interval_seconds is 0.5: not",
    ),
    ("house", "interval_seconds = 1", "interval_seconds = 1.5", "is 1.5: not a whole number"),
    (
        "house",
        MOVES,
        "moves_percent = [-8, -6, 4]",
        "stress.moves_percent is [-8, -6, 4]: without 0",
    ),
    ("house", MOVES, "moves_percent = [-6, 0, 0]", "is [-6, 0, 0]: a move stands there twice"),
    ("house", MOVES, "moves_percent = []", "stress.moves_percent is []"),
    ("house", MOVES, "moves_percent = -6", "stress.moves_percent is -6: a list is wanted"),
    ("house", MOVES, "moves_percent = [-6, -600, 0]", "is [-6, -600, 0]: not between -100 and 100"),
    (
        "house",
        "restricts_at_percent = -6",
        "restricts_at_percent = -5",
        "restricts_at_percent is -5: not a",
    ),
    (
        "house",
        "restricts_at_percent = -6",
        "restricts_at_percent = 0",
        "restricts_at_percent is 0: not a fall",
    ),
    (
        "house",
        "missing_beta = 2.0",
        "missing_beta = -2.0",
        "stress.missing_beta is -2.0: not between",
    ),
    (
        "house",
        "stale_after_sessions = 1",
        "stale_after_sessions = 6",
        "stale_after_sessions is 6: above prices.unusable_after_sessions, 5",
    ),
    (
        "house",
        "unusable_after_sessions = 5",
        "unusable_after_sessions = 5.5",
        "is 5.5: not a whole number",
    ),
    (
        "house",
        "short_cushion = 0.50",
        "short_cushion = 50",
        "prices.short_cushion is 50: not between 0 and 10",
    ),
    ("house", 'benchmark = "SPY"', "benchmark = 1", "stress.benchmark is 1: not a text"),
    (
        "finra_4210",
        "maintenance = 0.25",
        "maintenance = -0.25",
        "long_equity.maintenance is -0.25: not",
    ),
    (
        "finra_4210",
        "margin_account_usd = 2000",
        "margin_account_usd = -1",
        "margin_account_usd is -1: not",
    ),
    (
        "reg_t",
        "long_equity = 0.50",
        "long_equity = 50",
        "initial.long_equity is 50: not between 0 and 1",
    ),
    (
        "tims",
        "offset = 0.90",
        "offset = 1.90",
        "product_group.broad_based.offset is 1.9: not between",
    ),
    ("intraday", "window_days = 365", "window_days = -365", "practice.window_days is -365: not"),
    ("timelines", "due_business_days = 3", "due_business_days = 2.5", "is 2.5: not a whole number"),
    ("overlays", "above = 0.30", "above = -0.30", "concentration.above is -0.3: not between"),
    ("lake", "max_files = 4096", "max_files = -1", "plan.max_files is -1: not between"),
]


def changed(family: str, old: str, new: str) -> str:
    text = (ROOT / family / f"{versions(family)[-1]}.toml").read_text("utf-8")
    assert f"\n{old}" in text
    return text.replace(f"\n{old}", f"\n{new}", 1)


@pytest.mark.parametrize(("family", "old", "new", "said"), WRONG)
def test_a_draft_that_contradicts_itself_is_refused(
    tmp_path: Path, family: str, old: str, new: str, said: str
):
    file = tmp_path / "draft.toml"
    file.write_text(changed(family, old, new), "utf-8")

    with pytest.raises(ValueError, match=r"draft\.toml: ") as refused:
        named(f"{family}={file}")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["warning_below = 0.07", "warning_below = "])
def test_so_is_a_version_that_is_installed(tmp_path: Path, text: str):
    folder = tmp_path / "house"
    folder.mkdir()
    (folder / "2020-01-01.toml").write_text(changed("house", "warning_below = 0.05", text), "utf-8")
    fault = r"^house/2020-01-01.toml: [^\n]*$"
    with installed_in(tmp_path), pytest.raises(ValueError, match=fault):
        read("house", date(2024, 1, 1))


def test_what_is_installed_is_in_order():
    for family in FAMILIES:
        for day in versions(family):
            assert in_force(family, day).effective == day


def test_levels_may_meet():
    values = flat(in_force("house", date(2024, 1, 1)).numbers)

    assert fault_of("house", values | {("ladder", "warning_below"): 0.06}) is None


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ("true", None),
        ("false", None),
        ('"yes"', "dividends.receivable_counts is 'yes': not true or false"),
        ("1", "dividends.receivable_counts is 1: not true or false"),
    ],
)
def test_a_house_may_count_dividends_that_are_due(said: str, fault: str | None) -> None:
    text = (ROOT / "house" / f"{versions('house')[-1]}.toml").read_text("utf-8")
    numbers = tomllib.loads(f"{text}\n[dividends]\nreceivable_counts = {said}\n")
    assert fault_of("house", flat(numbers)) == fault
