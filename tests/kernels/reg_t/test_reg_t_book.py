import random
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.calendar import sessions
from margin_assets.kernels.reg_t.reg_t_book import BY_CASH, RegTBook, Saved, entry_frame
from margin_assets.kernels.reg_t.reg_t_calls import call_frame
from margin_assets.kernels.reg_t.sma import RegTFigures
from margin_assets.kernels.reg_t.sma_entries import Trades, entry_rules, trade_entries
from margin_assets.kernels.reg_t.sma_frames import memorandum_frame
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.kernels.rules.timelines import business_days

HOURS = 3_600_000_000
DAYS = business_days(sessions().days, sessions().closes, 4 * HOURS)
MONDAY = int(np.searchsorted(DAYS.days, (date(2024, 6, 3) - date(1970, 1, 1)).days))
NAMES = ["A", "B"]
ON = date(2024, 6, 3)


class Day(NamedTuple):
    """Entries of both accounts, their excess at the close, and entries after it; in dollars."""

    entries: list[int]
    excess: tuple[int, int]
    after: list[int]


def cents(values: object) -> np.ndarray:
    return np.array(values, dtype=np.int64) * 100


amounts = st.lists(st.integers(-9_000, 9_000), max_size=4)
some_days = st.lists(
    st.builds(Day, amounts, st.tuples(*[st.integers(-9_000, 9_000)] * 2), amounts),
    min_size=1,
    max_size=8,
)
BOTH = np.arange(2, dtype=np.int64)
MARGIN = np.ones(2, dtype=np.bool_)


def reg_t_figures(excess: tuple[int, int]) -> RegTFigures:
    return RegTFigures(cents([0, 0]), cents(excess), cents([10**6] * 2), MARGIN)


def enter(book: RegTBook, at: int, entries: list[int]) -> None:
    for place in BOTH:
        whose = np.full(len(entries), place, dtype=np.int64)
        book.enter(entry_frame(whose, at, cents(entries), BY_CASH))


def sma(book: RegTBook) -> np.ndarray:
    return np.maximum(book.balance - book.owed, 0)


def begun() -> RegTBook:
    book = RegTBook(DAYS)
    book.grow(2)
    return book


def reloaded(book: RegTBook) -> RegTBook:
    """What a session that starts again makes of the tables."""
    rules = rules_in_force(ON)
    saved = Saved(
        memorandum_frame(book, NAMES, BOTH, reg_t_figures((0, 0)), rules),
        call_frame(book.calls, DAYS, NAMES),
    )
    again = begun()
    again.load(saved, lambda names: np.array([NAMES.index(name) for name in names], dtype=np.int64))
    return again


def live(book: RegTBook, day: int, told: Day) -> None:
    end = int(DAYS.ends[day])
    enter(book, end - 5 * HOURS, told.entries)
    before = sma(book)
    book.credit(end - 4 * HOURS, BOTH, reg_t_figures(told.excess), MARGIN)
    assert (sma(book) >= before).all()
    enter(book, end - HOURS, told.after)
    before, owed = sma(book), book.owed.copy()
    book.end_day(end, MARGIN)
    # A call that lapses frees no SMA of itself, and what is paid in meets calls only.
    assert (sma(book) >= before).all()
    assert (book.balance >= 0).all()
    assert (book.owed >= 0).all()
    assert ((book.owed <= owed) | (book.balance == 0)).all()


@settings(max_examples=60, deadline=None)
@given(some_days)
def test_only_entries_lower_the_sma_and_books_hold_together(told: list[Day]):
    book, other = begun(), begun()
    for n, day in enumerate(told):
        live(book, MONDAY + n, day)
        other = reloaded(other)
        live(other, MONDAY + n, day)

    for one, two in ((book, other), (book, reloaded(book))):
        assert (one.balance == two.balance).all()
        assert (one.owed == two.owed).all()
        for mine, theirs in zip(one.calls, two.calls, strict=True):
            assert sorted(mine.tolist()) == sorted(theirs.tolist())
    calls = book.calls
    sums = np.zeros(2, dtype=np.int64)
    np.add.at(sums, calls.account, calls.owed)
    assert (sums == book.owed).all()
    assert (calls.met + calls.owed <= calls.amount).all()


@settings(max_examples=60, deadline=None)
@given(amounts, st.randoms())
def test_entries_of_one_point_come_in_any_order_and_any_batch(
    entries: list[int], shuffler: random.Random
):
    whole, parts = begun(), begun()
    enter(whole, 1, entries)

    mixed = shuffler.sample(entries, len(entries))
    for amount in mixed:
        enter(parts, 1, [amount])

    assert (whole.balance == parts.balance).all()


@settings(max_examples=60, deadline=None)
@given(some_days, st.integers(0, 9_000))
def test_a_deposit_never_leaves_less(told: list[Day], more: int):
    poor, rich = begun(), begun()
    for n, day in enumerate(told):
        live(poor, MONDAY + n, day)
        # Money that is there is excess too.
        excess = tuple(value + more for value in day.excess)
        live(rich, MONDAY + n, day._replace(excess=excess, entries=[more, *day.entries][n > 0 :]))

    assert (rich.balance - rich.owed >= poor.balance - poor.owed).all()


@pytest.mark.parametrize(
    ("held", "quantity", "entry"),
    [
        pytest.param(0, 100, -500, id="opens long"),
        pytest.param(100, -100, 500, id="sells"),
        pytest.param(0, -100, -500, id="opens short"),
        pytest.param(-100, 100, 500, id="covers"),
        pytest.param(-30, 100, 150 - 350, id="covers and buys"),
    ],
)
@pytest.mark.parametrize("marginable", [True, False])
def test_trades_enter_at_their_own_price(held: int, quantity: int, entry: int, marginable: bool):
    found = entered(held, quantity, marginable=marginable)

    assert found == [entry * (100 if marginable else 200)]


def entered(held: int, quantity: int, calls: int = 0, *, marginable: bool = True) -> list[int]:
    """Entry of a trade at 10: shares held and dealt, with calls on so many shares."""
    before, dealt, usd = (
        np.array([n], dtype=np.int64) for n in (held * 10**6, quantity * 10**6, 10**7)
    )
    covered = np.array([calls * 10**6], dtype=np.int64)
    trades = Trades(before, dealt, usd, np.array([marginable]), covered)
    entries: list[int] = trade_entries(trades, entry_rules(ON)).tolist()
    return entries


@pytest.mark.parametrize(
    ("held", "quantity", "calls", "entry"),
    [
        # 220.12(c)(2): what is sold short against a long call takes its proceeds alone.
        pytest.param(0, -100, 100, 0, id="all"),
        pytest.param(0, -100, 60, -200, id="40 beyond"),
        pytest.param(-100, -100, 150, -250, id="50 beyond"),
        pytest.param(-100, -100, 100, -500, id="none left"),
        pytest.param(-100, 100, 100, 0, id="covers"),
        pytest.param(-100, 50, 60, 200, id="covers what was beyond"),
        pytest.param(-100, 150, 100, -250, id="covers and buys"),
        pytest.param(100, -150, 100, 500, id="sells and goes short"),
    ],
)
def test_a_short_sale_against_a_call_enters_nothing(
    held: int, quantity: int, calls: int, entry: int
):
    assert entered(held, quantity, calls) == [entry * 100]


def test_a_call_due_is_settled_by_what_the_close_showed():
    book = begun()
    enter(book, int(DAYS.ends[MONDAY]) - 1, [-5_000])
    book.end_day(int(DAYS.ends[MONDAY]), MARGIN)
    due = int(DAYS.ends[MONDAY + 3])
    assert book.due_accounts(due).tolist() == [0, 1]
    known = reg_t_figures((-3_000, -9_000))._replace(is_known=np.array([True, False]))
    book.credit(due - 4 * HOURS, BOTH, known, MARGIN)

    again = reloaded(book)
    again.end_day(due, MARGIN)

    # What is not known leaves the whole call.
    frame: pl.DataFrame = call_frame(again.calls, DAYS, NAMES)
    assert frame.select("status", "to_liquidate").rows() == [
        ("liquidation_due", 3_000),
        ("liquidation_due", 5_000),
    ]
