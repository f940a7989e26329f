"""Lots that cure, found quickly: by beta, by price of what is lacking, by whole groups."""

import json
from decimal import Decimal

import numpy as np

from margin_assets.kernels.liquidation.problem import Problem
from margin_assets.kernels.liquidation.trials import Lots
from margin_assets.kernels.liquidation.trimming import trimmed
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.reg_t_groups import reg_t_requirements
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.optimize.covering import cover

_TIMES = 8
"""Covers that are tried, each for what the one before lacked too."""


def by_beta(problem: Problem, era: Margined) -> Int64Array | None:
    """Positions of the highest beta first, each whole but the last, of which the least that cures.

    One whose sale takes excess away is passed over. A position without a beta counts with the house
    stress's. Ties by symbol. None where all together do not cure.
    """
    tradable = problem.tradable
    beta = era.positions["beta"].fill_nan(None).fill_null(era.rules.missing_beta).to_numpy()
    names = era.positions["symbol"].to_list()
    place = tradable.place.tolist()
    queue = sorted(range(len(place)), key=lambda t: (-beta[place[t]], names[place[t]], t))
    lots = np.zeros_like(tradable.most)
    while queue:
        rows = np.tile(lots, (len(queue) + 1, 1))
        for k, t in enumerate(queue):
            rows[k + 1 :, t] = tradable.most[t]
        excess = problem.excess(rows)
        falls = np.flatnonzero(np.diff(excess) <= 0)
        cured = np.flatnonzero(excess >= problem.target)
        end = int(falls[0]) if len(falls) else len(queue)
        if len(cured) and cured[0] <= end:
            return trimmed(problem, _least_of(problem, rows[cured[0]], queue[int(cured[0]) - 1]))
        lots, queue = rows[end], queue[end + 1 :]
    return None


def _least_of(problem: Problem, lots: Int64Array, last: int) -> Int64Array:
    """The lots with as little of the last position as cures."""
    low, high = int(problem.tradable.least[last]) - 1, int(lots[last])
    while high - low > 1:
        lots[last] = (low + high) // 2
        if problem.cures(lots[None])[0]:
            high = int(lots[last])
        else:
            low = int(lots[last])
    lots[last] = high
    return lots


def by_price(problem: Problem, rate: FloatArray) -> Int64Array | None:
    """The cover of what is lacking at some rates, in whole lots, raised until it cures."""
    nothing = np.zeros_like(problem.tradable.most)
    lacking = problem.target - int(problem.excess(nothing[None])[0])
    need = float(lacking)
    for _ in range(_TIMES):
        found = cover(problem.costs.curves, rate, (nothing, problem.tradable.most), need)
        if not np.isfinite(found.bound):
            return None
        lots = problem.order_sized(np.ceil(found.amounts - 1e-9).astype(np.int64))
        short = problem.target - int(problem.excess(lots[None])[0])
        if short <= 0:
            return trimmed(problem, lots)
        need += short
    return None


def measured_rates(problem: Problem) -> FloatArray:
    """Cents that a lot of each position sets free when it alone is closed; 0 where nothing."""
    most = problem.tradable.most
    rows = np.vstack([np.zeros_like(most), np.diag(most)])
    excess = problem.excess(rows)
    return np.maximum(excess[1:] - excess[0], 0) / np.maximum(most, 1)


def by_group(problem: Problem, era: Margined) -> Int64Array | None:
    """Whole groups and whole positions, the best gain for its cost first, then trimmed."""
    moves = np.unique(np.vstack([*_groups(problem, era), np.diag(problem.tradable.most)]), axis=0)
    lots = np.zeros_like(problem.tradable.most)
    excess = int(problem.excess(lots[None])[0])
    while len(moves):
        rows = np.maximum(lots, moves)
        after = problem.excess(rows)
        costs = np.array([problem.cost(row) for row in rows]) - problem.cost(lots)
        is_cured = after >= problem.target
        if is_cured.any():
            return trimmed(problem, rows[int(np.argmin(np.where(is_cured, costs, np.inf)))])
        worth = np.where(costs > 0, (after - excess) / np.maximum(costs, 1), 0)
        best = int(np.argmax(worth))
        if worth[best] <= 0:
            return None
        lots, excess = rows[best], int(after[best])
        moves = np.delete(moves, best, axis=0)
    return None


def _groups(problem: Problem, era: Margined) -> list[Lots]:
    """Legs of the account's option groups, whole and in halves, and whole class groups."""
    tradable = problem.tradable
    held = era.held.quantity[tradable.place] > 0
    names = [era.positions["symbol"][int(i)] for i in tradable.place]
    at = {(name, is_long): t for t, (name, is_long) in enumerate(zip(names, held, strict=True))}
    scale = era.series.multiplier[era.held.series[tradable.place]] / tradable.lot
    rows = []
    for text in reg_t_requirements((era,))["legs"].drop_nulls():
        row = np.zeros_like(tradable.most)
        for leg in json.loads(text, parse_int=Decimal, parse_float=Decimal):
            t = at.get((leg["symbol"], leg["quantity"] > 0))
            if t is not None:
                row[t] += int(np.ceil(float(abs(leg["quantity"])) * scale[t]))
        rows += [row, -(-row // 2), -(-row // 4)]
    group = era.series.class_group[era.held.series[tradable.place]]
    rows += [np.where(group == g, tradable.most, 0) for g in np.unique(group)]
    sized = [problem.order_sized(row) for row in rows]
    return [np.stack(sized)] if sized else []
