"""Linear programs small enough to hold densely, and the scales of their numbers."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int32Array, Int64Array, Int64Table
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner

NO_LOSS = -1


class Program(NamedTuple):
    """Maximise saving·x over whole x >= 0 with rows·x <= bound.

    A loss is a column that costs 1 and relaxes the rows which name it by 1: it is as large as
    they need. No bound of the program as it is posed is negative: x = 0 is feasible, saving 0.
    """

    saving: Int64Array
    most: Int64Array
    """Largest count of each column."""
    part_of: Int32Array
    """Sum of columns that the column is part of, -1 for none."""
    sums: int
    whole: int
    """Columns before the losses, which come last."""
    rows: Int64Table
    bound: Int64Array
    loss_of: Int32Array
    """Column of the loss that relaxes the row, `NO_LOSS` for a hard row."""


class Scales(NamedTuple):
    """Powers of two that bring amounts of money near 1: of the savings, of each row and column."""

    saving: float
    row: FloatArray
    column: FloatArray


@inner(**BORROWS)
def _power_above(amount: int) -> float:
    scale = 1.0
    while scale < amount:
        scale *= 2.0
    return scale


@inner(**OWNS)
def scales_of(program: Program, room: int) -> Scales:
    """Scales of a program, with room for rows that are still to come."""
    columns = len(program.saving)
    row, column = np.ones(room), np.ones(columns)
    largest = 1
    for j in range(columns):
        largest = max(largest, abs(program.saving[j]))
    for r in range(len(program.bound)):
        loss = program.loss_of[r]
        if loss != NO_LOSS:
            for j in range(columns):
                size = abs(program.rows[r, j])
                if size > column[loss]:
                    column[loss] = _power_above(size)
    for r in range(len(program.bound)):
        if program.loss_of[r] != NO_LOSS:
            row[r] = column[program.loss_of[r]]
    return Scales(_power_above(largest), row, column)
