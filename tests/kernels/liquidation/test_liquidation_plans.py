from decimal import Decimal
from typing import Any

import pytest

from tests.support.liquidation_books import (
    Json,
    book,
    cheapest,
    excess,
    filled,
    option,
    plan,
    short_of,
    sizes,
    stock,
)

NVDA = book([stock("NVDA", 500)], {"NVDA": {"price": 336}}, cash=-130_000)
CENT = Decimal("0.01")


@pytest.mark.parametrize(
    ("document", "buffer", "sold", "left"),
    [
        pytest.param(NVDA, 0, -48, "32.00", id="4,000 at 25% of 336 is 47.6 shares"),
        pytest.param(NVDA, 100_000, -53, "452.00", id="and a tenth of 4,000 is left"),
        pytest.param(
            book([stock("P", 2_000)], {"P": {"price": 100}}, cash=-160_000),
            0,
            -400,
            "0.00",
            id="10,000 at 25% is 40,000 of stock",
        ),
        pytest.param(
            book([stock("P", -500)], {"P": {"price": 100}}, cash=62_000),
            0,
            100,
            "0.00",
            id="3,000 at 30% is 10,000 of stock bought in",
        ),
        pytest.param(
            book([stock("P", 20.5)], {"P": {"price": 100, "marginable": False}}, cash=-2_020),
            0,
            Decimal("-20.5"),
            "30.00",
            id="the last lot is what remains of the position",
        ),
        pytest.param(
            book([stock("P", 300)], {"P": {"price": 100}}, cash=-500, account_type="cash"),
            0,
            -5,
            "0.00",
            id="a cash account sells what it owes",
        ),
    ],
)
def test_the_least_that_cures(document: Json, buffer: int, sold: Decimal | int, left: str) -> None:
    found = plan(document, buffer=buffer)

    assert list(sizes(found).values()) == [sold]
    assert (found["status"], found["remaining"], found["is_least"]) == ("cured", 0, True)
    assert str(found["after"]["excess"]) == left
    assert found["lower_bound"] == found["cost"]
    assert found["proof"] == "linear_relaxation"


def test_the_cost_of_an_order_by_hand() -> None:
    [order] = plan(NVDA, buffer=0)["orders"]

    # 48 x 336 = 16,128: half of 10 bp; 0.5 / root(252) x 16,128 x root(48 / 10 million); least 1.
    names = ("value", "half_spread", "impact", "commission", "cost")
    assert [str(order[name]) for name in names] == ["16128.00", "8.06", "1.12", "1.00", "10.18"]


@pytest.mark.parametrize(
    ("terms", "flags", "impact"),
    [
        # 0.5 / root(252) x 16,128 x root(1); 1.0 / root(252) x 16,128 x root(48 / 10 million).
        pytest.param({"adv": None}, ["volume_unknown"], "507.98", id="no volume: a whole day's"),
        pytest.param({"volatility_annual": None}, ["volatility_unknown"], "2.23", id="100%"),
    ],
)
def test_what_is_not_known_is_dear(terms: Json, flags: list[str], impact: str) -> None:
    known = {name: value for name, value in ({"price": 336} | terms).items() if value is not None}
    document = book([stock("NVDA", 500)], {"NVDA": known}, cash=-130_000)
    for name in {"adv", "volatility_annual"} - known.keys() & terms.keys():
        del document["instruments"]["NVDA"][name]
    [order] = plan(document, buffer=0)["orders"]

    assert order["flags"] == flags
    assert abs(order["impact"] - Decimal(impact)) <= 2 * CENT


TWO = book(
    [stock("CALM", 400), stock("WILD", 400)],
    {"CALM": {"price": 50, "beta": 0.5}, "WILD": {"price": 50, "beta": 2, "adv": 20_000}},
    cash=-31_000,
)


@pytest.mark.parametrize(
    ("request_", "sold"),
    [
        pytest.param({}, ["CALM"], id="the deep market costs less"),
        pytest.param({"policy": "highest_beta"}, ["WILD"], id="the highest beta goes first"),
        pytest.param({"keep": ["CALM"]}, ["WILD"], id="what is kept is not sold"),
        pytest.param({"target": -100_000}, [], id="a target that is met already"),
    ],
)
def test_what_is_sold(request_: dict[str, Any], sold: list[str]) -> None:
    assert [*sizes(plan(TWO, **request_))] == sold


def test_a_share_of_the_volume_is_the_most_that_is_sold() -> None:
    thin = TWO["instruments"]["CALM"] | {"adv": 100}
    document = TWO | {"instruments": TWO["instruments"] | {"CALM": thin}}
    found = plan(document, buffer=0, keep=["WILD"])

    # A quarter of 100 is 25 shares: at 25% of 50 they set 312.50 free of 1,000.
    assert (sizes(found), found["status"]) == ({"CALM": -25}, "cannot_cure")
    assert str(found["remaining"]) == "687.50"


def test_what_has_no_price_is_left_alone_and_named() -> None:
    document = book([stock("N", 100), stock("P", 200)], {"P": {"price": 100}}, cash=-16_000)
    found = plan(document, buffer=0)

    assert found["left_alone"] == [{"symbol": "N", "reason": "price_missing"}]
    assert sizes(found) == {"P": -40}


def test_what_cannot_be_cured_says_what_remains() -> None:
    document = book([stock("N", -10), stock("P", 100)], {"P": {"price": 100}}, cash=-10_500)
    document["positions"][0]["last_fill_price"] = 20
    found = plan(document, buffer=0)

    # All of P gone there are 500 of debt, and N at 20 x 1.5: 300 owed, and as much required.
    assert (found["status"], found["is_least"], found["lower_bound"]) == (
        "cannot_cure",
        False,
        None,
    )
    assert sizes(found) == {"P": -100}
    assert (found["after"]["excess"], found["remaining"]) == (-1_100, 1_100)


def test_an_account_in_order_sells_nothing() -> None:
    found = plan(book([stock("P", 100)], {"P": {"price": 100}}, cash=-5_000))

    assert (found["status"], found["orders"], found["cost"]) == ("not_deficient", [], 0)


def test_a_group_is_not_broken_into_something_dearer() -> None:
    spread = [option("C105", -2, 1.2), option("C110", 2, 0.5)]
    document = book([*spread, stock("Y", 200)], {"X": {"price": 100}, "Y": {"price": 50}})
    deficient = short_of(document, 0.1)
    long_leg = {"symbol": "X 200417C110", "side": "sell", "quantity": 2, "value": 100}

    assert excess(filled(deficient, [long_leg])) < excess(deficient)
    # 2 x 100 x 5 of the spread and 2,500 of Y: a tenth is 350, at 12.50 a share.
    assert sizes(plan(deficient, buffer=0)) == {"Y": -28}


def test_a_group_is_broken_where_that_cures() -> None:
    """53 shares go, and the call pairs with a put: 1,175 + 1,100 + 50 + 2 x 850, not 5,050."""
    document = book(
        [stock("X", 100), option("C110", -1, 1.0), option("P80", -3, 0.5)],
        {"X": {"price": 100}},
    )
    deficient = short_of(document, 0.2)
    found = plan(deficient, buffer=0)

    assert sizes(found) == {"X": -53}
    assert found["after"]["requirement"] == 1_175 + 1_100 + 50 + 2 * 850
    assert excess(filled(deficient, found["orders"])) == 15


SMALL = [
    pytest.param(
        book([stock("P", 4), stock("Q", -3), stock("R", 3)], {}), {}, id="three stocks, one short"
    ),
    pytest.param(
        book([stock("P", 12), stock("Q", 3)], {}),
        {"house_overlays": ["concentration"]},
        id="one name concentrated",
    ),
    pytest.param(
        book([stock("P", 6), stock("Q", -5)], {}, account_type="portfolio_margin"),
        {},
        id="portfolio margin",
    ),
]
PRICES = {"P": {"price": 90}, "Q": {"price": 130, "adv": 2_000}, "R": {"price": 47.3}}


@pytest.mark.parametrize("part", [0.05, 0.4])
@pytest.mark.parametrize(("document", "options"), SMALL)
def test_nothing_cheaper_cures_of_all_there_is(document: Json, options: Json, part: float) -> None:
    known = {s: {**book([], PRICES)["instruments"][s]} for s in PRICES}
    deficient = short_of(document | {"instruments": known, "options": options}, part)
    found = plan(deficient, buffer=0)

    assert found["is_least"]
    assert found["cost"] * 100 == cheapest(deficient, Decimal(0))


DEEP = {"adv": 1e12, "volatility_annual": 0.01}
BEAR = [option("C105", -2, 1.2), option("C110", 2, 0.5)]
BULL = [option("P45", -2, 0.9, "Y"), option("P40", 2, 0.3, "Y")]


@pytest.mark.parametrize(
    ("positions", "part"),
    [
        pytest.param(
            [option("C105", -3, 1.2), option("C110", 3, 0.5), option("P90", -2, 0.8)],
            0.3,
            id="a spread and naked puts",
        ),
        pytest.param([*BEAR, *BULL], 0.6, id="spreads on two names"),
        pytest.param([*BEAR, stock("Y", 6)], 0.4, id="a spread and a stock"),
    ],
)
def test_nothing_cheaper_cures_of_all_option_orders(positions: list[Json], part: float) -> None:
    """Impact of options is by delta, so it is made nothing: a market without end."""
    document = book(positions, {"X": {"price": 100} | DEEP, "Y": {"price": 50} | DEEP})
    deficient = short_of(document, part)
    found = plan(deficient, buffer=0)

    assert (found["proof"], found["is_least"]) == ("branch_and_bound", True)
    assert found["lower_bound"] == found["cost"]
    assert abs(found["cost"] * 100 - cheapest(deficient, Decimal(0))) <= len(found["orders"])
    assert excess(filled(deficient, found["orders"])) == found["after"]["excess"]
