"""Landed prices as arrays, made once a cycle and cut by grid point."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants, to_scaled
from margin_assets.live.state.names import Names


class Ticks(NamedTuple):
    """Prices in order of application."""

    place: Int64Array
    """Place of the symbol."""
    time: Int64Array
    """Event time, microseconds."""
    price: Int64Array
    """Micro-dollars."""


def ticks_of(prices: pl.DataFrame, symbols: Names) -> Ticks:
    """The prices of a frame, in its order; all symbols must be known."""
    return Ticks(
        symbols.places(prices["symbol"]),
        instants(prices["event_time"]),
        to_scaled(prices["price"]),
    )


def by_point(prices: pl.DataFrame, symbols: Names) -> dict[int, Ticks]:
    """The prices of each grid point; the frame is sorted by `point`."""
    ticks = ticks_of(prices, symbols)
    points, first = np.unique(prices["point"].to_numpy(), return_index=True)
    ends = np.append(first[1:], prices.height)
    return {
        int(point): Ticks._make(column[start:end] for column in ticks)
        for point, start, end in zip(points, first, ends, strict=True)
    }


def rows_by_point(frame: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """The rows of each grid point, in their order."""
    parts = frame.partition_by("point", as_dict=True, maintain_order=True)
    return {int(str(key[0])): part for key, part in parts.items()}


def points_of(part: Mapping[int, object]) -> Int64Array:
    """Grid points of a feed cut by them."""
    return np.array(list(part), dtype=np.int64)
