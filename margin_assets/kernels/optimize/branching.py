"""The most that whole numbers save: branch and bound over a linear program, each leaf proven.

Depth first, the nearer side first, on single columns and on sums of them; nodes near the root are
cut. The work is counted, so that the same program always ends in the same place.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import FloatArray, Int32Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.optimize.program import Program, scales_of
from margin_assets.kernels.optimize.rounding import (
    CUTS,
    Scratch,
    append_cut,
    locate,
    scratch_of,
    separate,
    try_whole,
)
from margin_assets.kernels.optimize.simplex import (
    Tableau,
    add_row,
    dual,
    lay_out,
    primal,
    proven_bound,
)
from margin_assets.kernels.optimize.splitting import CLOSED, choose_split

_LEVELS = 100  # nodes one below another
_CUT_LEVELS = 20
_ROUNDS = 2
_NOISE = 0.5  # savings are whole numbers: what a tableau gains below it is its own rounding


class Answer(NamedTuple):
    """Counts of the columns, what they save, and what a better answer could save on top."""

    counts: Int64Array
    saving: int
    gap: float
    """Below 1 where the answer is the best there is: savings are whole numbers."""
    nodes: int


class Levels(NamedTuple):
    """The way from the root to the node that is looked at, one entry a level."""

    split: Int64Array
    """What is branched on: a column or, counted after the columns, a sum of some."""
    floor: Int64Array
    sides: Int64Array
    """Sides already taken."""
    rows: Int64Array
    """Rows of the program."""
    is_upward: npt.NDArray[np.bool_]
    """Whether the upper side is taken first."""
    ceiling: FloatArray
    """Saving that nothing below exceeds."""


class Node(NamedTuple):
    """A node looked at: its rows, its ceiling, and what to branch on, or that it is closed."""

    rows: int
    ceiling: float
    split: int
    value: float
    best: int
    work: int


@inner(**BORROWS)
def _cut(program: Program, tableau: Tableau, count: int, scratch: Scratch) -> int:
    """Adds cuts of the tableau's point; the rows there are then."""
    locate(program, tableau, count + 1, scratch)
    found = separate(program, scratch)
    for c in range(found):
        append_cut(program, tableau, count + c, scratch.cuts[c])
    return count + found


@inner(**BORROWS)
def _proposed(tableau: Tableau) -> float:
    """What the tableau's point saves, as doubles have it."""
    return -tableau.table[0, tableau.table.shape[1] - 1] * tableau.scales.saving


@inner(**BORROWS)
def _explore(program: Program, tableau: Tableau, node: Node, rounds: int, scratch: Scratch) -> Node:
    """Solves a node's linear program and cuts it; what is known of the node then."""
    rows, ceiling, best, work = node.rows, node.ceiling, node.best, node.work
    while True:
        work, ray = dual(tableau, rows + 1, work)
        if ray == 0:
            work = primal(tableau, rows + 1, work)
            best = try_whole(program, tableau, rows + 1, best, scratch)
        bound = proven_bound(program, tableau, rows, ray, float(best))
        ceiling = min(ceiling, bound)
        hope = _proposed(tableau) - best
        if ray > 0 or work <= 0 or ceiling - best < 1.0 or hope < _NOISE:
            return Node(rows, ceiling, CLOSED, 0.0, best, work)
        split, value = choose_split(program, tableau, rows + 1, scratch.point)
        if split == CLOSED or rounds == 0:
            return Node(rows, ceiling, split, value, best, work)
        rounds -= 1
        before = rows
        rows = _cut(program, tableau, rows, scratch)
        if rows == before:
            return Node(rows, ceiling, split, value, best, work)


@inner(**BORROWS)
def _enter(levels: Levels, level: int, node: Node) -> None:
    """Makes an open node a level of its own."""
    levels.split[level] = node.split
    levels.floor[level] = np.int64(np.floor(node.value))
    levels.sides[level] = 0
    levels.rows[level] = node.rows
    levels.is_upward[level] = node.value - np.floor(node.value) > 0.5
    levels.ceiling[level] = node.ceiling


@inner(**BORROWS)
def _descend(program: Program, levels: Levels, level: int, parent: Tableau, child: Tableau) -> None:
    """Copies a level's tableau and adds the row that takes its split to the next side."""
    columns, count = len(program.saving), levels.rows[level]
    for i in range(count + 1):
        for j in range(columns + 1):
            child.table[i, j] = parent.table[i, j]
    for i in range(columns + count):
        child.ids[i] = parent.ids[i]
    split, floor = levels.split[level], levels.floor[level]
    is_up = levels.is_upward[level] == (levels.sides[level] == 0)
    sign = -1 if is_up else 1
    for j in range(columns):
        is_in = j == split or (split >= columns and program.part_of[j] == split - columns)
        program.rows[count, j] = sign if is_in else 0
    program.bound[count] = -floor - 1 if is_up else floor
    child.scales.row[count] = 1.0
    levels.sides[level] += 1
    add_row(program, child, count)


@inner(**OWNS)
def _with_room(program: Program, room: int) -> Program:
    """The program with room for the rows that the search adds."""
    count = len(program.bound)
    rows = np.empty((room, len(program.saving)), dtype=np.int64)
    bound = np.empty(room, dtype=np.int64)
    for r in range(count):
        bound[r] = program.bound[r]
        for j in range(len(program.saving)):
            rows[r, j] = program.rows[r, j]
    return Program(
        program.saving,
        program.most,
        program.part_of,
        program.sums,
        program.whole,
        rows,
        bound,
        program.loss_of,
    )


@inner(**OWNS)
def _levels() -> Levels:
    numbers = np.zeros((4, _LEVELS), dtype=np.int64)
    return Levels(
        split=numbers[0],
        floor=numbers[1],
        sides=numbers[2],
        rows=numbers[3],
        is_upward=np.zeros(_LEVELS, dtype=np.bool_),
        ceiling=np.zeros(_LEVELS),
    )


@inner(**OWNS)
def _roomier(ids: Int32Array, room: int) -> Int32Array:
    # Assigning a slice would compile what names the shapes where they do not fit.
    found = np.empty(room, dtype=np.int32)
    for j in range(len(ids)):
        found[j] = ids[j]
    return found


@inner(**OWNS)
def _search(  # noqa: PLR0915 (one loop over the tree: its parts share every number)
    posed: Program, solved: Tableau, root: Node, scratch: Scratch
) -> tuple[int, float, int]:
    """Explores below the root: the best saving, what may be missed, and the nodes looked at."""
    originals, width = len(posed.bound), len(posed.saving) + 1
    cuts = CUTS * _ROUNDS
    program = _with_room(posed, originals + (cuts + 1) * _CUT_LEVELS + _LEVELS)
    scales = scales_of(posed, len(program.bound))
    levels = _levels()
    tables, order = [np.empty((originals + cuts + 1, width))], [np.empty(0, dtype=np.int32)]
    for i in range(originals + 1):
        for j in range(width):
            tables[0][i, j] = solved.table[i, j]
    order[0] = _roomier(solved.ids, width + originals + cuts)
    child = Tableau(tables[0], order[0], scales)
    node = _explore(program, child, root, np.int64(_ROUNDS), scratch)
    best, work, nodes, gap, level = node.best, node.work, 1, 0.0, -1
    while True:
        if node.split == CLOSED or level + 1 == _LEVELS:
            if node.ceiling - best >= 1.0:
                gap = max(gap, node.ceiling)
        else:
            level += 1
            _enter(levels, level, node)
        while level >= 0 and (
            levels.sides[level] == 2 or levels.ceiling[level] - best < 1.0 or work <= 0
        ):
            if work <= 0 and levels.sides[level] < 2:
                gap = max(gap, levels.ceiling[level])
            level -= 1
        if level < 0:
            return best, max(gap - best, 0.0), nodes
        if len(tables) == level + 1:
            more = originals + (cuts + 1) * min(level + 1, _CUT_LEVELS) + level + 2 + cuts
            tables.append(np.empty((more, width)))
            order.append(np.empty(width + more, dtype=np.int32))
        parent = Tableau(tables[level], order[level], scales)
        child = Tableau(tables[level + 1], order[level + 1], scales)
        _descend(program, levels, level, parent, child)
        start = Node(levels.rows[level] + 1, levels.ceiling[level], CLOSED, 0.0, best, work)
        rounds = _ROUNDS if level + 1 < _CUT_LEVELS else 0
        node = _explore(program, child, start, rounds, scratch)
        best, work, nodes = node.best, node.work, nodes + 1


@inner(**OWNS)
def most_saving(program: Program, work: int) -> Answer:
    """Counts that save most within a number of multiply-adds, and how far that is proven.

    Of counts that save the same, those that the search meets first: it goes by the order of the
    columns and takes nothing in that saves nothing.
    """
    columns, rows = len(program.saving), len(program.bound)
    scratch = scratch_of(program)
    if columns == 0:
        return Answer(scratch.counts, 0, 0.0, 0)
    ids = np.arange(columns + rows).astype(np.int32)
    tableau = Tableau(np.empty((rows + 1, columns + 1)), ids, scales_of(program, rows))
    lay_out(program, tableau)
    work = primal(tableau, rows + 1, work)
    best = try_whole(program, tableau, rows + 1, np.int64(0), scratch)
    ceiling = proven_bound(program, tableau, rows, np.int64(0), 0.0)
    hope = _proposed(tableau) - best
    if ceiling - best < 1.0 or hope < _NOISE or work <= 0:
        return Answer(scratch.counts, best, max(ceiling - best, 0.0), 1)
    root = Node(rows, ceiling, CLOSED, 0.0, best, work)
    best, gap, nodes = _search(program, tableau, root, scratch)
    return Answer(scratch.counts, best, gap, nodes)
