"""A day of a small book by hand: losses, breaches and what would have been."""

import numpy as np

from margin_assets.kernels.backtest.days import (
    BEYOND_REQUIRED,
    BREACH,
    CALM,
    DAYS,
    LOST,
    NO_DAY,
    REQUIRED,
    UNKNOWN,
    Breaches,
    Paths,
    count_breaches,
    losses_of,
    lowest_left_alone,
)
from margin_assets.kernels.book.book import REG_T, Book

MICRO = 1_000_000


def book_of(*accounts: dict[int, int]) -> Book:
    """Accounts by shares of each security; no cash."""
    held = [(s, q) for account in accounts for s, q in account.items()]
    count = len(accounts)
    return Book(
        offsets=np.cumsum([0, *(len(account) for account in accounts)]),
        series=np.array([s for s, _ in held], dtype=np.int32),
        quantity=np.array([q * MICRO for _, q in held], dtype=np.int64),
        last_fill_price=np.full(len(held), -1),
        sale_price=np.zeros(len(held), dtype=np.int64),
        account_type=np.full(count, REG_T, dtype=np.int8),
        is_registered=np.ones(count, dtype=np.bool_),
        is_exempt=np.zeros(count, dtype=np.bool_),
        cash=np.zeros(count, dtype=np.int64),
    )


def test_what_is_held_loses_as_its_prices_fall():
    book = book_of({0: 100, 1: -50}, {1: 10}, {2: 1}, {})
    change = np.array([-2_500_000, 1_000_000, UNKNOWN])

    # 100 x 2.50 lost and 50 x 1 on the short side; 10 x 1 gained; not known; nothing held.
    assert losses_of(book, change).tolist() == [30_000, -1_000, UNKNOWN, 0]


def test_a_breach_is_a_loss_above_what_was_required():
    before = np.array([[NO_DAY, CALM, BREACH, CALM]], dtype=np.int8)
    into = Breaches(
        before, np.zeros((1, 2, 3, 2), dtype=np.int64), np.zeros((1, 2, 4), dtype=np.int64)
    )
    loss = np.array([100, 101, 150, UNKNOWN])
    group, held = np.array([0, 0, 1, 1]), np.ones(4, dtype=np.bool_)

    count_breaches(loss, np.full((1, 4), 100), group, held, into)

    assert into.counts[0, 0].tolist() == [[1, 0], [0, 1], [0, 0]]  # exactly 100 is covered
    assert into.counts[0, 1].tolist() == [[0, 0], [0, 0], [0, 1]]
    assert into.before.tolist() == [[CALM, BREACH, BREACH, NO_DAY]]
    assert into.sums[0, 0, [DAYS, REQUIRED, LOST, BEYOND_REQUIRED]].tolist() == [2, 200, 201, 1]
    assert into.sums[0, 1].tolist() == [1, 100, 150, 50]


def test_a_book_left_alone_is_seen_at_its_lowest():
    price = np.full(1, 10_000_000)
    total = np.array([[1.0], [0.9], [0.7], [1.2]])
    book = book_of({0: 100}, {0: -100})  # 1,000 long, 1,000 short
    equity, everyone = np.array([20_000, 20_000]), np.array([0, 1])

    # Long: 200 less 300 at the second session; short: 200 less 200 at the third.
    assert lowest_left_alone(
        book, equity, everyone, Paths(price, total[0], total[1:])
    ).tolist() == [
        -10_000,
        0,
    ]
    assert lowest_left_alone(
        book, equity, everyone, Paths(price, total[0], total[1:2])
    ).tolist() == [
        10_000,
        20_000,
    ]
    # At the end of the history nothing more is known.
    assert lowest_left_alone(
        book, equity, everyone, Paths(price, total[3], total[4:])
    ).tolist() == [
        20_000,
        20_000,
    ]


def test_what_is_worth_nothing_or_has_no_price_stands_still():
    price = np.full(2, 10_000_000)
    total = np.array([[0.0, np.nan], [0.0, 1.0]])
    book, equity = book_of({0: 100, 1: 100}), np.array([500])

    found = lowest_left_alone(book, equity, np.array([0]), Paths(price, total[0], total[1:]))
    assert found.tolist() == [500]
