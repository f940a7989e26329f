"""When landed rows count from: grid points in the live day, their own times in history."""

import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants


def counting_from(rows: pl.DataFrame) -> Int64Array:
    """When rows count from, microseconds: their grid `point` where they carry one.

    In the live day a late row counts after its own time; in history a row counts from its time.
    """
    return rows["point"].to_numpy() if "point" in rows.columns else instants(rows["event_time"])
