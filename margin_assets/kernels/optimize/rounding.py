"""Whole numbers near a tableau: counts that are feasible, and cuts that only fractions break."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array, Int64Table
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.optimize.program import NO_LOSS, Program
from margin_assets.kernels.optimize.simplex import Tableau, add_row

CUTS = 2
"""Cuts looked for at a time."""
_WHOLE = 1e-6  # a count this close to a whole number is one
_DEEP = 1e-4  # a point less far from a cut is not cut off
_FULL = 1e-9
_FITS = 1.0e18


class Scratch(NamedTuple):
    """The best counts so far, and room for what is tried and cut."""

    counts: Int64Array
    trial: Int64Array
    used: Int64Array
    """What the trial takes of each row beyond its bound, losses aside."""
    losses: Int64Array
    point: FloatArray
    cut: Int64Array
    cuts: Int64Table
    """Cuts found, their bound last."""


@inner(**OWNS)
def scratch_of(program: Program) -> Scratch:
    """Scratch for a program; the best counts are all 0."""
    columns = len(program.saving)
    return Scratch(
        counts=np.zeros(columns, dtype=np.int64),
        trial=np.zeros(columns, dtype=np.int64),
        used=np.zeros(len(program.bound), dtype=np.int64),
        losses=np.zeros(columns - program.whole, dtype=np.int64),
        point=np.zeros(columns),
        cut=np.zeros(columns + 1, dtype=np.int64),
        cuts=np.zeros((CUTS, columns + 1), dtype=np.int64),
    )


@inner(**BORROWS, forceinline=True)
def is_fraction(value: float) -> bool:
    """Whether a value is not a whole number but for rounding."""
    return abs(value - np.floor(value + 0.5)) > _WHOLE


@inner(**BORROWS)
def _use(program: Program, scratch: Scratch) -> None:
    used, counts = scratch.used, scratch.trial
    for r in range(len(used)):
        used[r] = -program.bound[r]
        for j in range(program.whole):
            used[r] += program.rows[r, j] * counts[j]


@inner(**BORROWS)
def _mend(program: Program, scratch: Scratch) -> None:
    """Takes from the last columns what breaks a hard row, until none is broken."""
    used, counts, is_mended = scratch.used, scratch.trial, False
    while not is_mended:
        is_mended = True
        for r in range(len(used)):
            if program.loss_of[r] != NO_LOSS:
                continue
            for j in range(program.whole - 1, -1, -1):
                step = program.rows[r, j]
                if used[r] > 0 and step > 0 and counts[j] > 0:
                    less = min(counts[j], (used[r] + step - 1) // step)
                    counts[j] -= less
                    is_mended = False  # what is taken may be what another row rests on
                    for i in range(len(used)):
                        used[i] -= less * program.rows[i, j]


@inner(**BORROWS)
def _lost(program: Program, scratch: Scratch, j: int, o: int) -> int:
    """Sum of the losses with one more of columns j and o; -1 if that breaks a hard row.

    A column of -1 is none.
    """
    used, losses = scratch.used, scratch.losses
    for k in range(len(losses)):
        losses[k] = 0
    for r in range(len(used)):
        loss, over = program.loss_of[r], used[r]
        over += program.rows[r, j] if j >= 0 else 0
        over += program.rows[r, o] if o >= 0 else 0
        if loss != NO_LOSS:
            losses[loss - program.whole] = max(losses[loss - program.whole], over)
        elif over > 0:
            return -1
    total = 0
    for k in range(len(losses)):
        total += losses[k]
    return total


@inner(**BORROWS)
def _partner(program: Program, scratch: Scratch, j: int) -> tuple[int, int]:
    """Column that keeps column j within the rows and saves most with it; what is lost then."""
    best, least = -1, -1
    for r in range(len(scratch.used)):
        if program.loss_of[r] != NO_LOSS or scratch.used[r] + program.rows[r, j] <= 0:
            continue
        for o in range(program.whole):
            if program.rows[r, o] < 0 and scratch.trial[o] < program.most[o]:
                after = _lost(program, scratch, j, o)
                more = program.saving[o] - after
                if after >= 0 and (best < 0 or more > program.saving[best] - least):
                    best, least = o, after
        break
    return best, least


@inner(**BORROWS)
def _add_on(program: Program, scratch: Scratch) -> int:
    """Adds to the trial while that saves, column by column; what it saves in the end.

    A column that only fits beside another, as the two sides of a spread do, is added with it.
    """
    counts = scratch.trial
    loss = _lost(program, scratch, -1, -1)
    total = -loss
    for j in range(program.whole):
        total += program.saving[j] * counts[j]
    for j in range(program.whole):
        while counts[j] < program.most[j]:
            after, partner = _lost(program, scratch, j, -1), -1
            if after < 0:
                partner, after = _partner(program, scratch, j)
            gain = program.saving[j] + loss - after
            gain += program.saving[partner] if partner >= 0 else 0
            if after < 0 or gain <= 0:
                break
            for more in (j, partner):
                counts[more] += 1 if more >= 0 else 0
                for r in range(len(scratch.used)):
                    scratch.used[r] += program.rows[r, more] if more >= 0 else 0
            total += gain
            loss = after
    return total


@inner(**BORROWS)
def try_whole(program: Program, tableau: Tableau, height: int, best: int, scratch: Scratch) -> int:
    """Counts near the tableau's, kept if they save more than the best. What the best save."""
    table, ids, _ = tableau
    columns, counts = len(program.saving), scratch.trial
    for j in range(columns):
        counts[j] = 0
    for i in range(1, height):
        j = ids[columns + i - 1]
        if j < program.whole:
            down = np.int64(np.floor(max(table[i, columns], 0.0) + _WHOLE))
            counts[j] = min(down, program.most[j])
    _use(program, scratch)
    _mend(program, scratch)
    if _lost(program, scratch, -1, -1) < 0:
        return best
    value = _add_on(program, scratch)
    if value <= best:
        return best
    for j in range(columns):
        scratch.counts[j] = counts[j]
    return value


@inner(**BORROWS)
def locate(program: Program, tableau: Tableau, height: int, scratch: Scratch) -> None:
    """Takes the columns' values from the tableau."""
    table, ids, scales = tableau
    columns, point = len(program.saving), scratch.point
    for j in range(columns):
        point[j] = 0.0
    for i in range(1, height):
        v = ids[columns + i - 1]
        if v < columns:
            point[v] = max(table[i, columns], 0.0) * scales.column[v]


@inner(**BORROWS)
def _fits(program: Program, r: int, divisor: int) -> bool:
    size = abs(float(program.bound[r]))
    for j in range(program.whole):
        size += (abs(float(program.rows[r, j])) + divisor) * program.most[j]
    return size < _FITS


@inner(**BORROWS)
def _round_row(program: Program, r: int, divisor: int, scratch: Scratch) -> None:
    """Mixed integer rounding of row r, columns past their middle counted from the top.

    Whole counts that meet the row meet what is left in `cut`. Source: Marchand and Wolsey,
    Operations Research 49 (2001), section 2, multiplied out so that it stays in integers.
    """
    point, cut, columns = scratch.point, scratch.cut, len(program.saving)
    bound = program.bound[r]
    for j in range(program.whole):
        if 2.0 * point[j] > program.most[j]:
            bound -= program.rows[r, j] * program.most[j]
    part = bound % divisor
    rest = divisor - part
    total = bound // divisor * rest
    for j in range(program.whole):
        is_upper = 2.0 * point[j] > program.most[j]
        entry = -program.rows[r, j] if is_upper else program.rows[r, j]
        rounded = entry // divisor * rest + max(entry % divisor - part, 0)
        cut[j] = -rounded if is_upper else rounded
        if is_upper:
            total -= rounded * program.most[j]
    for j in range(program.whole, columns):
        cut[j] = program.rows[r, j]
    cut[columns] = total


@inner(**BORROWS)
def _depth(scratch: Scratch) -> float:
    """How far the point is from meeting the cut, as a distance."""
    point, cut = scratch.point, scratch.cut
    over, square = -float(cut[len(point)]), 1.0
    for j in range(len(point)):
        over += cut[j] * point[j]
        square += float(cut[j]) * cut[j]
    return over / np.sqrt(square)


@inner(**BORROWS)
def _cut_by_row(program: Program, r: int, found: int, scratch: Scratch) -> bool:
    """Whether rounding row r cuts the point off; the deepest such cut is kept."""
    deepest, is_cut = _DEEP, False
    for j in range(program.whole):
        divisor = abs(program.rows[r, j])
        if divisor < 2 or not is_fraction(scratch.point[j]) or not _fits(program, r, divisor):
            continue
        _round_row(program, r, divisor, scratch)
        depth = _depth(scratch)
        if depth > deepest:
            deepest, is_cut = depth, True
            for v in range(len(scratch.cut)):
                scratch.cuts[found, v] = scratch.cut[v]
    return is_cut


@inner(**BORROWS)
def separate(program: Program, scratch: Scratch) -> int:
    """Finds cuts of the point from the rows that carry a loss and are full; how many."""
    found = 0
    for r in range(len(scratch.used)):
        if program.loss_of[r] == NO_LOSS or found == CUTS:
            continue
        over, size = -float(program.bound[r]), abs(float(program.bound[r]))
        for j in range(len(scratch.point)):
            used = program.rows[r, j] * scratch.point[j]
            over += used
            size += abs(used)
        if over >= -_FULL * size and _cut_by_row(program, r, found, scratch):
            found += 1
    return found


@inner(**BORROWS)
def append_cut(program: Program, tableau: Tableau, count: int, cut: Int64Array) -> None:
    """Enters a cut as row `count` of the program and of the tableau."""
    columns, scales = len(program.saving), tableau.scales
    scales.row[count] = 1.0
    for j in range(columns):
        program.rows[count, j] = cut[j]
        if j >= program.whole and cut[j] != 0:
            scales.row[count] = scales.column[j]
    program.bound[count] = cut[columns]
    add_row(program, tableau, count)
