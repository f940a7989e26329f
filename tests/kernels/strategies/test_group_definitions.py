"""What counts as a group and what single lines cost: documents with figures by hand.

X is at 100 unless a case says otherwise: carried alone 100 shares take 2,500 long and 3,000 short.
"""

from typing import Any

import pytest

from margin_assets.whatif import DocumentError
from tests.support.option_documents import (
    BROAD,
    LATER,
    STOCK,
    TRIPLE,
    Json,
    answer,
    figures,
    names,
    option,
    reasons,
    shares,
)

JUNE = "2020-06-19"


def required(found: Json) -> tuple[float, float, float]:
    maintenance, gross, initial, _, _ = figures(found)
    return maintenance, gross, initial


BOTH_WAYS: list[tuple[str, list[Json], tuple[float, float, float], list[str]]] = [
    # Public report on stock held both ways: 5% of 10,000, and the call naked at 100 + 1,000.
    (
        "short call",
        [shares(100), shares(-100), option("C110", -1, 1)],
        (1600, 1600, 1600),
        ["long_and_short_stock", "naked_call"],
    ),
    # Public report: 500, and two puts at 950 + 500 protect 200 shares that open with 5,000 each.
    (
        "long puts",
        [shares(300), shares(-100), option("P95", 2, 2)],
        (3400, 3800, 10_900),
        ["long_and_short_stock", "protective_put"],
    ),
    # 50 boxed: 250. 100 cover the call: 2,500, or 5,000 to open.
    (
        "beyond what is covered",
        [shares(150), shares(-50), option("C110", -1, 1)],
        (2750, 2750, 5250),
        ["covered_call", "long_and_short_stock"],
    ),
    # A conversion takes 1,000 for the long side, a reverse one 1,000 for the short side. Boxed:
    # 500, the put at 900 + 2,000 and the call's 400; calls of two styles make no spread. Opening
    # takes 5,000 for the long side, 1,000 for the short one, 1,300 for what is bought.
    (
        "conversions take both sides",
        [
            shares(100),
            shares(-100),
            option("P100", 1, 4, style="european"),
            option("C100", -1, 4, style="european"),
            option("C100", 1, 9, expiry=JUNE),
            option("P100", -1, 9, expiry=JUNE),
        ],
        (2000, 3300, 7300),
        ["conversion", "reverse_conversion"],
    ),
]


@pytest.mark.parametrize(
    ("held", "expected", "strategies"), [c[1:] for c in BOTH_WAYS], ids=[c[0] for c in BOTH_WAYS]
)
def test_a_security_held_both_ways_is_boxed_where_that_takes_least(
    held: list[Json], expected: tuple[float, float, float], strategies: list[str]
):
    found = answer(*held, cash=50_000)

    assert required(found) == expected
    assert sorted(names(found)) == sorted(strategies)
    assert found["reg_t"]["is_proven_least"]


def test_an_option_far_away_leaves_a_box_as_it_is():
    alone = answer(shares(137), shares(-100), cash=50_000)
    beside = answer(shares(137), shares(-100), option("P1", 1, 0.01), cash=50_000)

    assert required(alone) == (500 + 925, 500 + 925, 500 + 1850)
    assert required(beside) == (1425, 1426, 2351)


TWO_CALLS = option("C100", -1, 4), option("C105", 1, 2)
EUROPEAN, OTC = {"style": "european"}, {"listed": False}
# Maintenance and gross, and the groups.
SPREADS: list[tuple[str, list[Json], Json, tuple[float, float], list[str]]] = [
    ("one style", [*TWO_CALLS], STOCK, (500, 700), ["vertical_spread"]),
    # Public report on the definition of a spread: naked 400 + 2,000.
    (
        "two styles",
        [TWO_CALLS[0], option("C105", 1, 2, **EUROPEAN)],
        STOCK,
        (2400, 2600),
        ["long_option", "naked_call"],
    ),
    # OTC: naked 400 + 3,000.
    (
        "listed and OTC",
        [option("C100", -1, 4, **OTC), TWO_CALLS[1]],
        STOCK,
        (3400, 3600),
        ["long_option", "naked_call"],
    ),
    # Public report: naked 9,900 and 10% of the strike.
    (
        "short put beside a long call",
        [option("P100", -1, 99), option("C100", 1, 0.01)],
        STOCK | {"price": 1},
        (10_900, 10_901),
        ["long_option", "naked_put"],
    ),
    # The reward is not limited, nor is the risk of its mirror.
    (
        "long put beside a short call",
        [option("P100", 1, 4), option("C100", -1, 4)],
        STOCK,
        (2400, 2800),
        ["long_option", "naked_call"],
    ),
    # 500 for the calls; the put 200 + 2,000 less 500 out of the money.
    (
        "put and call spread",
        [option("P95", -1, 2), *TWO_CALLS],
        STOCK,
        (500 + 1700, 500 + 1700 + 200),
        ["naked_put", "vertical_spread"],
    ),
    (
        "two long for one short",
        [option("C100", -1, 4), option("C105", 2, 2)],
        STOCK,
        (500, 900),
        ["long_option", "vertical_spread"],
    ),
    # One put is left: 1,200 + 2,000.
    (
        "one long for two short",
        [option("P110", -2, 12), option("P160", 1, 60)],
        STOCK,
        (3200, 9200),
        ["naked_put", "vertical_spread"],
    ),
    # 150 shares are not 100: 1,800 + 3,000.
    (
        "unequal units",
        [option("P110", -1, 12, multiplier=150), option("P160", 1, 60)],
        STOCK,
        (4800, 10_800),
        ["long_option", "naked_put"],
    ),
    # 300 shares are: the spread is worth 50 a share at least.
    (
        "equal units in other contracts",
        [option("P110", -2, 12, multiplier=150), option("P160", 3, 60)],
        STOCK,
        (0, 18_000),
        ["ratio_spread"],
    ),
    # Equal in all, but short calls and long puts: each right for itself is not.
    (
        "equal across rights",
        [option("C100", -2, 4), option("C105", 1, 2), option("P95", 1, 2)],
        STOCK,
        (500 + 2400, 500 + 2400 + 400),
        ["long_option", "naked_call", "vertical_spread"],
    ),
    # The iron condor's larger wing; each wing is a spread of its own where styles differ.
    (
        "wings of two styles",
        [
            option("P90", 1, 1, **EUROPEAN),
            option("P95", -1, 2, **EUROPEAN),
            option("C105", -1, 3),
            option("C115", 1, 1),
        ],
        STOCK,
        (1500, 1700),
        ["vertical_spread", "vertical_spread"],
    ),
]


@pytest.mark.parametrize(
    ("held", "known", "expected", "strategies"),
    [case[1:] for case in SPREADS],
    ids=[case[0] for case in SPREADS],
)
def test_what_is_no_spread_is_not_grouped_as_one(
    held: list[Json], known: Json, expected: tuple[float, float], strategies: list[str]
):
    found = answer(*held, known=known, cash=50_000)

    assert required(found)[:2] == expected
    assert sorted(names(found)) == sorted(strategies)


def sold(strike: float, cost: float, sale: float | None = None, **more: object) -> list[Json]:
    """100 shares short, at a price, and a long call."""
    told = {} if sale is None else {"sale_price": sale}
    return [shares(-100, **told), option(f"C{strike}", 1, cost, **more)]


AT_47 = {"price": 47, "asset_class": "equity"}
# Initial: McMillan's short sale at 47 against calls, and the public report on one at 100.
SALES: list[tuple[str, list[Json], Json, float]] = [
    ("call 40", sold(40, 8), AT_47, 400 + 800),
    ("call 46.99", sold(46.99, 4), AT_47, 469.9 + 400),
    # Above the sale price 50% of 4,700.
    ("call 50", sold(50, 3), AT_47, 2350 + 300),
    ("call 90", sold(90, 10.5), STOCK, 900 + 1050),
    (
        "reverse conversion",
        [*sold(90, 10.5), option("P90", -1, 0.5)],
        STOCK,
        900 + 1050,
    ),
    ("at the mark", sold(100, 4), STOCK, 1000 + 400),
    # 10% of the strike and what the call is out of the money; 50% where it is above the sale.
    ("sold dearer", sold(110, 1, 110), STOCK, 1100 + 1000 + 100),
    ("a cent short of it", sold(110, 1, 109.99), STOCK, 5000 + 100),
    ("sold cheaper", sold(90, 10.5, 89), STOCK, 5000 + 1050),
    # Half the shares at 80, half at 100: 90 on average.
    (
        "average",
        [shares(-50, sale_price=80), shares(-50, sale_price=100), option("C90", 1, 10.5)],
        STOCK,
        900 + 1050,
    ),
    ("European", sold(90, 10.5, style="european"), STOCK, 5000 + 1050),
    ("OTC", sold(90, 10.5, listed=False), STOCK, 5000 + 1050),
    ("not all", [shares(-150), option("C90", 1, 10.5)], STOCK, 900 + 1050 + 2500),
    # Far below its sale the call takes nothing off maintenance, 30%, and all off Regulation T.
    ("fallen", sold(200, 0.1, 200), STOCK, 3000 + 10),
    ("not marginable", sold(90, 10.5), STOCK | {"marginable": False}, 10_000 + 1050),
]


@pytest.mark.parametrize(
    ("held", "known", "initial"), [case[1:] for case in SALES], ids=[case[0] for case in SALES]
)
def test_a_short_sale_against_a_long_call_requires_its_proceeds(
    held: list[Json], known: Json, initial: float
):
    """12 CFR 220.12(c)(2): an American listed call whose strike is at most the sale price."""
    assert answer(*held, known=known, cash=50_000)["reg_t"]["initial_requirement"] == initial


def test_a_long_position_was_not_sold():
    with pytest.raises(DocumentError) as refused:
        answer(shares(100, sale_price=90))

    assert str(refused.value) == "positions[0]: sale_price of a position that is not short"


# Requirement and net deposit of a short option without price and fill.
UNPRICED: list[tuple[str, Json, Json, float]] = [
    # Public report: a call is worth at most its underlying, a put its strike.
    ("call", option("C100", -1), STOCK, 10_000 + 2000),
    ("put", option("P100", -1), STOCK, 10_000 + 2000),
    ("put inside", option("P120", -1), STOCK, 12_000 + 2000),
    ("call outside", option("C115", -1), STOCK, 10_000 + 1000),
    ("ten shares", option("C100", -1, multiplier=10), STOCK, 1000 + 200),
    ("two", option("P100", -2), STOCK, 20_000 + 4000),
    ("3x", option("C100", -1), TRIPLE, 10_000 + 6000),
    ("broad", option("P100", -1), BROAD, 10_000 + 1500),
    ("OTC", option("C100", -1, listed=False), STOCK, 10_000 + 3000),
]


@pytest.mark.parametrize(
    ("held", "known", "gross"), [u[1:] for u in UNPRICED], ids=[u[0] for u in UNPRICED]
)
def test_the_bound_of_a_short_option_without_any_price(held: Json, known: Json, gross: float):
    found = answer(held, known=known, cash=50_000)

    assert found["status"] == "indeterminate"
    assert required(found) == (gross, gross, gross)
    assert found["reg_t"]["net_deposit"] == gross + found["net_option_value"]


def test_a_call_without_any_price_on_what_has_none_has_no_such_bound():
    found = answer(
        option("C100", -1), option("P100", -1, expiry=JUNE), known={"asset_class": "equity"}
    )

    assert reasons(found) == {"price_missing", "underlying_price_missing"}
    # The largest price there may be, and the strike.
    assert found["net_option_value"] == -100 * (10_000_000 + 100)


def fund(group: Json) -> Json:
    """A fund at 50 in the class group of Y, of which a call is sold; X is not held."""
    call = option("C110", -1, 1) | {"underlying": "Y"}
    member = {"price": 50, "asset_class": "etf", "leverage": 1, "class_group": "Y"}
    others = {"Y": {"price": 100} | group, "AF": member}
    return answer(call, shares(200, "AF"), others=others, cash=50_000)


@pytest.mark.parametrize(
    ("asset_class", "gross"),
    [
        # Public report: a fund of one stock covers nothing, 100 + 1,000 and 2,500.
        ("equity", 1100 + 2500),
        ("volatility_index", 1100 + 2500),
        ("etf", 1100 + 2500),
        ("narrow_index", 2500),
        ("broad_index", 2500),
        ("broad_index_high_cap", 2500),
    ],
)
def test_only_a_fund_on_an_index_covers_by_value(asset_class: str, gross: float):
    leverage = {"leverage": 1} if asset_class == "etf" else {}

    assert required(fund({"asset_class": asset_class} | leverage))[1] == gross


@pytest.mark.parametrize(
    ("contract", "quantity", "price", "spot", "gross"),
    [
        # Public report: 7 x 80,582 less a quarter of 7 x 50,000.
        ("P5500", 7, 805.82, 5000, 476_574.00),
        ("C80", 3, 30.07, 100, 3 * 3007 - 3 * 500),
        # Less than its intrinsic value is all there is to lend on.
        ("C80", 1, 19.99, 100, 0.75 * 1999),
        # Out of the money nothing is.
        ("C120", 1, 3.33, 100, 333),
    ],
)
def test_a_long_dated_otc_option_lends_a_quarter_of_its_intrinsic_value(
    contract: str, quantity: int, price: float, spot: float, gross: float
):
    held = option(contract, quantity, price, expiry=LATER, listed=False)

    found = answer(held, known=STOCK | {"price": spot}, cash=1_000_000)

    assert found["reg_t"]["gross_requirement"] == gross


# Calls written by multiplier, on 200 shares; what they require beyond the shares' 20,000.
COVERS: list[tuple[str, dict[int, int], float]] = [
    # Public report: 150 shares leave 50 idle, two of 100 none.
    ("two small", {150: 1, 100: 2}, 15_000),
    ("large and small", {150: 1, 50: 1, 100: 1}, 10_000),
    ("all", {100: 1, 50: 2}, 0),
    ("none fits", {250: 1}, 25_000),
    # 70 + 70 + 60 take all: not the largest first.
    ("by parts", {130: 1, 70: 2, 60: 1}, 13_000),
]


@pytest.mark.parametrize("written", [c[1:] for c in COVERS], ids=[c[0] for c in COVERS])
def test_a_cash_account_covers_what_takes_most(written: tuple[dict[int, int], float]):
    calls, beyond = written
    held = [option(f"C{100 + n}", -count, 2, multiplier=n) for n, count in calls.items()]

    found: Any = answer(shares(200), *held, account_type="cash", cash=100_000)

    assert found["house"]["requirement"] == 20_000 + beyond
