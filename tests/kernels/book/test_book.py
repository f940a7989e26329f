import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from margin_assets.kernels.book.book import Book, taken

BOOK = Book(
    offsets=np.array([0, 2, 2, 5]),
    series=np.array([4, 7, 1, 4, 6], dtype=np.int32),
    quantity=np.array([10, -20, 30, 40, -50]),
    last_fill_price=np.array([1, 2, 3, 4, 5]),
    sale_price=np.array([0, 9, 0, 0, 8]),
    account_type=np.array([0, 1, 2], dtype=np.int8),
    is_registered=np.array([True, False, True]),
    is_exempt=np.array([False, False, True]),
    cash=np.array([100, 200, 300]),
)


def test_an_account_is_taken_twice_each_time_without_one_position():
    found = taken(BOOK, np.array([1, 0]), np.zeros(2, dtype=np.int64), np.array([1, 1]))

    assert found.offsets.tolist() == [0, 1, 2]
    assert found.series.tolist() == [7, 4]
    assert found.quantity.tolist() == [-20, 10]
    assert found.sale_price.tolist() == [9, 0]
    assert found.cash.tolist() == [100, 100]


@given(st.permutations(range(3)))
def test_accounts_in_another_order_keep_what_they_hold(order: list[int]):
    accounts, sizes = np.array(order), np.diff(BOOK.offsets)
    places = np.concatenate([np.arange(*BOOK.offsets[a : a + 2]) for a in order])

    moved = taken(BOOK, places, accounts, sizes[accounts])

    back = np.argsort(accounts)
    again = np.concatenate([np.arange(*moved.offsets[a : a + 2]) for a in back])
    for column, other in zip(taken(moved, again, back, sizes), BOOK, strict=True):
        assert np.array_equal(column, other)


def test_nothing_is_taken():
    nothing = np.zeros(0, dtype=np.int64)

    assert taken(BOOK, nothing, nothing, nothing).offsets.tolist() == [0]
