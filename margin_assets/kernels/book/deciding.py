"""What decides an option that has ended: the value that its underlying is settled by, once known.

It stands beside the columns of `positions`, from the close of the last trading day until the rule
settles what nobody reported. Null: not known yet, or of what has not ended.
"""

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_decimal, to_scaled

DECIDING = "settlement_value"
"""USD a unit of the underlying, in units of today."""
UNDECIDED = -1


def with_values(frame: pl.DataFrame, values: Int64Array) -> pl.DataFrame:
    """A frame with the values of its rows, micro-dollars; negative where none is known."""
    known = to_decimal(np.maximum(values, 0), 6, values < 0)
    return frame.with_columns(known.alias(DECIDING))


def without_values(positions: pl.DataFrame) -> pl.DataFrame:
    """Positions as the table has them."""
    return positions.drop(DECIDING, strict=False)


def deciding_values(positions: pl.DataFrame, book: Book, series: Series) -> Int64Array | None:
    """Values by place of the series, micro-dollars; `positions` in the order of their book.

    Negative where none is known; None where the frame tells of none.
    """
    if DECIDING not in positions.columns:
        return None
    found = np.full(len(series.price), UNDECIDED, dtype=np.int64)
    told = positions[DECIDING]
    found[book.series] = np.where(told.is_null(), UNDECIDED, to_scaled(told))
    return found
