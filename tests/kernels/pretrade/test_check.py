import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from margin_assets.kernels.pretrade.check import Check
from margin_assets.kernels.pretrade.reasons import Against, DayTrading
from margin_assets.whatif import whatif
from tests.support.checked_orders import Document, checked, document, option, stock


def bought(
    shares: int,
    against: Against = Against(),  # noqa: B008 (never changed)
    *,
    kind: str = "reg_t",
    cash: str = "0",
    held: int = 100,
    usd: str = "100",
    day: str = "2020-03-09",
) -> Check:
    """An order for shares at their mark of 100, or at another price, of who holds some."""
    told = document(kind, cash, [stock("X", 1)], {"X": "100"}, day)
    return checked(told, [("X", held)], [("X", shares, usd)], against)


def refusals(found: Check) -> dict[str, int | None]:
    return {reason.code: reason.short_by for reason in found.reasons}


FREE = Against(balance=5_000_00)
"""100 shares at 100 that are paid for: equity 10,000, 5,000 of it above the initial 50%."""


def test_an_order_within_the_sma_is_accepted():
    found = bought(100, FREE)

    assert not found.reasons
    assert (found.before.excess, found.after.excess) == (7_500_00, 5_000_00)
    assert (found.before.buying_power, found.after.buying_power) == (10_000_00, 0)
    # A fall of 8% costs 1,600 of equity and leaves 18,400: a quarter of it is required.
    assert found.after.worst_excess == 8_400_00 - 4_600_00
    assert found.sma_entry == -5_000_00


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(
            lambda: bought(101, FREE), {"regulation_t": 50_00}, id="a share more than the SMA buys"
        ),
        pytest.param(
            lambda: bought(301, Against(balance=10**9)),
            # 401 x 100 x 25% = 10,025, equity 10,000.
            {"excess": 25_00},
            id="maintenance though the SMA would do",
        ),
        pytest.param(
            lambda: bought(50, Against(balance=5_000_00, owed=4_000_00)),
            # What lacks is not the balance, 5,000 - 2,500 - 4,000, but the excess with a call
            # that 1,500 of the balance no longer covers.
            {},
            id="excess beyond the call",
        ),
        pytest.param(
            lambda: bought(1, FREE._replace(is_close_only=True)), {"close_only": None}, id="closing"
        ),
        pytest.param(
            lambda: bought(1, FREE._replace(is_frozen=True)), {"freeze": None}, id="frozen: a debit"
        ),
        pytest.param(
            lambda: bought(-101, FREE._replace(is_frozen=True)),
            {"freeze": None},
            id="frozen: a short position",
        ),
        pytest.param(
            lambda: bought(1, FREE._replace(is_frozen=True), cash="100"), {}, id="frozen, with cash"
        ),
        pytest.param(
            lambda: bought(1, FREE._replace(is_cash_only=True)), {"cash_only": None}, id="cash only"
        ),
        pytest.param(
            lambda: bought(1, FREE._replace(is_reduce_only=True)),
            {"reduce_only": None},
            id="reduce",
        ),
        pytest.param(
            lambda: bought(10, FREE._replace(day_trading=DayTrading(4_000_00, 4_500_00))),
            {"day_trading_buying_power": 500_00},
            id="day-trading buying power",
        ),
        pytest.param(
            lambda: bought(10, FREE._replace(day_trading=DayTrading(None, 1))),
            {"day_trading_unknown": None},
            id="day-trading buying power that nobody knows",
        ),
        pytest.param(
            lambda: bought(11, kind="cash", cash="1000", held=0),
            {"excess": 100_00, "cash_account": 100_00},
            id="cash account: more than is paid for",
        ),
        pytest.param(
            lambda: bought(10, kind="cash", cash="1000", held=0), {}, id="cash account: all of it"
        ),
        pytest.param(
            lambda: bought(10, Against(settled_funds=999_00), kind="cash", cash="1000", held=0),
            {"cash_in_advance": 1_00},
            id="cash account without delayed payment: a dollar is not settled yet",
        ),
        pytest.param(
            lambda: bought(10, Against(settled_funds=1_000_00), kind="cash", cash="1000", held=0),
            {},
            id="cash account without delayed payment: paid in advance",
        ),
        pytest.param(
            lambda: bought(-10, Against(settled_funds=0), kind="cash", cash="0"),
            {},
            id="cash account without delayed payment: a sale",
        ),
        pytest.param(
            lambda: bought(20, cash="1000", held=0, usd="100"),
            {"minimum_equity": 1_000_00},
            id="a first purchase takes 2,000",
        ),
    ],
)
def test_each_rule_refuses_by_its_name(found: Callable[[], Check], expected: dict[str, int | None]):
    assert refusals(found()) == expected


def test_intraday_margin_refuses_what_makes_a_deficit():
    against = Against(balance=10**9, is_switched=True)
    found = bought(301, against, day="2026-11-27")

    assert refusals(found) == {"excess": 25_00, "intraday_margin": 25_00}


@pytest.mark.parametrize(
    "restricted", ["is_close_only", "is_reduce_only", "is_frozen", "is_cash_only"]
)
def test_an_order_that_only_reduces_passes_every_restriction(restricted: str):
    # 500 shares at 100 against a debit of 40,000: equity 10,000, 12,500 required.
    found = bought(-100, Against(**{restricted: True}), cash="-40000", held=500)

    assert (found.before.excess, found.after.excess) == (-2_500_00, 0)
    assert not found.reasons
    # A sale far below the mark leaves more lacking than before it.
    worse = bought(-100, Against(**{restricted: True}), cash="-40000", held=500, usd="50")
    assert refusals(worse) == {"excess": 5_000_00}


def test_what_has_no_price_is_refused_by_name():
    told = document("reg_t", "10000", [stock("X", 1)], {"X": "100"})
    del told["instruments"]["X"]["price"]
    found = checked(told, [], [("X", 1, "100")], Against(balance=10**9))

    assert "indeterminate" in refusals(found)


def test_a_spread_is_one_order():
    legs = [option("call", 100, 1, "5"), option("call", 110, -1, "2")]
    told = document("reg_t", "5000", legs, {"X": "100"})
    names = ("X 200619C100", "X 200619C110")
    both = [(names[0], 1, "5"), (names[1], -1, "2")]
    found = checked(told, [], both, Against(balance=5_000_00))
    short = checked(told, [], both[1:], Against(balance=5_000_00))

    assert not found.reasons
    # The short call is covered by the long one of the lower strike.
    assert found.after.cash == 5_000_00 - 300_00
    # The short call alone: 20% of 10,000 less 1,000 out of the money, at least 10%, and its value.
    assert short.after.regulatory == 1_000_00 + 200_00


NAMES = {"X": 1, "Y": 1, "X 200619C100": 100, "X 200619P95": 100}
MARKS = {"X": "100", "Y": "40", "X 200619C100": "6", "X 200619P95": "4"}


def told_of(kind: str, cash: Decimal, held: dict[str, int]) -> Document:
    rows = [stock(name, held[name]) for name in ("X", "Y") if held.get(name)]
    for name, right, strike in (("X 200619C100", "call", 100), ("X 200619P95", "put", 95)):
        if held.get(name):
            rows.append(option(right, strike, held[name], MARKS[name]))
    return document(kind, str(cash), rows, {"X": "100", "Y": "40"})


QUANTITY = st.integers(-12, 12)
HELD = st.fixed_dictionaries(dict.fromkeys(NAMES, QUANTITY))
LEG = st.tuples(st.sampled_from(sorted(NAMES)), QUANTITY.filter(bool), st.integers(1, 20_000))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["reg_t", "portfolio_margin"]),
    held=HELD,
    legs=st.lists(LEG, min_size=1, max_size=4),
)
def test_a_check_is_the_whatif_of_the_document_with_the_fills_applied(
    kind: str, held: dict[str, int], legs: list[tuple[str, int, int]]
):
    cash, after = Decimal(20_000), dict(held)
    orders = [(name, quantity, f"{cents / 100:.2f}") for name, quantity, cents in legs]
    for name, quantity, usd in orders:
        cash -= quantity * NAMES[name] * Decimal(usd)
        after[name] += quantity
    everything = told_of(kind, Decimal(20_000), dict.fromkeys(NAMES, 1))
    found = checked(everything, list(held.items()), orders).after

    expected = whatif(json.dumps(told_of(kind, cash, after)))
    worst = min(row["excess"] for row in expected["stress"])
    house = expected["house"]
    assert (found.cash, found.governing, found.excess, found.worst_excess) == tuple(
        round(usd * 100) for usd in (expected["cash"], house["requirement"], house["excess"], worst)
    )
    if kind == "reg_t":
        assert found.reg_t_excess == round(expected["reg_t"]["reg_t_excess"] * 100)
        assert found.initial == round(expected["reg_t"]["initial_requirement"] * 100)
