"""Positions changed a few at a time are those worked out from all that is held."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from margin_assets.kernels.book.sales import UNTOLD, average_prices
from margin_assets.kernels.numeric.money import MICRO, units
from margin_assets.live.state.positions import Positions

ACCOUNTS, SYMBOLS = 4, 5
GROUP = np.array([1, 0, 1, 2, 0])
SIZES = np.array([1, 100, 1, 10, 1]) * MICRO
trades = st.lists(
    st.tuples(
        st.integers(0, ACCOUNTS - 1),
        st.integers(0, SYMBOLS - 1),
        st.sampled_from([-2, -1, 1, 2]),
        st.integers(1, 9),
    ),
    min_size=1,
    max_size=6,
)


def take(held: Positions, rows: list[tuple[int, int, int, int]]) -> None:
    """Trades of a grid point, as `Holdings` takes them."""
    account, symbol, quantity, price = np.array(rows, dtype=np.int64).T.copy()
    at = held.taken(account, symbol, GROUP)
    untold = np.full(len(rows), UNTOLD, dtype=np.int64)
    held.sell(at, (quantity * MICRO, price * MICRO), (untold, untold))
    np.add.at(held.quantity, at.place[at.inverse], quantity * MICRO)
    held.close(at)


@given(st.lists(trades, max_size=6), st.integers(0, 5), st.integers(0, 5))
def test_what_follows_from_positions_is_that_of_all_of_them(
    days: list[list[tuple[int, int, int, int]]], asked: int, resized: int
):
    held, sizes = Positions(), SIZES.copy()
    exact: dict[tuple[int, int], int] = {}
    held.grow(ACCOUNTS)
    for day, rows in enumerate(days):
        if day >= asked:
            held.units(sizes)
        if day == resized:
            sizes = sizes * 2
        take(held, rows)
        for account, symbol, quantity, _ in rows:
            exact[account, symbol] = exact.get((account, symbol), 0) + quantity * MICRO

    order = sorted((a, int(GROUP[s]), s) for (a, s), held_now in exact.items() if held_now)
    assert [*zip(held.account.tolist(), held.series.tolist(), strict=True)] == [
        (a, s) for a, _, s in order
    ]
    assert held.quantity.tolist() == [exact[a, s] for a, _, s in order]
    assert np.diff(held.offsets).tolist() == [
        sum(a == account for a, _, _ in order) for account in range(ACCOUNTS)
    ]
    sized = units(held.quantity, sizes, held.series)
    assert held.units(sizes).tolist() == sized.tolist()
    assert held.sale_price.tolist() == average_prices(held.sold, held.proceeds).tolist()


def test_a_symbol_that_is_new_has_the_size_that_is_asked_for_next():
    held = Positions()
    held.grow(1)
    take(held, [(0, 0, 2, 5)])
    held.units(SIZES[:1])

    take(held, [(0, 3, 1, 5)])

    assert held.units(SIZES).tolist() == [2 * MICRO, 10 * MICRO]
