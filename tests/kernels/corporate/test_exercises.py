"""What contracts that leave come to; and that the order in which it is told is nothing."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.corporate.exercises import (
    SETTLED,
    Terms,
    changes,
    in_full,
    in_the_money,
    is_exact,
    leg_effects,
    legs_of,
    settled_rows,
    settlement_frame,
)
from margin_assets.kernels.numeric.money import MICRO
from schemas import TABLES

NOTHING = pl.DataFrame(schema=SETTLED)


def terms(
    right: str,
    strike: float,
    *,
    multiplier: float = 100,
    pays_cash: bool = False,
    paid: float = -1,
) -> Terms:
    return Terms(
        underlying=pl.Series(["X"]),
        is_call=np.array([right == "call"]),
        strike=np.array([round(strike * MICRO)]),
        multiplier=np.array([round(multiplier * MICRO)]),
        pays_cash=np.array([pays_cash]),
        paid=np.array([round(paid * MICRO)]),
    )


def micros(value: float) -> np.ndarray:
    return np.array([round(value * MICRO)])


@pytest.mark.parametrize(
    ("right", "contracts", "shares", "cents"),
    [
        # Long ones leave a position by a negative change, short ones by a positive one.
        pytest.param("call", -3, 300, -3_150_000, id="a call exercised takes shares at the strike"),
        pytest.param("call", 3, -300, 3_150_000, id="a call assigned gives them"),
        pytest.param("put", -2, -200, 2_100_000, id="a put exercised gives shares"),
        pytest.param("put", 2, 200, -2_100_000, id="a put assigned takes them"),
    ],
)
def test_shares_move_at_the_strike(right: str, contracts: int, shares: int, cents: int):
    legs = legs_of(terms(right, 105), micros(contracts), np.array([True]), micros(120))

    assert (legs.price.item(), legs.shares.item() / MICRO) == (0, shares)
    assert legs.cash.item() == cents


@pytest.mark.parametrize(("contracts", "sign"), [(-1000, -1), (1000, 1)])
def test_an_adjusted_contract_is_paid_for_as_a_whole(contracts: int, sign: int):
    # Strike 645 x 100 for 700 shares, a rounded 92.142857 a share: by share 0.10 would be missing.
    after = terms("call", 92.142857, multiplier=700, paid=64_500)
    legs = legs_of(after, micros(contracts), np.array([True]), micros(100))

    assert (legs.shares.item() / MICRO, legs.cash.item()) == (-sign * 700_000, sign * 6_450_000_000)


@pytest.mark.parametrize(
    ("right", "value", "contracts", "cents"),
    [
        pytest.param("call", 2061.52, -2, 230_400, id="a long call is paid"),
        pytest.param("call", 2061.52, 2, -230_400, id="a short call pays"),
        pytest.param("put", 2038.5, -1, 115_000, id="a long put is paid"),
        pytest.param("put", 2061.52, 1, 0, id="a put out of the money pays nothing"),
    ],
)
def test_index_options_pay_cash(right: str, value: float, contracts: int, cents: int):
    index = terms(right, 2050, pays_cash=True)
    legs = legs_of(index, micros(contracts), np.array([True]), micros(value))

    assert (legs.shares.item(), legs.cash.item()) == (0, cents)


def test_worthless_contracts_leave_for_nothing():
    legs = legs_of(terms("put", 95), micros(7), np.array([False]), micros(80))

    assert (legs.price.item(), legs.shares.item(), legs.cash.item()) == (0, 0, 0)


def test_a_cent_in_the_money_is_exercised_and_less_is_not():
    values = [104.99, 105, 105.009999, 105.01]
    gaps = [in_the_money(terms("call", 105), micros(value)).item() for value in values]

    assert [gap >= 10_000 for gap in gaps] == [False, False, False, True]
    assert in_the_money(terms("put", 105), micros(104.99)).item() == 10_000


def test_what_has_no_exact_amount_is_told():
    assert is_exact(terms("call", 1), micros(90_000_000)).item()
    assert not is_exact(terms("call", 1), micros(90_000_001)).item()


class Book:
    """One short or long position in an option, its reports, and the rule's lot."""

    def __init__(self, held: int, option: Terms, value: float) -> None:
        self.held, self.option, self.value = held, option, micros(value)
        self.rows = NOTHING

    def lot(self, name: str | None, contracts: int, outcome: str) -> None:
        told = self.rows.filter(pl.col("exercise_id").eq_missing(name))
        lots = pl.DataFrame(
            {
                "account_id": ["A"],
                "symbol": ["O"],
                "exercise_id": pl.Series([name], dtype=pl.String),
                "outcome": [outcome],
                "settled_by_rule": [name is None],
                "event_time": [0],
                "contracts": [contracts],
                "settlement_value": self.value,
            }
        )
        self.rows = pl.concat([self.rows, changes(in_full(lots, self.option, 1), told)])

    def report(self, name: str, size: int) -> None:
        """So many contracts of what is held were exercised or assigned."""
        change = -size if self.held > 0 else size
        self.lot(name, change, "exercised" if self.held > 0 else "assigned")

    def rule(self) -> None:
        before = self.rows.filter("settled_by_rule")["contracts"].sum()
        left = self.held + self.rows["contracts"].sum()
        gap = in_the_money(self.option, self.value).item()
        self.lot(None, before - left, "assigned" if gap >= 10_000 else "expired")

    def end(self) -> tuple[int, int, int]:
        total = self.rows.select(pl.col("contracts", "shares", "cash").sum())
        return total.row(0)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([-1, 1]),
    st.lists(st.integers(1, 10**9), min_size=1, max_size=5),
    st.integers(1, 10**9),
    st.integers(0, 5),
    st.sampled_from(["call", "put"]),
    st.booleans(),
    st.floats(90, 110),
)
def test_settled_by_rule_and_then_reported_is_reported(
    side: int,
    sizes: list[int],
    unreported: int,
    rule_after: int,
    right: str,
    pays_cash: bool,
    value: float,
):
    option = terms(right, 99.999999, multiplier=3.1, pays_cash=pays_cash)
    held = side * (sum(sizes) + unreported)
    in_time, late = Book(held, option, value), Book(held, option, value)
    for n, size in enumerate(sizes):
        in_time.report(f"e{n}", size)
        if n == rule_after:
            late.rule()
        late.report(f"e{n}", size)
    in_time.rule()
    late.rule()

    assert late.end() == in_time.end()
    assert late.end()[0] == -held


def test_a_report_of_all_leaves_nothing_of_the_rule():
    book = Book(-10, terms("call", 105), 106)
    book.rule()
    book.report("e", 10)
    book.rule()

    ruled = book.rows.filter("settled_by_rule").select(pl.col("contracts", "shares", "cash").sum())
    assert ruled.row(0) == (0, 0, 0)


def test_rows_are_a_table_and_effects():
    book = Book(-10 * MICRO, terms("call", 105), 106)
    book.rule()
    frame = settlement_frame(book.rows)
    table = TABLES["settlements"].schema.validate(frame.with_columns(cycle=pl.lit(1, pl.Int64)))

    assert settled_rows(table).equals(book.rows)
    effects = leg_effects(book.rows, np.array([5]))
    assert effects.select("point", "symbol", "quantity", "cash", "price").rows() == [
        (5, "O", 10 * MICRO, 10_500_000, 0),
        (5, "X", -1000 * MICRO, 0, 105 * MICRO),
    ]
