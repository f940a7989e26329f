"""Grid points that landed rows count from."""

from collections.abc import Callable

import numpy as np
import polars as pl

from margin_assets.kernels.book.terms import day_column, first_instant
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rules.grid import grid_point

PointsOf = Callable[[pl.DataFrame], Int64Array]
"""Grid points that rows of sealed cycles count from."""


def with_points(rows: pl.DataFrame, last_point: int | None, interval: int) -> pl.DataFrame:
    """Rows with the grid `point` they count from and whether they are late.

    A row counts at the first grid point at or after its event time; a late one, whose time is
    at or before the last evaluated point, from the next point on.
    """
    times = times_of(rows)
    at = instants(times)
    late = np.zeros(len(at), dtype=np.bool_) if last_point is None else at <= last_point
    point = grid_point(at, interval)
    if last_point is not None:
        point[late] = last_point + interval
    return rows.with_columns(is_late=pl.Series(late), point=pl.Series(point), event_time=times)


def times_of(rows: pl.DataFrame) -> pl.Series:
    """When landed rows happened; rows of a day begin with it in New York."""
    for name in ("event_time", "as_of"):
        if isinstance(rows.schema.get(name), pl.Datetime):
            return rows[name].alias("event_time")
    return first_instant(rows[day_column(rows.columns)])
