"""The least cost that cures: branch and bound over boxes of lots, its work counted in boxes.

A box is looked at by its lower corner, which the kernels strike again: what remains to be set free
is covered at the positions' rates, and no lots of the box cost less than that cover. The best bound
goes first, and of equals the older box, so that the same account always ends in the same place.
"""

import heapq
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.liquidation.problem import Problem
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.optimize.covering import NOWHERE, Cover

_AT_ONCE = 8
"""Boxes taken apart between two looks of the kernels."""
_TIE = 1e-6  # of a cent
_NEAR = 2e-4
"""Part of the cost that is not looked for: a plan so near its bound is good."""
Box = tuple[Int64Array, Int64Array]
"""Lots from, and lots to."""


class Found(NamedTuple):
    """What a search came to."""

    lots: Int64Array | None
    """The cheapest that cure; None where none was found."""
    bound: float
    """Cents that no lots that cure cost less than; infinite where none cure."""
    is_least: bool
    """Whether the search came to its end: nothing cheaper cures, or nothing at all."""
    nodes: int


class _Open(NamedTuple):
    bound: float
    serial: int
    box: Box
    item: int
    floor: int


class Search:
    """One search: the best lots so far, and the boxes that may hold better ones."""

    def __init__(self, problem: Problem, lots: Int64Array | None) -> None:
        """Starts from lots that cure, if some are known."""
        self._problem, self.best = problem, lots
        self.cost = np.inf if lots is None else float(problem.cost(lots))
        self._open: list[_Open] = []
        self.nodes = self._serial = 0

    def run(self, nodes: int) -> Found:
        """Searches until nothing better is left, or so many boxes were looked at."""
        whole = np.zeros_like(self._problem.tradable.most), self._problem.tradable.most.copy()
        self._look([whole])
        while self._open and self.nodes < nodes and not self._is_near():
            boxes: list[Box] = []
            while self._open and len(boxes) < 2 * _AT_ONCE:
                taken = heapq.heappop(self._open)
                if not self._is_hopeless(taken.bound):
                    boxes += _halves(self._problem, taken)
            if boxes:
                self._look(boxes)
        return self._found()

    def _is_near(self) -> bool:
        return self._open[0].bound >= self.cost * (1.0 - _NEAR)

    def _found(self) -> Found:
        bounds = [one.bound for one in self._open if not self._is_hopeless(one.bound)]
        bound = min([self.cost, *(np.ceil(b - _TIE) for b in bounds)])
        return Found(self.best, bound, not bounds, self.nodes)

    def _is_hopeless(self, bound: float) -> bool:
        return bool(np.ceil(bound - _TIE) >= self.cost)

    def _look(self, boxes: list[Box]) -> None:
        """Looks at boxes: what their lower corners and the covers of the rest come to."""
        problem = self._problem
        self.nodes += len(boxes)
        corners = np.stack([box[0] for box in boxes])
        standing = problem.trials.standing(corners)
        is_cured = standing.excess >= problem.target
        for corner in corners[is_cured]:
            self._take(corner)
        left: list[tuple[Box, Cover]] = []
        for k in np.flatnonzero(~is_cured):
            found = problem.covers(boxes[k], int(standing.regulatory_excess[k]))
            if not self._is_hopeless(found.bound):
                left.append((boxes[k], found))
        if left:
            self._try(left)

    def _try(self, left: list[tuple[Box, Cover]]) -> None:
        """Tries the covers in whole lots, and keeps the boxes that may hold better ones."""
        problem = self._problem
        rows = np.stack(
            [
                np.clip(problem.order_sized(np.ceil(f.amounts - _TIE).astype(np.int64)), *box)
                for box, f in left
            ]
        )
        is_cured = problem.cures(rows)
        for row in rows[is_cured]:
            self._take(row)
        for (box, found), row, cured in zip(left, rows, is_cured, strict=True):
            item, floor = found.item, found.floor
            if not cured or item == NOWHERE:
                item, floor = _furthest(problem, box, row)
            if item != NOWHERE:
                self._serial += 1
                heapq.heappush(self._open, _Open(found.bound, self._serial, box, item, floor))

    def _take(self, lots: Int64Array) -> None:
        cost = self._problem.cost(lots)
        if cost < self.cost:
            self.best, self.cost = lots.copy(), float(cost)


def _halves(problem: Problem, taken: _Open) -> list[Box]:
    """A box below and above the lots that it is split at."""
    (lo, hi), i = taken.box, taken.item
    below, above = hi.copy(), lo.copy()
    below[i] = taken.floor
    above[i] = max(taken.floor + 1, problem.tradable.least[i])
    if below[i] < problem.tradable.least[i]:
        below[i] = 0
    halves = [(lo, below), (above, hi)]
    return [(a, b) for a, b in halves if (a <= b).all()]


def _furthest(problem: Problem, box: Box, lots: Int64Array) -> tuple[int, int]:
    """Where to split a box whose cover does not cure: what it counts on most, bought apart."""
    lo, hi = box
    hoped = problem.rate * (lots - lo)
    if len(hoped) and hoped.max() > 0:
        i = int(np.argmax(hoped))
        return i, int(lots[i]) - 1
    wide = hi - lo
    if len(wide) and wide.max() > 0:
        i = int(np.argmax(wide))
        return i, int(lo[i] + (wide[i] - 1) // 2)
    return NOWHERE, 0
