"""Sums that may leave the range of an integer, and stay exact."""

from decimal import Decimal

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import BEYOND, bounded, to_decimal


def add_exactly(
    sums: Int64Array,
    place: Int64Array,
    amounts: Int64Array,
    names: Int64Array,
    beyond: dict[int, int],
) -> None:
    """Adds amounts to the sums at their places, never past the end of an integer.

    A sum too large for its array is kept in `beyond` under its name, and comes back from there.
    """
    largest = np.abs(sums[place]).max(initial=0) + np.abs(amounts).astype(np.float64).sum()
    if largest < BEYOND:
        np.add.at(sums, place, amounts)
        return
    for at, amount, name in zip(place.tolist(), amounts.tolist(), names.tolist(), strict=True):
        exact = beyond.pop(name, int(sums[at])) + amount
        sums[at] = min(max(exact, -BEYOND), BEYOND)
        if abs(exact) >= BEYOND:
            beyond[name] = exact


def split(series: pl.Series) -> tuple[Int64Array, dict[int, int]]:
    """Scaled integers, and by row the exact ones that do not fit."""
    exact = series.to_physical()
    beyond = (exact.abs() >= BEYOND).arg_true()
    pairs = zip(beyond.to_list(), exact.gather(beyond).to_list(), strict=True)
    return bounded(series, BEYOND), {row: int(value) for row, value in pairs}


def joined(values: Int64Array, scale: int, names: Int64Array, beyond: dict[int, int]) -> pl.Series:
    """Scaled integers as decimals, those that do not fit from their exact sums."""
    series = to_decimal(values, scale)
    for row in np.flatnonzero(np.abs(values) >= BEYOND) if beyond else ():
        series = series.scatter(int(row), Decimal(beyond[int(names[row])]).scaleb(-scale))
    return series
