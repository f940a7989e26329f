"""At a move of 0% the stress is the summary; at any other what changes value changes equity.

Semantics 8.29. Changes of value come by a second route: the formula of Black and Scholes in the
standard library's error function, its volatility by bisection.
"""

import math
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.option_documents import (
    AS_OF,
    EUROPEAN,
    LATER,
    SOON,
    STOCK,
    answer,
    cents,
    option,
    shares,
)

Json = dict[str, Any]
RATE, SPOT = 0.01, 100.0
KINDS = ("reg_t", "portfolio_margin", "cash")
BOND: Json = {"kind": "bond", "bond_class": "us_treasury", "principal": 50_000}
BOND |= {"price_pct": 99.5, "maturity": "2030-03-09"}
HELD: dict[str, list[Json]] = {
    "nothing": [],
    "stock": [shares(137)],
    "short stock": [shares(-137)],
    "stock both ways": [shares(300), shares(-200)],
    "stock both ways and a call": [shares(300), shares(-200), option("C105", -1, 2.5)],
    "bond": [BOND],
    "bonds and options": [BOND, option("C105", -2, 2.5), option("P95", 1, 2)],
    "long call": [option("C105", 3, 2.5)],
    "long put": [option("P95", 3, 2)],
    "beyond nine months": [option("C105", 2, 12, expiry=LATER)],
    "OTC beyond nine months": [option("C80", 2, 30, expiry=LATER, listed=False)],
    "naked call": [option("C105", -3, 2.5)],
    "naked put": [option("P95", -3, 2)],
    "covered call": [shares(500), option("C110", -5, 1)],
    "covered call inside": [shares(500), option("C90", -5, 11)],
    "covered put": [shares(-500), option("P95", -5, 2)],
    "protective put": [shares(500), option("P95", 5, 2)],
    "protected short": [shares(-500), option("C105", 5, 2.5)],
    "conversion": [shares(100), option("P100", 1, 4), option("C100", -1, 4.1)],
    "reverse conversion": [shares(-100), option("P100", -1, 4), option("C100", 1, 4.1)],
    "collar": [shares(100), option("P95", 1, 2), option("C105", -1, 2.5)],
    "vertical": [option("C105", -4, 2.5), option("C110", 4, 1)],
    "debit spread": [option("C105", 4, 2.5), option("C110", -4, 1)],
    "butterfly": [option("C95", 1, 7), option("C100", -2, 4.1), option("C105", 1, 2.5)],
    "iron condor": [
        option("P90", 1, 1),
        option("P95", -1, 2),
        option("C105", -1, 2.5),
        option("C110", 1, 1),
    ],
    "calendar": [option("C105", -1, 2.5), option("C105", 1, 12, expiry=LATER)],
    "straddle": [option("C100", -2, 4.1), option("P100", -2, 4)],
    "strangle": [option("C105", -2, 2.5), option("P95", -2, 2)],
    "ratio": [option("C100", 1, 4.1), option("C105", -3, 2.5)],
    "long box": [
        option("C95", 1, 7, **EUROPEAN),
        option("C105", -1, 2.5, **EUROPEAN),
        option("P105", 1, 7, **EUROPEAN),
        option("P95", -1, 2, **EUROPEAN),
    ],
    "unpriced long": [shares(100), option("P95", 1)],
    "unpriced short": [shares(100), option("C105", -2, last_fill_price=2)],
    "quote half a cent below its bound": [shares(100), option("C60", -1, 40.06, **EUROPEAN)],
    "quote below its bound": [shares(100), option("C60", -1, 39, **EUROPEAN)],
    "quote above its bound": [option("C105", -1, 101)],
    "worthless": [option("C150", -1, 0), option("C155", 1, 0)],
}
KNOWN: dict[str, Json] = {
    "beta 1.5": STOCK,
    "no beta": {"price": 100, "asset_class": "equity"},
    "beta -20": STOCK | {"beta": -20},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("known", KNOWN.values(), ids=KNOWN)
@pytest.mark.parametrize("held", HELD.values(), ids=HELD)
def test_unmoved_the_stress_is_the_summary(held: list[Json], known: Json, kind: str):
    check_unmoved(answer(*held, known=known, cash=12_345.67, account_type=kind))


@pytest.mark.parametrize("more", [{"known": {"asset_class": "equity"}}, {"rate": None}])
@pytest.mark.parametrize("kind", KINDS)
def test_so_it_is_where_inputs_are_missing(more: dict[str, Any], kind: str):
    held = [shares(100), option("C105", -2, 2.5), option("P95", 1, 2)]

    check_unmoved(answer(*held, cash=5_000, account_type=kind, **more))


def check_unmoved(found: Json) -> None:
    house = found["house"]
    (row,) = (row for row in found["stress"] if row["move"] == 0)
    assert row["pnl"] == 0
    assert row["equity"] == found["equity"]
    assert row["requirement"] == row["requirement_held"] == house["requirement"]
    assert row["excess"] == row["excess_held"] == house["excess"]


# By hand and by the second route.


def test_a_covered_call_has_one_excess():
    """The case of a public report: 500 shares at 100, five calls of 110 at 3.10 written on them.

    Equity is the cash of 11,550 and 50,000 of stock, 25% of it is required. The call owes 1,550
    today and whatever it is worth then.
    """
    found = answer(
        shares(500), option("C110", -5, 3.1), cash=11_550, rate=0.04, known=STOCK | {"beta": 1}
    )
    rows = {row["move"]: row for row in found["stress"]}

    assert found["house"]["excess"] == 49_050
    assert rows[0.0]["excess"] == rows[0.0]["excess_held"] == 49_050
    assert rows[-0.08]["requirement_held"] == 12_500
    fallen = 3.1 - moved_call(3.1, 110, 0.92, rate=0.04)
    assert rows[-0.08]["equity"] == pytest.approx(61_550 - 4_000 + 500 * fallen, abs=0.02)


def test_a_paid_option_that_falls_takes_equity_with_it():
    found = answer(option("C105", 10, 2.5), cash=1_000)
    rows = {row["move"]: row for row in found["stress"]}

    # In no equity today, nothing required: 8% x 1.5 of the stock down, it is worth that less.
    lost = 2.5 - moved_call(2.5, 105, 0.88)
    assert rows[-0.08]["equity"] == pytest.approx(1_000 - 1_000 * lost, abs=0.02)
    assert rows[-0.08]["underwater"]


def test_what_a_loan_is_given_on_requires_its_part_of_what_it_is_worth_then():
    found = answer(option("C105", 1, 12, expiry=LATER), cash=1_000)

    for row in found["stress"]:
        # 75% of 1,200 and of what it gained.
        assert row["requirement"] == pytest.approx(0.75 * (1_200 + row["pnl"]), abs=0.006)
        assert row["requirement_held"] == 900


def moved_call(price: float, strike: float, multiple: float, *, rate: float = RATE) -> float:
    """Value of a call, 39 days to go, after its stock has moved."""
    days = (date.fromisoformat(SOON) - date.fromisoformat(AS_OF)).days
    low, high = 1e-4, 5.0
    for _ in range(100):
        middle = (low + high) / 2
        above = call_value(SPOT, strike, days / 365, middle, rate) > price
        low, high = (low, middle) if above else (middle, high)
    return call_value(SPOT * multiple, strike, days / 365, low, rate)


def call_value(spot: float, strike: float, years: float, volatility: float, rate: float) -> float:
    """Black and Scholes, no dividends: of an American call too."""
    spread = volatility * math.sqrt(years)
    above = (math.log(spot / strike) + rate * years) / spread + spread / 2
    below = above - spread
    held, owed = (0.5 * math.erfc(-d / math.sqrt(2)) for d in (above, below))
    return spot * held - strike * math.exp(-rate * years) * owed


# A stock moves at most to nothing: 8% x 20 is more than all of it.
betas = st.one_of(st.none(), st.integers(-2000, 2000).map(lambda hundredths: hundredths / 100))


@st.composite
def positions(draw: st.DrawFn) -> Json:
    quantity = draw(st.integers(-6, 6).filter(bool))
    kind = draw(st.sampled_from(["call", "call", "stock", "bond"]))
    if kind == "bond":
        return BOND | {"principal": 5_000 * quantity}
    if kind == "stock":
        return shares(quantity * draw(st.sampled_from([37, 100])))
    strike = draw(st.sampled_from([90, 95, 100, 105, 110]))
    return option(f"C{strike}", quantity, max(SPOT - strike, 0) + 4)


def netted(held: list[Json]) -> list[Json]:
    """Positions with the contracts of one series added up, as one holds them."""
    series: dict[float, Json] = {}
    others = [row for row in held if row["kind"] != "option"]
    for row in held:
        if row["kind"] == "option":
            before = series.get(row["strike"], row | {"quantity": 0})
            series[row["strike"]] = row | {"quantity": before["quantity"] + row["quantity"]}
    return [*others, *series.values()]


def change_of(row: Json, beta: float | None, move: float) -> float:
    """What a position gains when SPY moves."""
    if row["kind"] == "bond":
        return -abs(row["principal"] * row["price_pct"] / 100) * abs(move) * 2
    quantity = row["quantity"]
    if row["kind"] == "equity":
        value = quantity * SPOT
        if beta is None:
            return -abs(value) * abs(move) * 2
        return value * max(beta * move, -1.0)
    units = quantity * row["multiplier"]
    if beta is None:
        # Bounded by its stock's move, against it: a long one loses its price at most.
        lost = abs(move) * 2 * SPOT
        return -units * min(lost, row["price"]) if units > 0 else units * lost
    gone = max(1.0 + beta * move, 1e-6)
    return units * (moved_call(row["price"], row["strike"], gone) - row["price"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(positions(), max_size=6), betas, st.sampled_from(KINDS))
def test_equity_after_a_move_is_the_summary_and_every_change_of_value(
    held: list[Json], beta: float | None, kind: str
):
    known = {"price": SPOT, "asset_class": "equity"} | ({} if beta is None else {"beta": beta})
    found = answer(*held, known=known, cash=20_000, account_type=kind)

    check_unmoved(found)
    for row in found["stress"]:
        expected = sum(change_of(position, beta, row["move"]) for position in netted(held))
        # Each line is rounded to a cent, each option's value to a millionth.
        assert row["equity"] - found["equity"] == pytest.approx(
            expected, abs=0.01 + 0.01 * len(held)
        )
        assert cents(row["excess_held"]) == cents(row["equity"]) - cents(row["requirement_held"])
        assert row["requirement_held"] == found["house"]["requirement"]
