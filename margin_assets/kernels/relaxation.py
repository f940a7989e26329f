"""Whole-number programs too large for a dense tableau: a sparse relaxation, and dives into it.

The linear program is HiGHS's (Huangfu and Hall, Mathematical Programming Computation 10, 2018),
serial and with its work counted in pivots, so that the same program always ends in the same place.
Its doubles only propose: counts are checked and valued in int64, and the bound is computed afresh
from the integers of the program.
"""

from typing import Any, NamedTuple

import highspy
import numpy as np
import numpy.typing as npt

from margin_assets.kernels.simplex import NO_LOSS, FloatArray, Int64Array, Program

NODES = 40
"""Linear programs that one dive looks at."""
PIVOTS = 40_000
_SCALE = 1e-6  # the solver counts dollars
_WHOLE = 1e-5
_SHARES = (0.5, 0.25)  # of the fractions that one dive rounds at a time
_FEW = 8
_EPSILON = 2.220446049250313e-16
IntArray = npt.NDArray[np.int64]


class Sparse(NamedTuple):
    """Entries of a program other than 0, row by row."""

    row: IntArray
    column: IntArray
    value: Int64Array


class Whole(NamedTuple):
    """Counts of the columns, what they save, and what no counts exceed."""

    counts: Int64Array
    saving: int
    ceiling: float


def entries_of(program: Program) -> Sparse:
    """The entries of a program, in order."""
    row, column = np.nonzero(program.rows)
    return Sparse(row, column, program.rows[row, column])


def saving_of(program: Program, entries: Sparse, counts: Int64Array) -> int:
    """What whole counts save, losses taken off; -1 if they break a row."""
    used = np.zeros(len(program.bound), dtype=np.int64)
    kept = entries.column < program.whole
    np.add.at(used, entries.row[kept], entries.value[kept] * counts[entries.column[kept]])
    over = used - program.bound
    is_hard = program.loss_of == NO_LOSS
    if (over[is_hard] > 0).any() or (counts < 0).any():
        return -1
    losses = np.zeros(len(program.saving), dtype=np.int64)
    np.maximum.at(losses, program.loss_of[~is_hard], over[~is_hard])
    return int(program.saving[: program.whole] @ counts[: program.whole] - losses.sum())


def bound_of(program: Program, entries: Sparse, prices: FloatArray) -> float:
    """Saving that no counts exceed, by prices of the rows, micro-dollars; none is negative.

    For any prices p >= 0: saving·x <= p·bound + (saving - p·rows)·x, and the last term is at most
    what its positive parts come to at the largest counts.
    """
    used = prices[entries.row] * entries.value
    rest = program.saving - np.bincount(entries.column, used, len(program.saving))
    size = np.abs(program.saving) + np.bincount(entries.column, np.abs(used), len(program.saving))
    total = prices @ program.bound + np.maximum(rest, 0.0) @ program.most
    gross = prices @ np.abs(program.bound) + size @ program.most.astype(np.float64)
    return float(total + 2.0 * _EPSILON * (len(prices) + len(rest) + 2) * gross)


class Relaxation:
    """The linear relaxation of a program, solved again and again within changed counts."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.entries = entries_of(program)
        self.pivots = 0
        self._solver = _solver_of(program, self.entries)
        self._columns = np.arange(program.whole, dtype=np.int32)

    def solve(self) -> bool:
        """Solves it; whether it has an answer within the pivots that are left."""
        self._solver.setOptionValue("simplex_iteration_limit", max(PIVOTS - self.pivots, 0))
        self._solver.run()
        self.pivots += self._solver.getInfo().simplex_iteration_count
        return bool(self._solver.getModelStatus() == highspy.HighsModelStatus.kOptimal)

    def within(self, low: FloatArray, high: FloatArray) -> None:
        """Sets the counts between which the next answer is looked for."""
        self._solver.changeColsBounds(len(low), self._columns, low, high)

    @property
    def point(self) -> FloatArray:
        """Counts of the last answer."""
        return np.array(self._solver.getSolution().col_value)[: self.program.whole]

    @property
    def saving(self) -> float:
        """What they save, micro-dollars."""
        return float(self._solver.getInfo().objective_function_value) / _SCALE

    def prices(self) -> FloatArray:
        """What the last answer says a unit of each row's bound saves, micro-dollars."""
        program = self.program
        prices = np.maximum(np.array(self._solver.getSolution().row_dual), 0.0)
        is_loss = program.loss_of != NO_LOSS
        sums = np.bincount(program.loss_of[is_loss], prices[is_loss], len(program.saving))
        prices[is_loss] /= np.maximum(sums, 1.0)[program.loss_of[is_loss]]
        prices[~is_loss] /= _SCALE
        return prices


def _solver_of(program: Program, entries: Sparse) -> Any:
    is_loss = program.loss_of != NO_LOSS
    scale = np.where(is_loss, _SCALE, 1.0)
    is_slack = entries.column >= program.whole
    value = np.where(is_slack, entries.value, entries.value * scale[entries.row])
    cost = program.saving * _SCALE
    cost[program.whole :] = -1.0
    high = program.most.astype(np.float64)
    high[program.whole :] = highspy.kHighsInf
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = len(program.bound), len(cost)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, np.zeros(len(cost)), high
    model.row_lower_ = np.full(len(program.bound), -highspy.kHighsInf)
    model.row_upper_ = program.bound * scale
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.searchsorted(entries.row, np.arange(len(program.bound) + 1))
    model.a_matrix_.index_, model.a_matrix_.value_ = entries.column, value
    solver = highspy.Highs()
    for name, setting in (
        ("output_flag", False),
        ("threads", 1),
        ("parallel", "off"),
        ("solver", "simplex"),
        ("random_seed", 0),
    ):
        solver.setOptionValue(name, setting)
    solver.passModel(model)
    return solver


class _Node(NamedTuple):
    """Counts between which an answer is looked for, and what none of them exceeds."""

    low: FloatArray
    high: FloatArray
    ceiling: float


class Search:
    """Whole counts near the relaxation's, the best kept."""

    def __init__(self, relaxation: Relaxation, enough: float) -> None:
        self.relaxation = relaxation
        self.counts = np.zeros(len(relaxation.program.saving), dtype=np.int64)
        self.best = 0
        self._enough = enough
        self._nodes = 0

    def dive(self, share: float, ceiling: float) -> None:
        """Rounds a share of the fractions at a time, the nearest first; branches on the last."""
        program, left = self.relaxation.program, self._nodes + NODES
        low, high = np.zeros(program.whole), program.most[: program.whole].astype(np.float64)
        while self._nodes < left and self._looks(_Node(low, high, ceiling)):
            point = self.relaxation.point
            part = np.abs(point - np.rint(point))
            open_ = np.flatnonzero(part > _WHOLE)
            if len(open_) <= _FEW:
                self._branch(_Node(low, high, self.relaxation.saving), left)
                return
            chosen = open_[np.argsort(part[open_], kind="stable")]
            chosen = chosen[: max(1, int(len(open_) * share))]
            floor = np.floor(point + _WHOLE)
            is_up = point[chosen] - floor[chosen] > 0.5
            low[chosen[is_up]] = floor[chosen[is_up]] + 1.0
            high[chosen[~is_up]] = floor[chosen[~is_up]]

    def _branch(self, root: _Node, left: int) -> None:
        """Depth first, the nearer side first, where enough may be saved."""
        stack = [root]
        while stack and self._nodes < left:
            node = stack.pop()
            if not self._looks(node):
                continue
            point, program = self.relaxation.point, self.relaxation.program
            trial = np.zeros_like(self.counts)
            trial[: program.whole] = np.rint(point)
            if (np.abs(point - trial[: program.whole]) > _WHOLE).any():
                stack += _sides(program, node, point, self.relaxation.saving)
                continue
            found = saving_of(program, self.relaxation.entries, trial)
            if found > self.best:
                self.counts, self.best = trial, found

    def _looks(self, node: _Node) -> bool:
        """Whether a node may save enough more, by its parent and by its own answer."""
        if node.ceiling - self.best < self._enough:
            return False
        self._nodes += 1
        self.relaxation.within(node.low, node.high)
        return self.relaxation.solve() and self.relaxation.saving - self.best >= self._enough


def most_saving_sparse(program: Program, enough: float) -> Whole:
    """Counts that save much, and a bound of what any save, the root's.

    No more than `enough` is looked for beyond what is found.
    """
    relaxation = Relaxation(program)
    if not relaxation.solve():
        counts = np.zeros(len(program.saving), dtype=np.int64)
        return Whole(counts, 0, float(np.maximum(program.saving, 0) @ program.most))
    ceiling = bound_of(program, relaxation.entries, relaxation.prices())
    search = Search(relaxation, enough)
    for share in _SHARES:
        search.dive(share, ceiling)
    return Whole(search.counts, search.best, ceiling)


def _sides(program: Program, node: _Node, point: FloatArray, value: float) -> list[_Node]:
    """Both sides of the fraction that weighs most; the nearer one last, to be taken first."""
    floor = np.floor(point + _WHOLE)
    part = np.maximum(point - floor, 0.0)
    weight = np.minimum(part, 1.0 - part) * (1.0 + np.abs(program.saving[: program.whole]))
    weight[part <= _WHOLE] = -1.0
    j = int(np.argmax(weight))
    down, up = node.high.copy(), node.low.copy()
    down[j], up[j] = floor[j], floor[j] + 1.0
    lower, upper = _Node(node.low, down, value), _Node(up, node.high, value)
    return [lower, upper] if part[j] > 0.5 else [upper, lower]
