"""Lots that cure made fewer: no order, no set of orders and no lot stays that need not be there."""

from itertools import combinations

import numpy as np

from margin_assets.kernels.liquidation.problem import Problem
from margin_assets.kernels.liquidation.trials import Lots
from margin_assets.kernels.numeric.arrays import Int64Array

_WAYS = 8
"""Parts in which the lots of an order are cut at each look."""
_MOST_ORDERS = 12
"""So many orders are tried in every subset, more of them by one and by two left out."""


def trimmed(problem: Problem, lots: Int64Array) -> Int64Array:
    """Fewer lots, never dearer ones, that reach the target as these do.

    Of more than twelve orders in a book whose positions bear on one another, subsets that lack more
    than two of them are not tried.
    """
    while True:
        fewer = _without_an_order(problem, lots)
        if fewer is None:
            fewer = _with_less_of_one(problem, lots)
        if fewer is None and not problem.is_separable:
            fewer = _without_several(problem, lots)
        if fewer is None:
            return lots
        lots = fewer


def _cheapest(problem: Problem, rows: Lots) -> Int64Array | None:
    """The row of least cost that cures; of equals the first."""
    if not len(rows):
        return None
    cured = rows[problem.cures(rows)]
    return min(cured, key=problem.cost) if len(cured) else None


def _without_an_order(problem: Problem, lots: Int64Array) -> Int64Array | None:
    ordered = np.flatnonzero(lots)
    rows = np.tile(lots, (len(ordered), 1))
    rows[np.arange(len(ordered)), ordered] = 0
    return _cheapest(problem, rows)


def _without_several(problem: Problem, lots: Int64Array) -> Int64Array | None:
    ordered = np.flatnonzero(lots).tolist()
    count = len(ordered)
    sizes = range(2, count + 1) if count <= _MOST_ORDERS else range(2, 3)
    left_out = [chosen for size in sizes for chosen in combinations(ordered, size)]
    rows = np.tile(lots, (len(left_out), 1))
    for k, chosen in enumerate(left_out):
        rows[k, list(chosen)] = 0
    return _cheapest(problem, rows)


def _with_less_of_one(problem: Problem, lots: Int64Array) -> Int64Array | None:
    """The lots with the order cut whose cut saves most; None where none can be cut."""
    ordered = np.flatnonzero(lots)
    most, least = lots[ordered].copy(), problem.tradable.least[ordered].copy()
    while (least < most).any():
        looks = _looks(least, most)
        rows = np.tile(lots, (looks.size, 1))
        place = np.repeat(ordered, looks.shape[1])
        rows[np.arange(looks.size), place] = looks.ravel()
        is_cured = problem.cures(rows).reshape(looks.shape)
        for n in range(len(ordered)):
            # Of the looks in rising order the first that cures ends the search from above.
            first = int(np.argmax(is_cured[n])) if is_cured[n].any() else looks.shape[1]
            if first < looks.shape[1]:
                most[n] = min(most[n], looks[n, first])
            if first > 0:
                least[n] = min(most[n], max(least[n], looks[n, first - 1] + 1))
    rows = np.tile(lots, (len(ordered), 1))
    rows[np.arange(len(ordered)), ordered] = most
    cheaper = min(rows, key=problem.cost, default=lots)
    return cheaper if problem.cost(cheaper) < problem.cost(lots) else None


def _looks(least: Int64Array, most: Int64Array) -> Lots:
    """Sizes of each order to look at: from the least on, at even distances below the most."""
    steps = np.arange(_WAYS, dtype=np.int64)
    return least[:, None] + (most - least)[:, None] * steps // _WAYS
