"""The least grouping against every grouping there is, and the laws that any least one obeys."""

import os
import random
from collections import Counter
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.numeric.threads import at_most
from margin_assets.kernels.strategies.grouping import PROOF
from margin_assets.kernels.strategies.least_groups import least_requirements
from margin_assets.kernels.strategies.problems import Problems
from margin_assets.kernels.strategies.solutions import Solution, group_of
from margin_assets.kernels.strategies.strategies import (
    KINDS,
    LEG,
    SPREAD,
    SPREAD_LEG,
    STOCK_RECORD,
    StrategyRates,
    group_maintenance,
)
from tests.support.exhaustive_grouping import (
    BOX,
    HEDGED,
    MICRO,
    SAME,
    Book,
    Choice,
    Leg,
    Stock,
    choices,
    least,
    part,
    random_book,
)
from tests.support.threads import several_threads

BOOKS = int(os.environ.get("MARGIN_LONG_TESTS", "4000"))
"""How many random books are searched exhaustively."""
RATES = StrategyRates(HEDGED, BOX)
SEEDED = st.integers(0, 1 << 40).map(lambda seed: random_book(random.Random(seed)))


def problems(books: list[Book]) -> Problems:
    legs = [leg for book in books for leg in book.legs]
    stocks = [stock for book in books for stock in book.stocks]

    held, shares = np.zeros(len(legs), dtype=LEG), np.zeros(len(stocks), dtype=STOCK_RECORD)
    told = {"underlying", "spot", "units", "quoted", "has_fund_cover", "is_unpriced"}
    for name in set(LEG.names) - told:
        held[name] = [getattr(leg, name) for leg in legs]
    held["spot"] = [book.spot for book in books for _ in book.legs]
    held["units"] = held["quoted"] = [leg.units * MICRO for leg in legs]
    held["has_fund_cover"] = [leg.is_on_index for leg in legs]
    shares["underlying"] = [stock.is_fund for stock in stocks]
    shares["covers_index"] = [stock.is_fund - 1 for stock in stocks]
    shares["shares"] = [stock.shares * MICRO for stock in stocks]
    shares["price"] = [stock.price for stock in stocks]
    shares["maintenance"] = shares["initial"] = [stock.maintenance for stock in stocks]
    shares["boxed"] = [part(stock.price, SAME) for stock in stocks]
    shares["other"] = [way for book in books for way in sides(book.stocks)]
    return Problems(
        np.arange(len(books) + 1),
        np.cumsum([0] + [len(book.legs) for book in books]),
        np.cumsum([0] + [len(book.stocks) for book in books]),
        held,
        shares,
        np.arange(len(legs)),
        np.arange(len(stocks)),
    )


def sides(stocks: tuple[Stock, ...]) -> list[int]:
    """Where the other side of each stock is, if it is held both ways."""
    own = [s for s, stock in enumerate(stocks) if not stock.is_fund]
    if len(own) < 2 or (stocks[own[0]].shares > 0) == (stocks[own[1]].shares > 0):
        return [0] * len(stocks)
    return [own[1] - own[0] if s == own[0] else own[0] - own[1] for s in range(len(stocks))]


def groups_of(posed: Problems, found: Solution, p: int) -> list[Choice]:
    """Groups of problem p, each as often as it is taken, with what the kernels say it requires."""
    first, first_stock = posed.leg_offsets[p], posed.stock_offsets[p]
    size, stocks = posed.leg_offsets[p + 1] - first, posed.stock_offsets[p + 1] - first_stock
    groups: list[Choice] = []
    spreads: dict[int, tuple[list[int], int]] = {}
    for g in range(found.offsets[p], found.offsets[p + 1]):
        if found.kind[g] == SPREAD:
            spreads[found.spread[g]] = ([0] * size, int(found.amount[g]))
            continue
        if found.kind[g] == SPREAD_LEG:
            spreads[found.spread[g]][0][found.legs[g, 0] - first] += int(found.count[g])
            continue
        places = [leg - first for leg in found.legs[g] if leg >= 0]
        taken = tuple(places.count(i) for i in range(size))
        held = [0] * stocks
        if found.stock[g] >= 0:
            own = found.stock[g] - first_stock
            held[own] = int(found.shares[g]) // MICRO
            if KINDS[found.kind[g]] == "long_and_short_stock":
                held[own + posed.stocks[found.stock[g]]["other"]] = held[own]
        cost = int(group_maintenance(group_of(found, g), posed.legs, posed.stocks, RATES))
        groups += [Choice(KINDS[found.kind[g]], taken, tuple(held), cost)] * found.count[g]
    none = (0,) * stocks
    return groups + [Choice("spread", tuple(n), none, loss) for n, loss in spreads.values()]


def solved(books: list[Book]) -> list[list[Choice]]:
    posed = problems(books)
    found = least_requirements(posed, RATES)
    assert (found.gap < PROOF).all()
    return [groups_of(posed, found, p) for p in range(len(books))]


def required(*books: Book) -> list[int]:
    """Maintenance by the kernels, micro-dollars."""
    return [sum(group.cost for group in groups) for groups in solved(list(books))]


def times(book: Book, k: int) -> Book:
    legs = tuple(replace(leg, contracts=k * leg.contracts) for leg in book.legs)
    stocks = tuple(replace(stock, shares=k * stock.shares) for stock in book.stocks)
    return Book(book.spot, legs, stocks)


def assert_whole(book: Book, groups: list[Choice]) -> None:
    """The groups take every contract and share of the book, once."""
    for i, leg in enumerate(book.legs):
        assert sum(group.counts[i] for group in groups) == abs(leg.contracts), book
    for s, stock in enumerate(book.stocks):
        assert sum(group.shares[s] for group in groups) == abs(stock.shares), book


def test_no_grouping_of_a_small_book_requires_less():
    rng = random.Random(4210)
    books = [random_book(rng) for _ in range(BOOKS)]

    seen = Counter[str]()
    for book, groups in zip(books, solved(books), strict=True):
        permitted = choices(book)
        assert sum(group.cost for group in groups) == least(book, permitted), book
        optioned = {group for group in groups if "stock" not in group.kind}
        assert optioned <= set(permitted), book  # and each requires what the rule says
        assert_whole(book, groups)
        seen.update({group.kind for group in groups})

    assert set(seen) == set(KINDS) - {"spread_leg"}


@given(book=SEEDED, data=st.data())
@settings(deadline=None)
def test_the_order_of_the_legs_and_of_the_stocks_changes_nothing(book: Book, data: st.DataObject):
    legs = tuple(data.draw(st.permutations(book.legs)))
    shuffled = Book(book.spot, legs, book.stocks[::-1])

    one, other = required(book, shuffled)

    assert one == other


@given(book=SEEDED, data=st.data())
@settings(deadline=None)
def test_one_more_long_option_never_requires_more(book: Book, data: st.DataObject):
    """Its cost is paid in full: it can only offset."""
    strikes = st.sampled_from([leg.strike for leg in book.legs]) | st.integers(1, 2 * book.spot)
    bought = Leg(
        data.draw(st.integers(1, 3)),
        data.draw(st.booleans()),
        data.draw(strikes),
        data.draw(st.sampled_from([9, 37, 65, 400])),
        data.draw(st.integers(0, book.spot)),
        is_european=data.draw(st.booleans()),
        loan=data.draw(st.sampled_from([0, 250_000])),
    )

    before, after = required(book, replace(book, legs=(*book.legs, bought)))

    assert after <= before


@given(book=SEEDED)
@settings(deadline=None)
def test_a_multiple_of_a_book_never_requires_more_than_the_multiple(book: Book):
    once, twice, thrice = required(book, times(book, 2), times(book, 3))

    assert twice <= 2 * once
    assert thrice <= 3 * once
    assert thrice <= twice + once


@given(one=SEEDED, other=SEEDED)
@settings(deadline=None)
def test_problems_do_not_touch_each_other(one: Book, other: Book):
    together = solved([one, other, one])

    assert together == [*solved([one]), *solved([other]), *solved([one])]
    for book, groups in zip((one, other), together[:2], strict=True):
        assert_whole(book, groups)


def test_twice_a_book_may_require_less_than_twice_as_much():
    """Contracts are whole: two of 150 shares equal three of 100, and one equals none.

    The short put of 150 is naked: 150 x (12 + 20). Two of them and three of the four long ones
    lose nothing.
    """
    short = Leg(-1, is_call=False, strike=110 * MICRO, expiry=37, price=12 * MICRO, units=150)
    long = Leg(2, is_call=False, strike=160 * MICRO, expiry=37, price=60 * MICRO)
    book = Book(100 * MICRO, (short, long))

    assert required(book, times(book, 2)) == [4_800 * MICRO, 0]


def test_a_book_beside_stock_that_is_too_little_to_cover():
    """99 shares cover no call of 100, and are margined alone beside it."""
    call = Leg(-1, is_call=True, strike=50 * MICRO, expiry=9, price=2 * MICRO)
    stock = Stock(99, 50 * MICRO, 12_500_000)
    enough = Stock(100, 50 * MICRO, 12_500_000)
    books = [Book(50 * MICRO, (call,), (held,)) for held in (stock, enough)]

    assert required(*books) == [(1_200 + 99 * 25 // 2) * MICRO + MICRO // 2, 1_250 * MICRO]


@several_threads
def test_threads_do_not_change_a_bit_of_a_grouping():
    rng = random.Random(7)
    posed = problems([random_book(rng) for _ in range(500)])
    results: list[tuple[np.ndarray, ...]] = []
    for threads in (1, 2, 2):
        with at_most(threads):
            results.append(least_requirements(posed, RATES))

    for other in results[1:]:
        for one_thread, two_threads in zip(results[0], other, strict=True):
            assert one_thread.tobytes() == two_threads.tobytes()
