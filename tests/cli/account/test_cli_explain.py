"""What explain says first, and that what it shows adds up."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from margin_assets.cli.account.sentence import sentence
from tests.support.margin_command import Margin, place

TRAVEL = "2020-03-09T15:00:00Z"


def story(**more: Any) -> dict[str, Any]:
    ok = {"state": "ok", "since": None}
    none = {"state": "none", "since": None}
    told = {
        "status": "determinate",
        "reasons": [],
        "account": {"account_type": "reg_t"},
        "ladder": {
            "margin_status": ok,
            "minimum_equity": ok,
            "restriction": none,
            "liquidation": none,
        },
        "figures": {
            "equity": Decimal("90715.00"),
            "governing_requirement": Decimal("94927.50"),
        },
        "reg_t": [
            line("XOM", "4000.00", "16000.00"),
            line("TQQQ", "89670.00", "-119560.00"),
        ],
        "portfolio_margin": [{"class_group": "SPX", "requirement": Decimal("700.00")}],
    }
    return told | more


def line(
    symbol: str, requirement: str, value: str, strategy: str = "short_stock"
) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "strategy": strategy,
        "maintenance_requirement": Decimal(requirement),
        "market_value": Decimal(value),
    }


def test_the_sentence_has_the_figures_and_the_largest_line() -> None:
    assert sentence(story()) == (
        "In order: equity 90,715.00 is below the requirement of 94,927.50; "
        "the largest line is TQQQ, 75% of 119,560.00."
    )


def test_a_group_of_several_legs_has_no_rate() -> None:
    lines = [line("XOM", "11340.00", "44980.00", "covered_call")]

    assert sentence(story(reg_t=lines)).endswith(
        "the largest line is XOM, covered call, 11,340.00."
    )


def test_a_restriction_is_said_with_its_reasons() -> None:
    held = {"state": "close_only", "since": None, "reasons": ["stress", "overdue_call"]}
    ladder = story()["ladder"] | {"restriction": held}

    assert sentence(story(ladder=ladder)).startswith("May only close (stress, overdue_call): ")


def test_bounds_are_said_to_be_bounds() -> None:
    told = story(
        status="indeterminate",
        reasons=["price_missing"],
        account={"account_type": "portfolio_margin"},
    )

    assert sentence(told).endswith(
        "the largest line is class group SPX, 700.00; "
        "inputs are missing, so these are bounds: price_missing."
    )


def test_an_account_that_holds_nothing_has_no_line() -> None:
    figures = {"equity": Decimal("5.00"), "governing_requirement": Decimal("0.00")}

    assert sentence(story(figures=figures, reg_t=[])) == (
        "In order: equity 5.00 covers the requirement of 0.00, with 5.00 to spare."
    )


def test_explain_opens_with_it(margin: Margin, told: Path) -> None:
    said = margin("explain", "NVDA-SEED", "--at", TRAVEL, *place(told)).out

    assert said.splitlines()[0] == (
        "In call since 2020-03-09T14:55:00Z: equity 38,000.00 is below the requirement of "
        "42,000.00; the largest line is NVDA, 25% of 168,000.00."
    )
    assert "rulebooks as sealed" in said


@pytest.mark.parametrize("at", [TRAVEL, "2020-03-09T16:25:00Z"])
def test_what_is_shown_adds_up(margin: Margin, told: Path, at: str) -> None:
    found = margin("explain", "NVDA-SEED", "--at", at, *place(told), "--json").document
    figures = found["figures"]

    lines = sum(row["maintenance_requirement"] for row in found["reg_t"])
    assert lines == figures["reg_t_requirement"] == figures["regulatory_requirement"]
    addons = sum(row["addon"] for row in found["house"])
    assert figures["regulatory_requirement"] + addons == figures["house_requirement"]
    assert figures["equity"] - figures["governing_requirement"] == figures["excess"]
    value = sum(row["market_value"] for row in found["marks"])
    assert figures["cash"] + value == figures["net_liquidation"]
    assert all(len(book["hash"]) == 16 for book in found["rulebooks"])
