"""The tableau of a linear program, its pivots, and a proof of its bound.

Doubles only propose. What they propose is checked in int64, and a bound is computed afresh from
the integers of the program, the error of its own rounding added.
"""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int32Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.optimize.program import Program, Scales

Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]
_GAIN = 1e-13  # a gain below it, on a scale of 1, is noise
_ENTRY = 1e-8  # nothing smaller is pivoted on
_BELOW = 1e-9  # a bound this little below 0 is 0
_TIE = 1e-9
_EPSILON = 2.220446049250313e-16


class Tableau(NamedTuple):
    """Savings in row 0, then the rows, and room for more; bounds in the last column."""

    table: Table
    ids: Int32Array
    """Variable of each column, then of each row: a column of the program, or a slack after them."""
    scales: Scales


@inner(**BORROWS)
def lay_out(program: Program, tableau: Tableau) -> None:
    """Enters a program as it is posed: every slack is basic."""
    table, _, scales = tableau
    columns = len(program.saving)
    for j in range(columns):
        table[0, j] = program.saving[j] * scales.column[j] / scales.saving
    table[0, columns] = 0.0
    for r in range(len(program.bound)):
        for j in range(columns):
            table[r + 1, j] = program.rows[r, j] * scales.column[j] / scales.row[r]
        table[r + 1, columns] = program.bound[r] / scales.row[r]


@inner(**BORROWS)
def _pivot(tableau: Tableau, height: int, r: int, s: int) -> None:
    """Exchanges the variable of row r with that of column s."""
    table, ids, _ = tableau
    width = table.shape[1] - 1
    chosen = table[r]
    inverse = 1.0 / chosen[s]
    for j in range(width + 1):
        chosen[j] *= inverse
    chosen[s] = inverse
    for i in range(height):
        row = table[i]
        factor = row[s]
        if i == r or factor == 0.0:
            continue
        row[s] = 0.0
        for j in range(width + 1):
            row[j] -= factor * chosen[j]
    leaving = ids[width + r - 1]
    ids[width + r - 1] = ids[s]
    ids[s] = leaving


@inner(**BORROWS)
def _entering(tableau: Tableau, is_stalled: bool) -> int:
    """Column that gains most, the first that gains once stalled; -1 when none does."""
    table, ids, _ = tableau
    s = -1
    for j in range(table.shape[1] - 1):
        gain = table[0, j]
        if gain > _GAIN and (s < 0 or (ids[j] < ids[s] if is_stalled else gain > table[0, s])):
            s = j
    return s


@inner(**BORROWS)
def _leaving(tableau: Tableau, height: int, s: int, is_stalled: bool) -> tuple[int, float]:
    """Row that limits column s and how far it lets it go; of ties the largest entry."""
    table, ids, _ = tableau
    width = table.shape[1] - 1
    r, least = 0, np.inf
    for i in range(1, height):
        entry = table[i, s]
        if entry <= _ENTRY:
            continue
        ratio = max(table[i, width], 0.0) / entry
        if r == 0 or ratio < least - _TIE:
            r, least = i, ratio
        elif ratio <= least + _TIE:
            least = min(least, ratio)
            is_first = ids[width + i - 1] < ids[width + r - 1]
            if is_first if is_stalled else entry > table[r, s]:
                r = i
    return r, least


@inner(**BORROWS)
def primal(tableau: Tableau, height: int, work: int) -> int:
    """Pivots until nothing gains. The multiply-adds left of `work`: none if it stopped before.

    After as many pivots without progress as there are rows, the first variable is taken wherever
    there is a choice (Bland), so that no basis comes twice.
    """
    stalled = 0
    while work > 0:
        s = _entering(tableau, stalled > height)
        if s < 0:
            return work
        r, ratio = _leaving(tableau, height, s, stalled > height)
        if r == 0:
            return 0
        stalled = stalled + 1 if ratio < _TIE else 0
        _pivot(tableau, height, r, s)
        work -= height * tableau.table.shape[1]
    return 0


@inner(**BORROWS)
def _broken_row(tableau: Tableau, height: int, is_stalled: bool) -> int:
    table, ids, _ = tableau
    width = table.shape[1] - 1
    r = 0
    for i in range(1, height):
        value = table[i, width]
        if value < -_BELOW:
            is_first = ids[width + i - 1] < ids[width + r - 1]
            if r == 0 or (is_first if is_stalled else value < table[r, width]):
                r = i
    return r


@inner(**BORROWS)
def _mending_column(tableau: Tableau, r: int, is_stalled: bool) -> tuple[int, float]:
    table, ids, _ = tableau
    s, least = -1, np.inf
    for j in range(table.shape[1] - 1):
        entry = table[r, j]
        if entry >= -_ENTRY:
            continue
        ratio = min(table[0, j], 0.0) / entry
        if s < 0 or ratio < least - _GAIN:
            s, least = j, ratio
        elif ratio <= least + _GAIN:
            least = min(least, ratio)
            if ids[j] < ids[s] if is_stalled else entry < table[r, s]:
                s = j
    return s, least


@inner(**BORROWS)
def dual(tableau: Tableau, height: int, work: int) -> tuple[int, int]:
    """Pivots until no bound is negative: the work left, and the row that cannot be met or 0."""
    stalled = 0
    while work > 0:
        r = _broken_row(tableau, height, stalled > height)
        if r == 0:
            return work, 0
        s, ratio = _mending_column(tableau, r, stalled > height)
        if s < 0:
            return work, r
        stalled = stalled + 1 if ratio < _GAIN else 0
        _pivot(tableau, height, r, s)
        work -= height * tableau.table.shape[1]
    return 0, 0


@inner(**BORROWS)
def add_row(program: Program, tableau: Tableau, count: int) -> None:
    """Enters row `count` of the program into a tableau that has room for it."""
    table, ids, scales = tableau
    columns = len(program.saving)
    row, scale = table[count + 1], scales.row[count]
    for j in range(columns):
        v = ids[j]
        row[j] = program.rows[count, v] * scales.column[v] / scale if v < columns else 0.0
    row[columns] = program.bound[count] / scale
    for i in range(1, count + 1):
        v = ids[columns + i - 1]
        if v < columns and program.rows[count, v] != 0:
            factor = program.rows[count, v] * scales.column[v] / scale
            for j in range(columns + 1):
                row[j] -= factor * table[i, j]
    ids[columns + count] = columns + count


@inner(**OWNS)
def _prices(program: Program, tableau: Tableau, count: int, ray: int, aim: float) -> FloatArray:
    """What the tableau says a unit of each row's bound saves; none is negative.

    Where row `ray` cannot be met, enough of it is added to take the bound below `aim`.
    """
    table, ids, scales = tableau
    columns = len(program.saving)
    prices = np.zeros(count)
    weight = 0.0
    if ray > 0:
        short = max(-table[ray, columns], _BELOW)
        weight = (abs(aim) / scales.saving + 1.0 + abs(table[0, columns])) / short
        r = ids[columns + ray - 1] - columns
        if r >= 0:
            prices[r] = weight * scales.saving / scales.row[r]
    for j in range(columns):
        r = ids[j] - columns
        if r >= 0:
            price = weight * table[ray, j] - table[0, j]
            prices[r] = max(price, 0.0) * scales.saving / scales.row[r]
    return prices


@inner(**OWNS)
def proven_bound(program: Program, tableau: Tableau, count: int, ray: int, aim: float) -> float:
    """Saving that no counts exceed that meet the first `count` rows of the program.

    For any prices p >= 0 of the rows: saving·x <= p·bound + (saving - p·rows)·x, and the last
    term is at most what its positive parts come to at the largest counts.
    """
    columns = len(program.saving)
    prices = _prices(program, tableau, count, ray, aim)
    rest, size = np.empty(columns), np.empty(columns)
    for j in range(columns):
        rest[j] = program.saving[j]
        size[j] = abs(rest[j])
    total = gross = 0.0
    for r in range(count):
        price = prices[r]
        if price != 0.0:
            total += price * program.bound[r]
            gross += price * abs(program.bound[r])
            for j in range(columns):
                used = price * program.rows[r, j]
                rest[j] -= used
                size[j] += abs(used)
    for j in range(columns):
        total += max(rest[j], 0.0) * program.most[j]
        gross += size[j] * program.most[j]
    return total + 2.0 * _EPSILON * (count + columns + 2) * gross
