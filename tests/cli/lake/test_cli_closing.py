"""Whether yesterday was good."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from margin_assets.cli.lake.closing import closing, sentence
from tests.support.margin_command import Margin, landed

# A Tuesday morning in New York; Monday's session had closed.
NOW = datetime(2020, 3, 10, 12, tzinfo=UTC)
MONDAY, FRIDAY = date(2020, 3, 9), date(2020, 3, 6)


def found(**more: Any) -> dict[str, Any]:
    told = {
        "as_of": datetime(2020, 3, 9, 20, tzinfo=UTC),
        "freshness": {"state": "ok"},
        "limits": {"stale_seconds": 300.0},
        "daily": {"last_finished": MONDAY, "unfinished": [], "missing": []},
        "backlog": {"files": 0},
        "waiting_files": [],
        "refused": {"rows": 0},
        "waiting_corrections": [],
        "indeterminate_accounts": [],
        "actions_on_unknown_symbols": [],
        "damaged_tables": [],
    }
    return told | more


def test_a_good_day() -> None:
    close = closing(found(), NOW)

    assert (close["business_date"], close["is_good"]) == (MONDAY, True)
    assert sentence(close).startswith("2020-03-09 was good: its close is computed")


@pytest.mark.parametrize(
    ("more", "against"),
    [
        (
            {"daily": {"last_finished": FRIDAY, "unfinished": [], "missing": [MONDAY]}},
            "its close is not computed: the last is of 2020-03-06",
        ),
        (
            {"daily": {"last_finished": FRIDAY, "unfinished": [MONDAY], "missing": []}},
            "its close is begun and not finished",
        ),
        (
            {"daily": {"last_finished": None, "unfinished": [], "missing": []}},
            "its close is not computed: no daily run has written one",
        ),
        ({"refused": {"rows": 2}}, "2 fills or cash rows are refused and open"),
        ({"indeterminate_accounts": [{}]}, "1 accounts lacked an input"),
        ({"actions_on_unknown_symbols": [{}]}, "1 corporate actions are of no known symbol"),
        ({"backlog": {"files": 3}}, "3 files wait"),
    ],
)
def test_what_is_against_a_day_is_named(more: dict[str, Any], against: str) -> None:
    close = closing(found(**more), NOW)

    assert close["against"] == [against]
    assert sentence(close) == f"2020-03-09 was not good: {against}"


def test_a_day_is_asked_for_when_it_has_closed() -> None:
    at_the_close = datetime(2020, 3, 9, 20, 4, tzinfo=UTC)
    after = datetime(2020, 3, 9, 20, 6, tzinfo=UTC)

    assert closing(found(), at_the_close)["business_date"] == FRIDAY
    assert closing(found(), after)["business_date"] == MONDAY


def test_a_lake_of_history_is_asked_for_the_close_of_its_own_time() -> None:
    history = found(freshness={"state": "history"})

    assert closing(history, datetime(2026, 1, 5, tzinfo=UTC))["business_date"] == MONDAY


def test_status_says_it_and_fails_on_it(margin: Margin, told: Path) -> None:
    said = margin("status", "--check", *landed(told))

    assert said.code == 1
    assert "last close    2020-03-06 was not good: its close is not computed" in said.out
    assert margin("status", *landed(told)).code == 0
    assert margin("status", *landed(told), "--json").document["close"]["is_good"] is False
