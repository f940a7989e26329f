"""The house's part of an answer, and the last days by the rule."""

import json
from typing import Any

import pytest

from margin_assets.whatif import whatif


def document(account_type: str, cash: float, **options: Any) -> str:
    return json.dumps(
        {
            "as_of": "2026-09-01",
            "account": {"account_id": "A", "account_type": account_type, "cash": cash},
            "positions": [{"kind": "equity", "symbol": "X", "quantity": 1000}],
            "instruments": {
                "X": {"price": 100, "asset_class": "equity", "expected_range": 0.2}
                | options.pop("terms", {})
            },
            "options": options,
        }
    )


@pytest.mark.parametrize(
    ("terms", "initial"),
    [
        pytest.param({"is_us": True}, 27_500.0, id="110% of 25%"),
        pytest.param({"is_us": False}, 31_250.0, id="125% of 25%"),
        pytest.param({}, 31_250.0, id="not known: the higher"),
    ],
)
def test_the_house_asks_more_to_open_than_to_carry(terms: dict[str, bool], initial: float) -> None:
    asked = document("reg_t", -50_000, house_overlays=["initial"], terms=terms)

    assert whatif(asked)["house"]["initial_requirement"] == initial


def test_without_the_overlay_initial_is_what_governs() -> None:
    house = whatif(document("reg_t", -50_000))["house"]

    assert house["initial_requirement"] == house["requirement"] == 25_000.0
    assert house["expected_ranges"] == []


def test_an_issuer_whose_move_to_zero_lies_within_its_range_is_stressed_by_it() -> None:
    # Equity of 15,000 on 100,000: a move of 15% takes all, the range is 20%.
    asked = document("portfolio_margin", -85_000, house_overlays=["expected_range"])
    (row,) = whatif(asked)["house"]["expected_ranges"]

    assert row == {
        "issuer": "X",
        "exposure": 100_000.0,
        "point_of_no_return": 0.15,
        "expected_range": 0.2,
        "stress": 0.2,
        "is_inside": True,
    }


def test_last_days_are_those_of_the_accounts_rule() -> None:
    # FINRA 4210(f)(6): fifteen business days, Labor Day between; (g)(10)(A): three, and one.
    assert whatif(document("reg_t", -80_000))["deadlines"] == {
        "maintenance_call_latest": "2026-09-23"
    }
    assert whatif(document("portfolio_margin", -90_000))["deadlines"] == {
        "portfolio_deficiency_due": "2026-09-04",
        "portfolio_net_capital_deduction": "2026-09-02",
    }
    assert whatif(document("reg_t", -50_000))["deadlines"] == {}
