"""Grid points that landed rows count from."""

from collections.abc import Callable

import numpy as np
import polars as pl

from margin_assets.kernels.book.terms import from_their_dates
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
    is_timed = "event_time" in rows.columns
    times = (rows if is_timed else from_their_dates(rows))["event_time"]
    at = instants(times)
    late = np.zeros(len(at), dtype=np.bool_) if last_point is None else at <= last_point
    point = grid_point(at, interval)
    if last_point is not None:
        point[late] = last_point + interval
    return rows.with_columns(is_late=pl.Series(late), point=pl.Series(point), event_time=times)
