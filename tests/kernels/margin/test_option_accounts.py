"""Whole accounts with options: small documents with figures by hand, and laws of their answers."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from margin_assets.whatif import DocumentError
from tests.support.option_documents import (
    AS_OF,
    BROAD,
    EUROPEAN,
    LATER,
    SOON,
    STOCK,
    Json,
    answer,
    cents,
    check_laws,
    figures,
    names,
    option,
    reasons,
    shares,
)

SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("cash", [8_999.99, 9_000, 9_750])
def test_a_cash_account_secures_a_put_with_its_strike(cash: float):
    found = answer(option("P90", -1, 7), account_type="cash", cash=cash)

    assert found["reg_t"]["gross_requirement"] == 9_000
    assert found["house"]["requirement"] == 9_000
    assert found["house"]["excess"] == round(cash - 9_000, 2)


def test_a_cash_account_writes_covered_calls_on_what_it_holds():
    covered = answer(shares(100), option("C105", -1, 2.5), account_type="cash", cash=10)
    uncovered = answer(shares(100), option("C105", -2, 2.5), account_type="cash", cash=10)

    assert covered["house"]["requirement"] == 10_000
    assert covered["house"]["excess"] == 10
    # The other call takes the value of the shares that are not there.
    assert uncovered["house"]["requirement"] == 20_000


INDEX: Json = {"price": 100, "asset_class": "narrow_index"}
# Deposit in a cash account: options on an index that settle in cash on one day cover each other.
PAID: list[tuple[str, list[Json], Json, float]] = [
    (
        "put spread",
        [option("P95", 2, 1, **EUROPEAN), option("P100", -2, 3, **EUROPEAN)],
        BROAD,
        600,
    ),
    (
        "call spread",
        [option("C105", 1, 1, **EUROPEAN), option("C99", -1, 3, **EUROPEAN)],
        INDEX,
        400,
    ),
    (
        "condor",
        [
            option("P90", 1, 1, **EUROPEAN),
            option("P95", -1, 2, **EUROPEAN),
            option("C105", -1, 2, **EUROPEAN),
            option("C112", 1, 1, **EUROPEAN),
        ],
        BROAD,
        500,
    ),
    # One call is left, and the lowest strike is: 9,000 less 1,100; width 500, less 200 of credit.
    (
        "two calls and one",
        [
            option("C90", -1, 11, **EUROPEAN),
            option("C100", -1, 3, **EUROPEAN),
            option("C105", 1, 1, **EUROPEAN),
        ],
        BROAD,
        9000 - 1100 + 500 - 200,
    ),
    # What may be exercised at any time, settles by delivery or on another day covers nothing.
    ("American", [option("P95", 1, 1), option("P100", -1, 3)], BROAD, 10_000 - 200),
    ("stock", [option("P95", 1, 1, **EUROPEAN), option("P100", -1, 3, **EUROPEAN)], STOCK, 9800),
    (
        "other day",
        [option("P95", 1, 1, **EUROPEAN, expiry=LATER), option("P100", -1, 3, **EUROPEAN)],
        BROAD,
        10_000 - 200,
    ),
    ("other size", [option("P95", 10, 1, **EUROPEAN, multiplier=10)], BROAD, 100),
]


@pytest.mark.parametrize(
    ("held", "known", "deposit"), [p[1:] for p in PAID], ids=[p[0] for p in PAID]
)
def test_a_cash_account_writes_spreads_that_settle_in_cash(
    held: list[Json], known: Json, deposit: float
):
    found = answer(*held, known=known, account_type="cash", cash=1_000)

    assert found["reg_t"]["net_deposit"] == deposit
    assert found["reg_t"]["maintenance_requirement"] == found["house"]["requirement"]
    check_laws(found)


def test_a_cash_account_pays_for_all_it_holds():
    held = [shares(100), option("C110", 1, 12, expiry=LATER), option("C120", 1, 1)]

    found = answer(*held, account_type="cash", cash=10)

    # Beyond nine months too: neither stock nor option lends, so that what is free is the cash.
    reg_t = found["reg_t"]
    assert (reg_t["gross_requirement"], reg_t["net_deposit"]) == (11_300, 11_300)
    assert (reg_t["excess"], found["house"]["excess"]) == (10, 10)
    unmoved = next(row for row in found["stress"] if row["move"] == 0)
    assert unmoved["requirement"] == unmoved["requirement_held"] == 11_200


# Named states.


def test_a_worthless_option_is_priced():
    found = answer(option("C150", -1, 0), option("C155", 1, 0), cash=5_000)

    assert found["status"] == "determinate"
    assert figures(found) == (500, 500, 500, 500, 0)
    assert [row["price"] for row in found["positions"]] == [0, 0]


def test_what_unpriced_options_bring_in_is_not_counted_on():
    spread = answer(option("P95", -1), option("P90", 1), cash=5_000)
    covered = answer(shares(100), option("C105", -1), cash=5_000)
    alone = answer(option("C105", -1), cash=5_000)

    assert spread["reg_t"]["net_deposit"] == 500
    assert covered["reg_t"]["net_deposit"] == 5_000
    # The bound of its price is in the requirement and leaves it again: 2,000 less 500.
    assert alone["reg_t"]["net_deposit"] == 1_500


def test_a_long_option_without_a_price_is_worth_nothing():
    found = answer(option("C105", 1), cash=1_000)

    assert found["status"] == "indeterminate"
    assert reasons(found) == {"price_missing"}
    assert figures(found) == (0, 0, 0, 0, 0)
    assert found["net_liquidation"] == 1_000


def test_a_short_option_without_a_price_is_carried_at_its_last_fill_and_half():
    found = answer(option("C105", -1, last_fill_price=2), cash=5_000)

    # 300 of value, 2,000 less 500.
    assert found["status"] == "indeterminate"
    assert reasons(found) == {"price_missing"}
    assert figures(found) == (1800, 1800, 1800, 1500, 0)
    assert found["net_option_value"] == -300


@pytest.mark.parametrize(
    ("contract", "price", "expected"),
    # A call's stock is taken at strike and price: 250 and 20% of 10,750; a put's at the strike.
    [("C105", 2.5, 250 + 2150), ("P95", 2, 200 + 1900)],
)
def test_a_short_option_on_what_has_no_price_is_charged_where_it_is_dear(
    contract: str, price: float, expected: float
):
    found = answer(option(contract, -1, price), known={"asset_class": "equity"}, cash=5_000)

    assert found["status"] == "indeterminate"
    assert "underlying_price_missing" in reasons(found)
    assert found["reg_t"]["maintenance_requirement"] == expected


def test_an_underlying_without_terms_makes_the_account_indeterminate():
    found = answer(option("C105", -1, 2.5), known={"price": 100}, cash=5_000)

    assert found["status"] == "indeterminate"
    assert reasons(found) == {"instrument_missing"}
    assert found["reg_t"]["maintenance_requirement"] == 1_750


def test_without_a_rate_only_the_model_is_missing():
    held = [shares(100), option("C105", -1, 2.5)]
    found = answer(*held, rate=None, cash=5_000)
    margined = answer(*held, rate=None, cash=500_000, account_type="portfolio_margin")

    assert found["status"] == "determinate"
    assert "rate_missing" in reasons(found, "flags")
    assert figures(found) == (2500, 2500, 5000, 4750, 10_000)
    # The call is bounded by its stock's move: 15% of 10,000 either way, its gains not counted.
    assert margined["status"] == "indeterminate"
    assert margined["portfolio_margin"]["requirement"] == 1_500


@pytest.mark.parametrize(
    ("contract", "price"),
    # More than the underlying; more than the strike.
    [("C105", 101), ("P95", 96)],
)
def test_a_quote_that_no_volatility_explains_is_named(contract: str, price: float):
    found = answer(option(contract, -1, price), cash=5_000)
    margined = answer(option(contract, -1, price), cash=500_000, account_type="portfolio_margin")

    assert reasons(found, "flags") >= {"quote_out_of_bounds"}
    assert found["status"] == "determinate"
    assert margined["status"] == "indeterminate"
    assert margined["portfolio_margin"]["requirement"] == 1_500


def test_spreads_of_crossed_quotes_still_require_their_largest_loss():
    found = answer(option("C100", -1, 3), option("C105", 1, 5), cash=5_000)

    assert figures(found) == (500, 1000, 1000, 700, 0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"expiry": "2020-03-08"}, "positions[0].expiry: before as_of 2020-03-09"),
        ({"strike": 0}, "positions[0].strike: must be above 0"),
        ({"multiplier": 0}, "positions[0].multiplier: must be above 0"),
        ({"multiplier": -100}, "positions[0].multiplier: must be above 0"),
        ({"price": -1}, "positions[0].price: must not be below 0"),
        ({"quantity": 0}, "positions[0].quantity: must not be 0"),
        ({"right": "C"}, "positions[0].right: must be 'call' or 'put'"),
        ({"style": "bermudan"}, "positions[0].style: must be 'american' or 'european'"),
        ({"expiry": "2020-02-30"}, "positions[0].expiry: day is out of range for month"),
    ],
)
def test_a_contract_that_is_none_is_refused_by_name(row: Json, message: str):
    with pytest.raises(DocumentError) as refused:
        answer(option("C105", -1, 2.5) | row)

    assert str(refused.value) == message


@pytest.mark.parametrize("row", [{"strike": 1e7, "price": 1e6}, {"right": "put", "strike": 1e7}])
def test_options_that_groups_cannot_hold_exactly_are_named(row: Json):
    found = answer(option("C105", -10_000_000, 2.5) | row, cash=5_000)

    assert reasons(found) == {"beyond_range"}
    assert found["reg_t"]["call"] > 1e12
    assert found["reg_t"]["groups"] == []


def test_a_quote_half_a_cent_below_its_bound_is_on_it():
    sold, deep = option("C60", -1, 40.06, **EUROPEAN), {"account_type": "portfolio_margin"}
    kept = [shares(100)]

    # 100 less 60 discounted for 39 days at 1%: 40.0641.
    on = answer(*kept, sold, known=STOCK, cash=500_000, **deep)
    below = answer(*kept, sold | {"price": 40.05}, known=STOCK, cash=500_000, **deep)

    assert on["status"] == below["status"] == "determinate"
    assert (reasons(on, "flags"), reasons(below, "flags")) == (set(), {"quote_below_bound"})
    # Stock and call move as one, but for the difference of the quote: the contract's minimum.
    assert on["portfolio_margin"]["requirement"] == 37.5
    assert below["portfolio_margin"]["requirement"] == 37.5


def test_two_prices_of_one_contract_are_refused():
    with pytest.raises(ValueError, match=r"^positions\[1\]\.price: not that of positions\[0\]$"):
        answer(option("C105", -1, 2.5), option("C105", -1, 2.6))


def test_an_option_on_its_last_day_is_margined():
    found = answer(option("C105", -1, 0.01, expiry=AS_OF), cash=5_000)

    assert found["status"] == "determinate"
    assert figures(found)[0] == 1_501


def test_rows_of_one_contract_are_one_position():
    apart = answer(option("C105", -3, 2.5), option("C105", 1, 2.5), cash=5_000)
    once = answer(option("C105", -2, 2.5), cash=5_000)

    assert figures(apart) == figures(once)
    assert [row["quantity"] for row in apart["positions"]] == [-2]
    assert names(answer(option("C105", -1, 2.5), option("C105", 1, 2.5))) == []


@pytest.mark.parametrize(
    ("side", "expiries"),
    [
        pytest.param(0, 25, id="five thousand of both sides"),
        pytest.param(1, 10, id="two thousand bought"),
        pytest.param(-1, 10, id="two thousand sold"),
    ],
)
def test_legs_in_thousands_are_answered_in_seconds(side: int, expiries: int):
    held = [
        option(f"{'CP'[n % 2]}{50 + n // 2 % 100}", side or (-1) ** (n // 7), 1 + n % 5, expiry=day)
        for day_number in range(expiries)
        for n, day in (
            (n, f"2020-{4 + day_number // 25:02d}-{1 + day_number % 25:02d}") for n in range(200)
        )
    ]
    answer(*held[:400], cash=1_000_000)
    began = time.process_time()  # the work done, however busy the machine

    found = answer(*held, cash=1_000_000)

    assert len(held) == len(found["positions"]) == 200 * expiries
    assert time.process_time() - began < 60
    check_laws(found)


# Laws.


@st.composite
def legs(draw: st.DrawFn) -> Json:
    """An option on X, or X itself; its price is near enough to one that a model explains."""
    quantity = draw(st.integers(-5, 5).filter(bool))
    kind = draw(st.sampled_from("CPS"))
    if kind == "S":
        return shares(quantity * draw(st.sampled_from([37, 100])))
    strike = draw(st.integers(70, 130))
    inside = max(100 - strike if kind == "C" else strike - 100, 0)
    day = draw(st.sampled_from([SOON, "2020-06-19", "2021-01-15"]))
    style = draw(st.sampled_from(["american", "european"]))
    price = inside + 4 + draw(st.integers(0, 3)) + (3 if day > SOON else 0)
    return option(f"{kind}{strike}", quantity, price, expiry=day, style=style)


def priced_once(held: Sequence[Json]) -> list[Json]:
    """Legs with one price a contract: a document with two is refused."""
    seen: dict[tuple[Any, ...], float] = {}
    terms = ("underlying", "right", "strike", "expiry", "style")
    for row in held:
        if row["kind"] == "option":
            row["price"] = seen.setdefault(tuple(row[name] for name in terms), row["price"])
    return list(held)


@SLOW
@given(st.lists(legs(), min_size=1, max_size=7), st.sampled_from(["reg_t", "portfolio_margin"]))
def test_the_sections_of_every_answer_add_up(held: list[Json], kind: str):
    check_laws(answer(*priced_once(held), cash=20_000, account_type=kind))


@SLOW
@given(st.lists(legs(), min_size=2, max_size=4))
def test_a_class_group_never_scans_above_its_parts(held: list[Json]):
    held = priced_once(held)
    whole = answer(*held, cash=500_000, account_type="portfolio_margin")
    parts = [answer(row, cash=500_000, account_type="portfolio_margin") for row in held]

    groups = whole["portfolio_margin"]["class_groups"]
    together = sum(cents(group["scan_risk"]) for group in groups)
    apart = sum(
        cents(group["scan_risk"])
        for part in parts
        for group in part["portfolio_margin"]["class_groups"]
    )
    # Contracts netted to one position are rounded once: a cent for each row.
    assert together <= apart + len(held)


@SLOW
@given(st.lists(legs(), min_size=2, max_size=4))
def test_positions_together_never_leave_less_than_apart(held: list[Json]):
    held = priced_once(held)

    def free(*rows: Json) -> int:
        return cents(answer(*rows)["reg_t"]["excess"])

    # Each row may be margined for itself, so that the least grouping leaves as much at least.
    assert free(*held) >= sum(free(row) for row in held) - len(held)
