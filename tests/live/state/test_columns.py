"""Rows that come and go where they stand are those of columns made anew."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from margin_assets.live.state import columns
from margin_assets.live.state.columns import Columns

changes = st.lists(
    st.tuples(st.booleans(), st.lists(st.integers(0, 40), min_size=1, max_size=6)), max_size=12
)


@pytest.mark.parametrize(
    ("many", "room"),
    [
        pytest.param(1000, 1024, id="moved"),
        pytest.param(1000, 3, id="moved while there is room"),
        pytest.param(2, 1024, id="made anew for many"),
    ],
)
def test_columns_are_those_made_anew(monkeypatch: pytest.MonkeyPatch, many: int, room: int):
    monkeypatch.setattr(columns, "_MANY", many)
    monkeypatch.setattr(columns, "_LEAST_ROOM", room)

    @given(changes)
    def law(drawn: list[tuple[bool, list[int]]]) -> None:
        held, number = Columns({"number": np.int64, "nothing": np.int32}), 0
        expected = np.zeros(0, dtype=np.int64)
        for is_coming, asked in drawn:
            if is_coming:
                places = np.sort(np.array(asked) % (len(expected) + 1))
                rows = np.arange(number, number + len(places))
                number += len(places)
                held.insert(places, {"number": rows})
                expected = np.insert(expected, places, rows)
            elif len(expected):
                places = np.unique(np.array(asked) % len(expected))
                held.delete(places)
                expected = np.delete(expected, places)

            views = held.views()
            assert views["number"].tolist() == expected.tolist()
            assert views["nothing"].tolist() == [0] * len(expected)

    law()
