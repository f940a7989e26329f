import polars as pl
import pytest

from margin_assets.kernels.book.multipliers import traded_multiplier
from margin_assets.kernels.numeric.money import PPM

Version = tuple[str, int, int, int]
"""Symbol, the point it counts from, event time, multiplier."""


def multipliers(versions: list[Version], *traded: tuple[str, int]) -> list[int]:
    names = {"symbol": pl.String, "point": pl.Int64, "event_time": pl.Int64, "multiplier": pl.Int64}
    stated = pl.DataFrame(versions, schema=names, orient="row")
    scaled = stated.with_columns(pl.col("multiplier") * 1_000_000, leverage=pl.lit(PPM))
    effects = pl.DataFrame(traded, schema={"symbol": pl.String, "traded": pl.Int64}, orient="row")
    return [found // 1_000_000 for found in traded_multiplier(effects, scaled).tolist()]


@pytest.mark.parametrize(
    ("versions", "traded", "expected"),
    [
        pytest.param([], [1], [1], id="no row ever: single units"),
        pytest.param([("X", 5, 5, 100)], [5, 9], [100, 100], id="from its point on"),
        pytest.param([("X", 5, 5, 100), ("X", 8, 8, 10)], [4], [100], id="before: the first known"),
        pytest.param(
            [("X", 5, 5, 100), ("X", 8, 8, 10)],
            [9, 7, 8, 5],
            [10, 100, 10, 100],
            id="in the order asked, whatever it is",
        ),
        pytest.param(
            [("X", 8, 6, 10), ("X", 5, 5, 100)], [7, 8], [100, 10], id="a late row counts late"
        ),
        pytest.param(
            [("X", 5, 5, 100), ("X", 8, 4, 10)], [8], [100], id="an older one never counts"
        ),
        pytest.param(
            [("X", 5, 5, 100), ("X", 5, 5, 10)], [5], [10], id="of two at one time the later landed"
        ),
        pytest.param([("Y", 1, 1, 100)], [5], [1], id="another symbol's"),
    ],
)
def test_traded_multiplier(versions: list[Version], traded: list[int], expected: list[int]):
    assert multipliers(versions, *(("X", point) for point in traded)) == expected
