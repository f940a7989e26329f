"""Options past the close of their last trading day, and quotes below the least value, by document.

A contract with `settlement` `open` that ends today was last traded yesterday: it awaits its row.
"""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.whatif import DocumentError, whatif

Json = dict[str, Any]
TODAY, SOON = "2024-06-24", "2024-08-02"
STOCK: Json = {"price": 125, "asset_class": "equity", "beta": 1}


def shares(quantity: float, **more: object) -> Json:
    return {"kind": "equity", "symbol": "X", "quantity": quantity, **more}


def ended(contract: str, quantity: int, **more: object) -> Json:
    """A contract such as `C105` whose time is over."""
    row: Json = {"kind": "option", "underlying": "X", "strike": float(contract[1:])}
    row |= {"right": "call" if contract[0] == "C" else "put", "style": "american"}
    row |= {"expiry": TODAY, "settlement": "open", "multiplier": 100, "quantity": quantity}
    return row | {"price": 1} | more


def alive(contract: str, quantity: int, price: float, **more: object) -> Json:
    return ended(contract, quantity, price=price, expiry=SOON, settlement="close") | more


def answer(
    *positions: Json, known: Json = STOCK, kind: str = "reg_t", cash: float = 0, **more: object
) -> Json:
    holder = {"account_id": "A", "account_type": kind, "cash": cash}
    whole: Json = {"as_of": TODAY, "account": holder, "positions": positions}
    whole |= {"instruments": {"X": known}, "rates": {"risk_free": 0.04}} | more
    return whatif(json.dumps(whole))


def at(price: float, **more: object) -> Json:
    return STOCK | {"price": price} | more


def reasons(found: Json, name: str = "indeterminate_reasons") -> set[str]:
    return {reason for entry in found[name] for reason in entry["reasons"]}


def decided(contract: str, quantity: int, value: float) -> Json:
    """A contract whose time is over, and what its underlying was worth in its last session."""
    return ended(contract, quantity, settlement_value=value)


INDEX = {"asset_class": "broad_index"}
# By hand: positions, what is known of X, type, cash; then equity and requirement.
CASES = [
    # Short 1,000 at 105, now 125; 30%. The 110 calls exercised would save 15,000: worthless.
    ("spread", [ended("C105", -10), ended("C110", 10)], STOCK, "reg_t", 10_000, -10_000, 37_500),
    # Out of the money nothing is left of it.
    ("gone", [ended("C130", -10), ended("P120", 5)], STOCK, "reg_t", 10_000, 10_000, 0),
    # The stock is called away at 105.
    ("covered", [shares(1_000), ended("C105", -10)], STOCK, "reg_t", 0, 105_000, 0),
    # A part of it: 200 shares are left at 25%.
    ("partly", [shares(1_000), ended("C105", -8)], STOCK, "reg_t", 0, 84_000 + 25_000, 6_250),
    # 1,000 bought at 105, now 90; 25%.
    ("put", [ended("P105", -10)], at(90), "reg_t", 50_000, 35_000, 22_500),
    # The short stock is bought back at 105.
    ("put on short", [shares(-1_000), ended("P105", -10)], at(90), "reg_t", 130_000, 25_000, 0),
    # Two calls assigned are one short position of 2,000: 30% of 250,000.
    ("two", [ended("C105", -10), ended("C115", -10)], STOCK, "reg_t", 50_000, 20_000, 75_000),
    # Exercised it gains 1,000 and requires 26,500, worthless it leaves 10,000: exercised is worse.
    ("exercised", [ended("C105", 10)], at(106), "reg_t", 10_000, 11_000, 26_500),
    # Exercised it would gain 50,000 for 25,000: worthless is worse.
    ("worthless", [ended("C50", 10)], at(100), "reg_t", 10_000, 10_000, 0),
    # It would sell the stock at 105: worthless is worse.
    ("protective", [shares(1_000), ended("P105", 10)], at(100), "reg_t", -50_000, 50_000, 25_000),
    # It would open a short sale of 30% for a gain of 1,000.
    ("put exercised", [ended("P105", 10)], at(104), "reg_t", 40_000, 41_000, 31_200),
    # An index pays the difference, and a long one is worthless where it would gain.
    ("index", [ended("C105", -10), ended("C104", 1)], at(110, **INDEX), "reg_t", 9_000, 4_000, 0),
    ("index put", [ended("P105", -10)], at(90, **INDEX), "portfolio_margin", 200_000, 185_000, 0),
    # 15% of a short position of 125,000.
    ("margin", [ended("C105", -10)], STOCK, "portfolio_margin", 200_000, 180_000, 18_750),
    # A cash account pays 105,000 for its shares, whose value it must hold.
    ("paid", [ended("C105", 10)], at(106), "cash", 200_000, 201_000, 106_000),
    # Without a price of the stock it is dear for the writer: half more than the strike.
    ("unpriced", [ended("C100", -10)], {"asset_class": "equity"}, "reg_t", 0, -50_000, 45_000),
    ("unpriced put", [ended("P100", -1)], {"asset_class": "equity"}, "reg_t", 0, -10_000, 0),
    # Not to be margined: short at its value, besides its value.
    ("barred", [ended("C105", -1)], at(125, marginable=False), "reg_t", 0, -2_000, 12_500),
    # A living call covered by shares that an ended call takes away is naked: 20% of 12,500 less
    # 500 out of the money, and its value.
    (
        "uncovered",
        [shares(100), ended("C105", -1), alive("C130", -1, 2)],
        STOCK,
        "reg_t",
        0,
        10_500,
        2_200,
    ),
    # In the money at the last close by 106, at 104 now: assigned it leaves 51,000 less 31,200.
    ("left", [decided("C105", -10, 106)], at(104), "reg_t", 50_000, 51_000, 31_200),
    # Assigned the stock is gone and 105,000 free; worthless it stays, less 26,000.
    (
        "left, covered",
        [shares(1_000), decided("C105", -10, 106)],
        at(104),
        "reg_t",
        0,
        104_000,
        26_000,
    ),
    ("left, put", [decided("P105", -10, 104)], at(106), "reg_t", 130_000, 131_000, 26_500),
    # Worthless the short stock is not bought back: 24,000 less 31,800.
    (
        "left, put on short",
        [shares(-1_000), decided("P105", -10, 104)],
        at(106),
        "reg_t",
        130_000,
        24_000,
        31_800,
    ),
    # Exercised by exception it buys at 105 what is at 104: 9,000 less 26,000.
    ("left, long", [decided("C105", 10, 106)], at(104), "reg_t", 10_000, 9_000, 26_000),
    # Out of the money at the close and in it now: assigned it leaves 17,200, worthless 50,000.
    ("come", [decided("C105", -10, 104)], at(106), "reg_t", 50_000, 49_000, 31_800),
    (
        "come, covered",
        [shares(1_000), decided("C105", -10, 104)],
        at(106),
        "reg_t",
        0,
        106_000,
        26_500,
    ),
    # Both agree: what is in the money is assigned though the stock would be worth less.
    (
        "both",
        [shares(1_000), decided("C105", -10, 107)],
        at(106),
        "reg_t",
        0,
        105_000,
        0,
    ),
    ("neither", [decided("C105", -10, 104)], at(103), "reg_t", 50_000, 50_000, 0),
    # Of a spread that was worth 5,000 the long leg alone is worst: 4,000 less 26,000.
    (
        "left, spread",
        [decided("C105", -10, 112), decided("C110", 10, 112)],
        at(104),
        "reg_t",
        10_000,
        4_000,
        26_000,
    ),
    # Each long leg alone is worse than nothing, both together worse still: 500 x 104 and 105.
    (
        "left, two long",
        [decided("C105", 5, 106), decided("C104", 5, 106)],
        at(103),
        "reg_t",
        10_000,
        8_500,
        25_750,
    ),
    # An index pays by the value that decides, wherever it is now.
    ("index left", [decided("C105", -10, 106)], at(104, **INDEX), "reg_t", 9_000, 8_000, 0),
    ("index come", [decided("C105", -10, 104)], at(110, **INDEX), "reg_t", 9_000, 9_000, 0),
    ("index put", [decided("P105", -10, 100)], at(90, **INDEX), "reg_t", 9_000, 4_000, 0),
]


@pytest.mark.parametrize(
    ("positions", "known", "kind", "usd", "equity", "requirement"),
    [pytest.param(*case, id=name) for name, *case in CASES],
)
def test_what_has_ended_counts_as_settled_for_the_worse(
    positions: list[Json], known: Json, kind: str, usd: float, equity: float, requirement: float
):
    found = answer(*positions, known=known, kind=kind, cash=usd)

    assert found["status"] == "indeterminate"
    assert "awaiting_settlement" in reasons(found)
    excess = {"portfolio_margin": "portfolio_margin"}.get(kind, "reg_t")
    assert found["equity"] == equity
    assert found["house"]["requirement"] == requirement
    assert found[excess]["excess"] == equity - requirement
    groups = sum(group["maintenance_requirement"] for group in found["reg_t"]["groups"])
    if kind == "reg_t":
        assert groups == requirement


@settings(deadline=None)
@given(
    now=st.integers(90, 120),
    value=st.integers(90, 120),
    stock=st.sampled_from([-500, 0, 300, 1_000]),
    kind=st.sampled_from(["reg_t", "portfolio_margin"]),
    legs=st.dictionaries(
        st.sampled_from(["C95", "C105", "C110", "P100", "P115"]),
        st.sampled_from([-10, -3, 4, 10]),
        min_size=1,
        max_size=3,
    ),
)
def test_no_outcome_leaves_less_than_what_is_carried(
    now: int, value: int, stock: int, kind: str, legs: dict[str, int]
):
    """Outcomes as shares and cash, in documents without an option."""
    in_the_money = [(name, held) for name, held in legs.items() if gain(name, value) > 0]
    standing = [shares(stock)] if stock else []
    carried = answer(
        *standing,
        *(decided(name, held, value) for name, held in legs.items()),
        known=at(now),
        kind=kind,
        cash=100_000,
    )
    # By both in the money a short one is assigned, whatever becomes of the others.
    sure = [(n, held) for n, held in in_the_money if held < 0 and gain(n, now) > 0]
    others = [leg for leg in in_the_money if leg not in sure]
    outcomes = [sure, sure + others, *([*sure, leg] for leg in others)]

    for delivered in outcomes:
        held, cash = stock, 100_000
        for name, contracts in delivered:
            moved = contracts * 100 * (1 if name[0] == "C" else -1)
            held, cash = held + moved, cash - moved * int(name[1:])
        found = answer(*([shares(held)] if held else []), known=at(now), kind=kind, cash=cash)
        assert carried["house"]["excess"] <= found["house"]["excess"], delivered


def gain(contract: str, price: int) -> int:
    above = price - int(contract[1:])
    return above if contract[0] == "C" else -above


def test_one_contract_has_one_value_that_decides():
    with pytest.raises(DocumentError, match=r"positions\[1\].settlement_value"):
        answer(decided("C105", 1, 106), decided("C105", 2, 107))


def test_what_has_ended_covers_nothing():
    # The long call of 130 ended: the living short one of 120 stands alone, 20% of its stock.
    found = answer(ended("C130", 1), alive("C120", -1, 9), cash=50_000)

    assert [group["strategy"] for group in found["reg_t"]["groups"]] == ["naked_call"]
    assert found["reg_t"]["maintenance_requirement"] == 900 + 2_500


# By hand: the least value at the points less the price, at a rate of 4% over 39 days.
DISCOUNT = math.exp(-0.04 * 39 / 365)


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        # Cannot lose at any point: 37.50 a contract.
        pytest.param([shares(-100), alive("C75", 1, 50)], 37.5, id="short stock, long call"),
        pytest.param([shares(100), alive("C75", -1, 50)], 37.5, id="long stock, short call"),
        pytest.param([shares(100), alive("P200", 1, 74.9)], 37.5, id="long stock, long put"),
        pytest.param(
            [alive("C75", -1, 40)], 100 * (143.75 - 75 * DISCOUNT - 40), id="naked call far below"
        ),
        pytest.param([alive("P200", -1, 70)], 100 * (200 - 106.25 - 70), id="American put"),
        pytest.param(
            [alive("P200", -1, 70, style="european")],
            100 * (200 * DISCOUNT - 106.25 - 70),
            id="European put",
        ),
        pytest.param(
            [alive("C75", 1, 40)], 100 * (40 - 106.25 + 75 * DISCOUNT), id="long call, gains only"
        ),
    ],
)
def test_a_quote_below_the_least_value_is_worth_that_at_every_point(
    held: list[Json], expected: float
):
    found = answer(*held, kind="portfolio_margin", cash=300_000)

    assert found["status"] == "determinate"
    assert "quote_below_bound" in reasons(found, "flags")
    assert found["portfolio_margin"]["requirement"] == round(max(expected, 37.5), 2)
    # Unmoved nothing is gained.
    assert [row["pnl"] for row in found["stress"] if row["move"] == 0] == [0]


def test_a_deep_call_under_its_forward_cannot_lose_against_its_stock():
    # A published value of a call on AAPL, 49.29: with interest it is worth 49.43 at least.
    stock = {"price": 189.18, "asset_class": "equity"}
    call = {"kind": "option", "underlying": "X", "right": "call", "strike": 140} | {
        "expiry": "2026-12-06",
        "style": "american",
        "multiplier": 100,
    }
    for price, side in ((49.55, 1), (49.29, 1), (49.29, -1)):
        held = [shares(-100 * side), call | {"quantity": side, "price": price}]
        found = answer(*held, known=stock, kind="portfolio_margin", cash=2e5, as_of="2026-11-20")
        assert found["status"] == "determinate"
        assert found["portfolio_margin"]["requirement"] == 37.5


@pytest.mark.parametrize(
    ("as_of", "expiry", "more"),
    [
        pytest.param("2024-06-26", "2024-06-26", {}, id="daily on its last day"),
        pytest.param("2024-06-20", "2024-06-21", {}, id="AM on the Thursday"),
        pytest.param("2024-06-21", "2024-06-21", {"settlement": "close"}, id="PM on the Friday"),
        pytest.param("2024-11-29", "2024-11-29", {}, id="a short day"),
    ],
)
def test_a_condor_requires_its_width_less_its_credit_to_the_end(
    as_of: str, expiry: str, more: Json
):
    # Ten condors, five points wide, sold for 1,600; a day before as on the last day.
    spx = {"price": 5000, "asset_class": "broad_index_high_cap", "dividend_yield": 0.014}
    legs = {"C5050": (-10, 2), "C5055": (10, 1.2), "P4950": (-10, 2.1), "P4945": (10, 1.3)}
    held = [
        alive(name, n, dear, style="european", expiry=expiry, settlement=None) | more
        for name, (n, dear) in legs.items()
    ]
    found = answer(*held, known=spx, kind="portfolio_margin", cash=200_000, as_of=as_of)

    assert found["status"] == "determinate"
    assert found["portfolio_margin"]["requirement"] == pytest.approx(3_400, abs=5)


def test_stock_with_a_put_on_its_last_day_loses_to_the_strike():
    # 10,000 x (100.20 - 100 + 0.40).
    put = alive("P100", 100, 0.4, expiry="2024-06-28")
    found = answer(
        shares(10_000), put, known=at(100.2), kind="portfolio_margin", as_of="2024-06-28"
    )

    assert found["status"] == "determinate"
    assert found["portfolio_margin"]["requirement"] == 6_000


def test_settlement_is_a_word_of_two():
    with pytest.raises(DocumentError, match="settlement"):
        answer(ended("C105", 1, settlement="noon"))
