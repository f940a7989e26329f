"""Conditions decided by a column's least and greatest are decided as Polars decides them."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from margin_assets.lake.store import declared
from margin_assets.lake.store.bounds import check_of, keeps
from margin_assets.lake.store.store import Lake
from tests.support.empty_lake import created

CONDITIONS = {
    "x >= 0 AND x <= 2 AND x - x = 0": pl.Float64(),
    "x IS NULL OR x - x = 0": pl.Float64(),
    "x IS NULL OR x > 0": pl.Float64(),
    "arrow_cast(x, 'Float64') > 0 AND arrow_cast(x, 'Float64') <= 2": pl.Decimal(38, 6),
    "x IS NULL OR arrow_cast(x, 'Float64') >= -1.5": pl.Decimal(38, 6),
    "x >= 1": pl.Int64(),
    "x IS NULL OR x < 2": pl.Int64(),
}
NUMBERS: dict[type[pl.DataType], list[object]] = {
    pl.Float64: [-1.0, -0.0, 0.0, 5e-324, 1.0, 2.0, 3.0, 1.7e308, float("nan"), float("inf")],
    pl.Decimal: [Decimal(n) for n in ("-1.500001", "-1.5", "0", "0.000001", "2", "2.000001")],
    pl.Int64: [-1, 0, 1, 2, 3],
}


@pytest.mark.parametrize("text", CONDITIONS)
@given(data=st.data())
def test_what_is_kept_is_what_the_condition_says(text: str, data: st.DataObject):
    dtype = CONDITIONS[text]
    numbers = NUMBERS[type(dtype)]
    some = st.lists(st.one_of(st.none(), st.sampled_from(numbers)), max_size=4)
    frame = pl.DataFrame({"x": pl.Series(data.draw(some), dtype=dtype)})
    check = check_of(text)

    found = keeps([check], frame)

    assert check.bounds is not None
    assert found is (frame.select(check.condition.all(ignore_nulls=False)).item() is True)


@pytest.mark.parametrize(
    "text", ["x >= 0 AND y >= 0", "x IS NULL OR y >= 0", "x >= 0 OR x < -5", "x <> 3", "y - x = 0"]
)
def test_what_says_more_than_bounds_is_asked_as_it_stands(text: str):
    check = check_of(text)

    assert check.bounds is None
    assert keeps([check], pl.DataFrame({"x": [1, 2], "y": [1, 2]}))
    assert not keeps([check], pl.DataFrame({"x": [3, -1], "y": [-1, 3]}))


def test_every_declared_condition_is_one_of_bounds(tmp_path: Path):
    lake = created(Lake(str(tmp_path)))
    told = [lake.held(name).open().metadata().configuration for name in declared.names()]
    texts = {t for of_table in told for n, t in of_table.items() if "constraints" in n}

    assert len(texts) > 200
    assert [text for text in texts if check_of(text).bounds is None] == []
