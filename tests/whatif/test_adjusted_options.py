"""Adjusted contracts in documents: cover, spreads and values follow what a contract delivers.

GE after 1:8 in 2021 (a call on 12 shares and cash) and KULR after 1:8 in 2025 (13 shares) are
public reports of covered calls that were taken for naked ones.
"""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.whatif import DocumentError, parse_document
from tests.support.option_documents import answer, names, option, reasons, shares

Json = dict[str, Any]
GE = {"price": 104, "asset_class": "equity", "beta": 1.0}


def reg_t(found: Json) -> tuple[float, float]:
    return found["reg_t"]["maintenance_requirement"], found["reg_t"]["excess"]


def test_twelve_shares_and_cash_cover_a_call_that_delivers_them() -> None:
    found = answer(
        shares(13),
        option("C13", -1, 0.18, deliverable={"units": 12, "cash": 52.00}),
        known=GE,
    )

    # 25% of 13 x 104; equity is the shares alone, the premium is in the cash.
    assert reg_t(found) == (338.0, 1014.0)
    assert names(found) == ["covered_call", "long_stock"]
    assert found["positions"][1]["market_value"] == -18.0


def test_125_shares_do_not_cover_ten_contracts_of_thirteen() -> None:
    kulr = {"price": 4.00, "asset_class": "equity", "beta": 1.0}
    found = answer(shares(125), option("C1", -10, 0.01, deliverable={"units": 13}), known=kulr)

    # Strike 100 / 13 = 7.69 a share: nine calls are covered by 117 shares; 25% of 500 is 125.
    # One is naked: 20% of 52 less 48 out of the money is below 10%, 5.20, and its premium is 1.
    assert sorted(names(found)) == ["covered_call", "long_stock", "naked_call"]
    assert reg_t(found)[0] == 125 + 5.20 + 1


def test_as_by_hand_so_as_listed() -> None:
    """The same contract on 12 shares, strike and premium a share, is margined the same."""
    listed = {"deliverable": {"units": 12, "cash": 52.00}}
    for kind in ("reg_t", "portfolio_margin"):
        book = (shares(30), option("C13", -2, 0.18, **listed), option("P9", 3, 0.24, **listed))
        # P9: (900 - 52) / 12 a share.
        by_hand = (
            shares(30),
            option("C104", -2, 1.5, multiplier=12),
            option("P70.666667", 3, 2.0, multiplier=12),
        )
        found, other = (
            answer(*rows, known=GE, account_type=kind, cash=500_000) for rows in (book, by_hand)
        )
        for part in ("reg_t", "portfolio_margin"):
            if part == "portfolio_margin":
                # The minimum is 0.375 a quoted unit: 37.50 a contract, whatever it delivers.
                assert found[part]["requirement"] >= other[part]["requirement"]
            else:
                assert found[part] | {"groups": 0} == other[part] | {"groups": 0}
        assert [s["pnl"] for s in found["stress"]] == pytest.approx(
            [s["pnl"] for s in other["stress"]], abs=0.02
        )
        assert found["status"] == other["status"] == "determinate"


def test_a_spread_is_of_equal_units_delivered() -> None:
    written = option("C50", -2, 1.0, deliverable={"units": 50})
    found = answer(written, option("C110", 1, 0.5), known=GE, cash=10_000)

    # Two contracts of 50 at 100 a share against one of 100 at 110: at most 1,000 is lost.
    assert names(found) == ["ratio_spread"]
    assert reg_t(found)[0] == 1000.0


def test_the_strike_has_a_multiplier_of_its_own() -> None:
    found = answer(
        option("P90", -1, 2.0, deliverable={"units": 150, "strike_multiplier": 150}),
        known={"price": 80, "asset_class": "equity"},
    )

    # Ten a share in the money on 150 shares, premium on 100: 200 + 20% of 12,000.
    assert reg_t(found)[0] == 200 + 2400


@pytest.mark.parametrize(
    "deliverable", [{"units": 12, "others": {"WAB": 5}}, {"cash": 40}, {"units": 1, "cash": 1300}]
)
@pytest.mark.parametrize("kind", ["reg_t", "portfolio_margin"])
def test_what_no_model_follows_covers_nothing_and_is_named(deliverable: Json, kind: str) -> None:
    found = answer(
        shares(100),
        option("C13", -1, 0.18, deliverable=deliverable),
        option("C14", 1, 0.10, deliverable=deliverable),
        known=GE,
        account_type=kind,
        cash=500_000,
    )

    assert found["status"] == "indeterminate"
    assert "deliverable_unmodelled" in reasons(found)
    assert "naked_call" in names(found)


UNITS = st.decimals("0.5", "300", places=1)


@settings(max_examples=15, deadline=None)
@given(units=UNITS, strike=st.integers(5, 40), contracts=st.integers(1, 9))
def test_shares_that_are_delivered_cover(units: Decimal, strike: int, contracts: int) -> None:
    """Exactly the units delivered cover; a unit less leaves a call naked."""
    worth = max(units * 104 - strike * 100, Decimal(0)) / 100 + 1
    delivered = {"deliverable": {"units": float(units)}}
    written = option("C" + str(strike), -contracts, float(worth), **delivered)
    enough = units * contracts
    less = enough - Decimal("0.1")

    assert names(answer(shares(float(enough)), written, known=GE)) == ["covered_call"]
    assert "naked_call" in names(answer(shares(float(less)), written, known=GE))


@pytest.mark.parametrize(
    ("deliverable", "told"),
    [
        ({"units": -1}, "must not be below 0"),
        ({"cash": -1}, "must not be below 0"),
        ({"shares": 12}, "unknown key"),
        ({"units": 12, "others": {"": 1}}, "positions"),
    ],
)
def test_a_deliverable_that_makes_no_sense_is_refused(deliverable: Json, told: str) -> None:
    rows = [option("C13", -1, 0.18, deliverable=deliverable)]
    whole = {
        "as_of": "2020-03-09",
        "account": {"account_id": "A", "account_type": "reg_t", "cash": 0},
        "positions": rows,
        "instruments": {"X": GE},
    }
    with pytest.raises(DocumentError, match=told):
        parse_document(json.dumps(whole))


def test_two_deliverables_are_two_series() -> None:
    found = answer(
        option("C13", -1, 0.18, deliverable={"units": 12}),
        option("C13", -1, 0.18),
        known=GE,
    )

    assert [row["symbol"] for row in found["positions"]] == [
        "X 200417C13",
        "X 200417C13 for 12 X",
    ]
