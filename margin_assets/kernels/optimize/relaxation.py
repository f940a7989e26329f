"""Whole-number programs too large for a dense tableau: a sparse relaxation, and dives into it.

The linear program is HiGHS's (Huangfu and Hall, Mathematical Programming Computation 10, 2018),
serial and with its work counted in pivots, so that the same program always ends in the same place.
Its doubles only propose: counts are checked and valued in int64, and the bound is computed afresh
from the integers of the program.
"""

from typing import NamedTuple

import highspy
import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.optimize.highs import Solver, solver_of
from margin_assets.kernels.optimize.program import NO_LOSS
from margin_assets.kernels.optimize.sparse import SparseProgram

DIVE = 40
"""Linear programs that a dive looks at."""
PIVOTS = 20_000
_SCALE = 1e-6  # the solver counts dollars
_WHOLE = 1e-5
_NODES = 5
_SMALL = 12_000
"""Entries of a program that is searched more."""
_ENOUGH, _GOOD = 1e-4, 4.9e-3
"""Of what is required: what a small program's second search is for, and what any other one is."""
_NEAR = 100.0  # columns that cost a hundredth of what is good, one of them, are looked at too
_PARTS = (2, 3, 4)
"""Dives: of how many fractions one is rounded at a time. Each ends elsewhere, and some nowhere."""
_EPSILON = 2.220446049250313e-16


class Whole(NamedTuple):
    """Counts of the columns, what they save, and what no counts exceed."""

    counts: Int64Array
    saving: int
    ceiling: float


def losses_of(program: SparseProgram, counts: Int64Array) -> Int64Array | None:
    """What the losses of whole counts come to, one entry a column; None if they break a row."""
    entries = program.entries
    used = np.zeros(len(program.bound), dtype=np.int64)
    kept = entries.column < program.whole
    np.add.at(used, entries.row[kept], entries.value[kept] * counts[entries.column[kept]])
    over = used - program.bound
    is_hard = program.loss_of == NO_LOSS
    if (over[is_hard] > 0).any() or (counts < 0).any():
        return None
    losses = np.zeros(len(program.saving), dtype=np.int64)
    np.maximum.at(losses, program.loss_of[~is_hard], over[~is_hard])
    return losses


def saving_of(program: SparseProgram, counts: Int64Array) -> int:
    """What whole counts save, losses taken off; -1 if they break a row."""
    losses = losses_of(program, counts)
    if losses is None:
        return -1
    return int(program.saving[: program.whole] @ counts[: program.whole] - losses.sum())


def rest_of(program: SparseProgram, prices: FloatArray) -> FloatArray:
    """What each column saves beyond what its rows are worth by prices of them, micro-dollars."""
    entries = program.entries
    used = prices[entries.row] * entries.value
    worth = np.bincount(entries.column, used, len(program.saving))
    return np.subtract(program.saving, worth, dtype=np.float64)


def bound_of(program: SparseProgram, prices: FloatArray) -> float:
    """Saving that no counts exceed, by prices of the rows, micro-dollars; none is negative.

    For any prices p >= 0: saving·x <= p·bound + (saving - p·rows)·x, and the last term is at most
    what its positive parts come to at the largest counts.
    """
    entries = program.entries
    used, rest = prices[entries.row] * entries.value, rest_of(program, prices)
    size = np.abs(program.saving) + np.bincount(entries.column, np.abs(used), len(program.saving))
    total = prices @ program.bound + np.maximum(rest, 0.0) @ program.most
    gross = prices @ np.abs(program.bound) + size @ program.most.astype(np.float64)
    return float(total + 2.0 * _EPSILON * (len(prices) + len(rest) + 2) * gross)


class Relaxation:
    """The linear relaxation of a program, solved again and again within changed counts."""

    def __init__(self, program: SparseProgram) -> None:
        self.program = program
        self.pivots = 0
        self.has_answer = False
        self._solver = _solver_of(program)
        self._solver.setOptionValue("presolve", "off")  # each answer starts from the last one
        self._columns = np.arange(program.whole, dtype=np.int32)

    def solve(self) -> bool:
        """Solves it; whether it has an answer within the pivots that are left."""
        self._solver.setOptionValue("simplex_iteration_limit", max(PIVOTS - self.pivots, 0))
        self._solver.run()
        self.pivots += self._solver.getInfo().simplex_iteration_count
        self.has_answer = self._solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return self.has_answer

    def within(self, low: FloatArray, high: FloatArray) -> None:
        """Sets the counts between which the next answer is looked for."""
        self._solver.changeColsBounds(len(low), self._columns, low, high)

    @property
    def point(self) -> FloatArray:
        """Counts of the last answer."""
        return np.array(self._solver.getSolution().col_value)[: self.program.whole]

    def prices(self) -> FloatArray:
        """What the last answer says a unit of each row's bound saves, micro-dollars."""
        program = self.program
        prices = np.maximum(np.array(self._solver.getSolution().row_dual), 0.0)
        is_loss = program.loss_of != NO_LOSS
        sums = np.bincount(program.loss_of[is_loss], prices[is_loss], len(program.saving))
        prices[is_loss] /= np.maximum(sums, 1.0)[program.loss_of[is_loss]]
        prices[~is_loss] /= _SCALE
        return prices

    def whole(
        self, low: FloatArray, high: FloatArray, start: FloatArray, enough: float
    ) -> FloatArray:
        """Whole counts within bounds that save much: those of a search of a few nodes.

        `start` is an answer within them, losses in dollars. Ends at counts that save `enough`.
        """
        solver = _solver_of(self.program)
        solver.changeColsBounds(len(low), self._columns, low, high)
        kinds = np.full(len(low), highspy.HighsVarType.kInteger)
        solver.changeColsIntegrality(len(low), self._columns, kinds)
        solver.setOptionValue("mip_max_nodes", _NODES)
        solver.setOptionValue("mip_rel_gap", _ENOUGH)
        solver.setOptionValue("objective_target", enough * _SCALE)
        known = highspy.HighsSolution()
        known.col_value = start.tolist()
        solver.setSolution(known)
        solver.run()
        return np.array(solver.getSolution().col_value)[: self.program.whole]


def _solver_of(program: SparseProgram) -> Solver:
    entries = program.entries
    is_loss = program.loss_of != NO_LOSS
    scale = np.where(is_loss, _SCALE, 1.0)
    is_slack = entries.column >= program.whole
    value = np.where(is_slack, entries.value, entries.value * scale[entries.row])
    cost = (program.saving * _SCALE).astype(np.float64)
    cost[program.whole :] = -1.0
    high = program.most.astype(np.float64)
    high[program.whole :] = highspy.kHighsInf
    model = highspy.HighsLp()
    model.num_row_, model.num_col_ = len(program.bound), len(cost)
    model.sense_ = highspy.ObjSense.kMaximize
    model.col_cost_, model.col_lower_, model.col_upper_ = cost, np.zeros(len(cost)), high
    model.row_lower_ = np.full(len(program.bound), -highspy.kHighsInf)
    model.row_upper_ = (program.bound * scale).astype(np.float64)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.searchsorted(
        entries.row, np.arange(len(program.bound) + 1)
    ).tolist()
    model.a_matrix_.index_ = entries.column.astype(np.int32)
    model.a_matrix_.value_ = value
    return solver_of(model)


class Search:
    """Whole counts near the relaxation's, the best kept."""

    def __init__(self, relaxation: Relaxation) -> None:
        self.relaxation = relaxation
        self.counts = np.zeros(len(relaxation.program.saving), dtype=np.int64)
        self.best = 0
        self._root = relaxation.point
        self._is_open = np.zeros(len(self._root), dtype=np.bool_)

    def dive(self, parts: int) -> None:
        """Rounds one of so many fractions at a time, the nearest first, until none is left."""
        program, point = self.relaxation.program, self._root
        low, high = np.zeros(program.whole), program.most[: program.whole].astype(np.float64)
        for _ in range(DIVE):
            part = np.abs(point - np.rint(point))
            open_ = np.flatnonzero(part > _WHOLE)
            if len(open_) == 0:
                self._try(point)
                return
            chosen = open_[np.argsort(part[open_], kind="stable")]
            low, high = self._rounded(point, chosen[: max(1, len(open_) // parts)], low, high)
            if not self.relaxation.has_answer:
                return
            point = self.relaxation.point

    def again(self, enough: float, near: npt.NDArray[np.bool_]) -> None:
        """Searches among the counts in which what was found and the relaxation differ, and others.

        Source: Danna, Rothberg and Le Pape, Mathematical Programming 102 (2005); of several
        answers, Rothberg, INFORMS Journal on Computing 19 (2007).
        """
        program, relaxation = self.relaxation.program, self.relaxation
        low = self.counts[: program.whole].astype(np.float64)
        high = low.copy()
        is_open = near | self._is_open | (np.abs(low - self._root) > _WHOLE)
        low[is_open], high[is_open] = 0.0, program.most[: program.whole][is_open]
        if is_open.any():
            self._try(relaxation.whole(low, high, self._start(), enough))

    def _start(self) -> FloatArray:
        """The best found with its losses, as the solver counts."""
        program = self.relaxation.program
        losses = losses_of(program, self.counts)
        start = self.counts.astype(np.float64)
        return start if losses is None else start + losses * _SCALE

    def _rounded(
        self, point: FloatArray, chosen: Int64Array, low: FloatArray, high: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Bounds that round some columns of an answer, the first that leave an answer.

        Whole parts stay, or new fractions would come for ever. Two halves of one leg may not both
        be rounded up, and what rests on a fraction may not let it be rounded down.
        """
        floor = np.floor(point + _WHOLE)
        kept, is_near = np.maximum(low, floor), point[chosen] - floor[chosen] > 0.5
        for core, is_up in (
            (kept, is_near),
            (kept, np.zeros_like(is_near)),
            (kept, np.ones_like(is_near)),
            (low, is_near),
        ):
            above, below = core.copy(), high.copy()
            above[chosen[is_up]] = floor[chosen[is_up]] + 1.0
            below[chosen[~is_up]] = floor[chosen[~is_up]]
            self.relaxation.within(above, np.maximum(above, below))
            if self.relaxation.solve():
                break
        return above, below

    def _try(self, point: FloatArray) -> None:
        trial = np.zeros_like(self.counts)
        trial[: len(point)] = np.rint(point)
        self._is_open |= np.abs(trial[: len(point)] - self._root) > _WHOLE
        found = saving_of(self.relaxation.program, trial)
        if found > self.best:
            self.counts, self.best = trial, found


def most_saving_sparse(program: SparseProgram, gross: float) -> Whole:
    """Counts that save much, and a bound of what any save; `gross` is required if none is saved."""
    relaxation = Relaxation(program)
    if not relaxation.solve():
        counts = np.zeros(len(program.saving), dtype=np.int64)
        return Whole(counts, 0, float(np.maximum(program.saving, 0) @ program.most))
    prices = relaxation.prices()
    ceiling = bound_of(program, prices)
    search = Search(relaxation)
    is_small, required = len(program.entries.value) < _SMALL, gross - ceiling
    good = ceiling - _GOOD * required
    enough = ceiling - _ENOUGH * required if is_small else good
    for parts in _PARTS:
        if search.best < enough:
            search.dive(parts)
    cost = -rest_of(program, prices)[: program.whole]
    if search.best < enough:
        search.again(enough, cost < -np.inf)
    for most in (_GOOD * required / _NEAR, np.inf) if is_small else ():
        if search.best < good:
            search.again(good, cost <= most)
    return Whole(search.counts, search.best, ceiling)
