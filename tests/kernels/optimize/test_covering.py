import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.optimize.covering import NOWHERE, Costs, cost_at, cover

NUMBERS = st.sampled_from([0.0, 0.5, 1.0, 3.0, 10.0])
ITEMS = st.lists(
    st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.integers(0, 5)),
    min_size=1,
    max_size=4,
)


def costs(rows: list[tuple[float, ...]]) -> tuple[Costs, np.ndarray]:
    columns = np.array(rows, dtype=np.float64).reshape(len(rows), -1).T.copy()
    return Costs(*columns[:4]), columns[4]


@given(items=ITEMS, need=st.integers(0, 40))
@settings(deadline=None)
def test_no_whole_amounts_that_cover_cost_less_than_the_bound(items: list, need: int) -> None:
    known, rate = costs([item[:5] for item in items])
    most = np.array([item[5] for item in items], dtype=np.int64)
    found = cover(known, rate, (np.zeros_like(most), most), float(need))
    covering = [
        sum(cost_at(known, i, float(n)) for i, n in enumerate(amounts))
        for amounts in itertools.product(*(range(m + 1) for m in most))
        if np.dot(rate, amounts) >= need
    ]

    if covering:
        assert found.bound <= min(covering) + 1e-9
        assert np.dot(rate, found.amounts) >= need - 1e-6
    else:
        assert found.bound == np.inf
    if found.item != NOWHERE:
        assert 0 <= found.floor < most[found.item]


@pytest.mark.parametrize(
    ("row", "need", "bound"),
    [
        # 12 units at a rate of 2 are 6: 6 x 3, or the least of 30.
        pytest.param((0.0, 0.0, 3.0, 0.0, 2.0), 12.0, 18.0, id="a slope"),
        pytest.param((0.0, 0.0, 0.0, 1.0, 2.0), 8.0, 8.0, id="4 to the 1.5"),
        # Convex hull of 0 and the whole: 10 of 10 cost 30, so 6 cost 18.
        pytest.param((30.0, 1.0, 0.0, 0.0, 2.0), 12.0, 18.0, id="a start that costs"),
    ],
)
def test_the_bound_by_hand(row: tuple[float, ...], need: float, bound: float) -> None:
    known, rate = costs([row])
    box = np.zeros(1, dtype=np.int64), np.array([10], dtype=np.int64)

    assert cover(known, rate, box, need).bound == pytest.approx(bound, rel=1e-6)
