"""The grid points at which rows of sealed cycles counted, worked out again from what is stored."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants, whole
from margin_assets.kernels.rules.grid import grid_point, rules_at

Ends = Callable[[Iterable[int]], Mapping[int, datetime | None]]
"""Last grid point by the end of each of some cycles; `Ledger.ends`."""


def sealed_points(rows: pl.DataFrame, ends: Ends) -> Int64Array:
    """Grid point that each row counts from, in microseconds: what `with_points` once gave it.

    Rows of one landed table, with the event time, cycle and lateness that were stored.
    """
    if rows.is_empty():
        return np.empty(0, dtype=np.int64)
    before = rows["cycle"] - 1
    known = ends(before.unique().to_list())
    cycles = pl.DataFrame(
        {"cycle": list(known), "last": pl.Series(list(known.values()), dtype=_INSTANT)},
        schema_overrides={"cycle": pl.Int64},
    )
    joined = before.to_frame("cycle").join(
        cycles, on="cycle", how="left", maintain_order="left", validate="m:1"
    )
    # Before anything was evaluated nothing is late, and the rules are those of the first day.
    last = whole(joined["last"], 0)
    interval = _intervals(last)
    point: Int64Array = grid_point(instants(rows["event_time"]), interval)
    return np.where(rows["is_late"].to_numpy(), last + interval, point)


def _intervals(last: Int64Array) -> Int64Array:
    """Grid interval by the rules of each last point, microseconds."""
    distinct, place = np.unique(last, return_inverse=True)
    found = [rules_at(int(at)).grid_interval for at in distinct]
    intervals: Int64Array = np.array(found, dtype=np.int64)[place]
    return intervals


_INSTANT = pl.Datetime("us", "UTC")
