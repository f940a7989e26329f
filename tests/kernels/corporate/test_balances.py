"""What one action does to the positions of an account: by hand, and as laws."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.corporate.actions import NONE, SAME, Action, Ratio
from margin_assets.kernels.corporate.balances import Balance, Books, act, carried_price
from margin_assets.kernels.corporate.carried import NO_QUOTE, Quote, carried

MICRO = 1_000_000
SPLIT = Action("S", "split", "X", 100, SAME, None, NONE, 0, 0, "keep", 0, 0, -1)


def split(units: int, per: int = 1, fractions: str = "keep", price: int = 0) -> Action:
    ratio = Ratio(units * MICRO, per * MICRO)
    return SPLIT._replace(own=ratio, fractions=fractions, fraction_price=price * MICRO)


def merger(units: int, per: int, cash: float = 0) -> Action:
    ratio = Ratio(units * MICRO, per * MICRO)
    paid = round(cash * MICRO)
    return SPLIT._replace(kind="merger", own=NONE, other="Y", given=ratio, paid=paid)


def books(units: float, price: int = 700, symbol: str = "X") -> Books:
    sold = max(-round(units * MICRO), 0)
    return {symbol: Balance(round(units * MICRO), price * MICRO, sold, sold * price)}


@pytest.mark.parametrize(
    ("action", "units", "after", "cents"),
    [
        pytest.param(split(7), 100, 700, 0, id="seven for one"),
        pytest.param(split(7), -100, -700, 0, id="of a short position"),
        pytest.param(split(1, 20, "cash", 46), 1010, 50, 2300, id="half a share is paid"),
        pytest.param(split(1, 20, "cash", 46), -1010, -50, -2300, id="and by a short paid for"),
        pytest.param(split(1, 20, "up"), 1001, 51, 0, id="rounded up"),
        pytest.param(split(1, 20, "up"), -1001, -51, 0, id="a short owes the whole share"),
        pytest.param(split(1, 20, "nearest"), 1009, 50, 0, id="to the nearest, down"),
        pytest.param(split(1, 20, "nearest"), 1010, 51, 0, id="to the nearest, half up"),
        pytest.param(split(3, 2), 101, 151.5, 0, id="a part is kept"),
        pytest.param(split(1, 20, "cash", 46), 9, 0, 2070, id="all of it is paid"),
    ],
)
def test_a_split(action: Action, units: float, after: float, cents: int):
    held = books(units)

    paid = act(action, held)

    assert held.get("X", Balance()).quantity == round(after * MICRO)
    assert (paid.at_once, paid.owed) == (cents, 0)


def test_a_short_keeps_what_it_was_sold_for():
    held = books(-100)

    act(split(7), held)

    assert held["X"] == Balance(-700 * MICRO, 100 * MICRO, 700 * MICRO, 70_000 * MICRO)


def test_a_merger_for_stock_and_cash():
    held = books(100) | books(-10, 50, "Y")

    paid = act(merger(1, 2, 25.5), held)

    assert held == {"Y": Balance(40 * MICRO, 50 * MICRO)}
    assert paid.at_once == 255_000


def test_a_spin_off_leaves_what_it_comes_from():
    held = books(100)

    act(merger(1, 4)._replace(kind="spin_off", own=SAME), held)

    assert {name: one.quantity for name, one in held.items()} == {
        "X": 100 * MICRO,
        "Y": 25 * MICRO,
    }


def test_who_holds_nothing_is_given_nothing():
    held = books(5, symbol="Z")

    assert act(split(7), held).at_once == 0
    assert held == books(5, symbol="Z")


UNITS = st.integers(1, 10**9)
SIGNS = st.sampled_from([1, -1])
RATIOS = st.integers(1, 50)


@settings(deadline=None)
@given(UNITS, SIGNS, RATIOS)
def test_a_split_and_its_reverse_are_nothing(units: int, sign: int, ratio: int):
    held = books(units * sign)

    act(split(ratio), held)
    act(split(1, ratio), held)

    assert held["X"].quantity == units * sign * MICRO


@settings(deadline=None)
@given(UNITS, SIGNS, RATIOS, RATIOS, st.integers(1, 1000))
def test_nothing_is_gained_or_lost_by_cash_for_fractions(
    units: int, sign: int, new: int, per: int, dollars: int
):
    held = books(units * sign)

    paid = act(split(new, per, "cash", dollars), held)

    after = held.get("X", Balance()).quantity
    exact = units * sign * new * dollars * 100 / per
    assert abs(after * dollars // (MICRO // 100) + paid.at_once - exact) <= 0.5 + abs(exact) * 1e-12
    assert after % MICRO == 0


@settings(deadline=None)
@given(RATIOS, RATIOS, st.integers(1, 10**11))
def test_a_price_carried_over_is_worth_the_same(new: int, per: int, price: int):
    after = carried_price(price, Ratio(new, per))

    assert abs(after * new - price * per) * 2 <= new


def quotes(**landed: tuple[int, int]) -> object:
    return lambda symbol: Quote(*landed.get(symbol, (0, -1)))


def test_prices_follow_what_they_are_prices_of():
    change = merger(1, 1)._replace(kind="symbol_change")
    spin = merger(1, 4)._replace(kind="spin_off", own=SAME, given_value=8 * MICRO)

    def found(symbol: str, *actions: Action, **landed: tuple[int, int]) -> Quote:
        return carried(symbol, quotes(**landed), list(actions))

    assert found("X", split(7), X=(700, 90)) == (100, 90)
    assert found("X", split(7), X=(700, 100)) == (700, 100)
    assert found("X", split(7), split(1, 2)._replace(at=110), X=(700, 90)) == (200, 90)
    assert found("Y", change, X=(700, 90)) == (700, 90)
    assert found("Y", change, X=(700, 90), Y=(650, 120)) == (650, 120)
    assert found("Y", spin, X=(70 * MICRO, 90)) == (8 * MICRO, 90)
    assert found("X", spin, X=(70 * MICRO, 90)) == (68 * MICRO, 90)
    assert found("Y", merger(1, 2, 3), X=(700, 90)) == (0, -1)


def test_a_price_that_a_false_ratio_makes_is_none():
    # A split of a million for one told the wrong way round: 100 million USD a unit.
    false = split(1, 1_000_000)
    assert carried("X", quotes(X=(100 * MICRO, 90)), [false]) == NO_QUOTE
    assert carried("X", quotes(X=(10 * MICRO, 90)), [false]) == (10_000_000 * MICRO, 90)
    # Told right again it stands as it was.
    again = split(1_000_000)._replace(at=110)
    assert carried("X", quotes(X=(100 * MICRO, 90)), [false, again]) == (100 * MICRO, 90)
    # What a position was last traded at stays one that a table takes.
    held: Books = {"X": Balance(-100 * MICRO, 100 * MICRO)}
    act(false, held)
    assert held["X"].price == 10_000_000 * MICRO
