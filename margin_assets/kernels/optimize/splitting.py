"""What a node of branch and bound is split on: the column or sum that costs most either way."""

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.optimize.program import Program
from margin_assets.kernels.optimize.rounding import is_fraction
from margin_assets.kernels.optimize.simplex import Table, Tableau

CLOSED = -1
"""No split: every column is whole, or nothing better lies below."""
_SMALL = 1e-9


@inner(**BORROWS)
def _score(table: Table, row: FloatArray, value: float, width: int) -> float:
    """What branching on a row's variable costs at the least, both sides together.

    Source: Tomlin, Operations Research 19 (1971), penalties from the first dual pivot.
    """
    part = value - np.floor(value)
    down = up = 1.0
    for j in range(width):
        entry = row[j]
        if entry > _SMALL:
            down = min(down, -table[0, j] * part / entry)
        elif entry < -_SMALL:
            up = min(up, table[0, j] * (1.0 - part) / entry)
    # Sides that cost nothing leave the choice to the other side, then to the larger fraction.
    return (min(down, up) + _SMALL) * (max(down, up) + _SMALL) * (1.0 + min(part, 1.0 - part))


@inner(**BORROWS)
def _sum_row(program: Program, tableau: Tableau, height: int, part: int, row: FloatArray) -> float:
    """Writes the tableau row of a sum of columns and returns its value."""
    table, ids, _ = tableau
    columns = len(program.saving)
    value = 0.0
    for j in range(columns):
        v = ids[j]
        row[j] = -1.0 if v < columns and program.part_of[v] == part else 0.0
    for i in range(1, height):
        v = ids[columns + i - 1]
        if v < columns and program.part_of[v] == part:
            value += table[i, columns]
            for j in range(columns):
                row[j] += table[i, j]
    return value


@inner(**BORROWS)
def choose_split(
    program: Program, tableau: Tableau, height: int, row: FloatArray
) -> tuple[int, float]:
    """Column or sum to branch on, and its value; `CLOSED` if every column is whole."""
    table, ids, _ = tableau
    columns = len(program.saving)
    split, value, most = CLOSED, 0.0, 0.0
    for i in range(1, height):
        v = ids[columns + i - 1]
        if v < program.whole and is_fraction(table[i, columns]):
            score = _score(table, table[i], table[i, columns], columns)
            if score > most:
                split, value, most = v, table[i, columns], score
    if split == CLOSED:
        return split, value
    for part in range(program.sums):
        total = _sum_row(program, tableau, height, part, row)
        if is_fraction(total):
            score = _score(table, row, total, columns)
            if score > most:
                split, value, most = columns + part, total, score
    return split, value
