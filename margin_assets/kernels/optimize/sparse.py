"""Whole-number programs by their entries other than 0: what a large one has room for."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import Int32Array, Int64Array
from margin_assets.kernels.optimize.program import Program


class Sparse(NamedTuple):
    """Entries of a program other than 0, row by row."""

    row: Int64Array
    column: Int64Array
    value: Int64Array


class SparseProgram(NamedTuple):
    """A `Program` by its entries, without the sums that only the exact search branches on."""

    saving: Int64Array
    most: Int64Array
    whole: int
    bound: Int64Array
    loss_of: Int32Array
    entries: Sparse


def sparse_of(program: Program) -> SparseProgram:
    """A program by its entries, in order."""
    row, column = np.nonzero(program.rows)
    entries = Sparse(row, column, program.rows[row, column])
    return SparseProgram(
        program.saving, program.most, program.whole, program.bound, program.loss_of, entries
    )
