"""Initial margin of one netting set on sixteen paths (section 4)."""

import numpy as np
from numba import njit

from margin_assets.kernels.avalanche.paths.normals import LANES
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.state import FactorState, Margin, Weather
from margin_assets.kernels.avalanche.platform import (
    APC_BUFFER,
    APC_NONE,
    APC_STRESS,
    Addons,
    Cuts,
    Groups,
    Sets,
    Units,
)
from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DEEPEST = -1e300


@inner(**BORROWS)
def _cut(value: FloatArray, market: FactorState, cuts: Cuts, place: tuple[int, int, bool]) -> None:
    """One cut's value on all paths, into `value`."""
    c, m, has_square = place
    constant = cuts.constant[c]
    for p in range(LANES):
        value[p] = constant
    for i in range(cuts.entries[c], cuts.entries[c + 1]):
        u, a = cuts.unit[i], cuts.w[i]
        for p in range(LANES):
            value[p] += a * market.w[m, u, p]
        if has_square:
            b = cuts.w2[i]
            for p in range(LANES):
                value[p] += b * market.w2[m, u, p]


@inner(**BORROWS)
def _group(
    margin: Margin,
    market: FactorState,
    cuts: Cuts,
    plan: Plan,
    place: tuple[int, int, int, int, float],
) -> None:
    """Adds a group's largest cut to `level`; `place`: group, its cuts, estimator, weight."""
    g, first, end, m, weight = place
    for p in range(LANES):
        margin.best[p] = _DEEPEST
    for c in range(first, end):
        _cut(margin.value, market, cuts, (c, m, plan.has_square[c]))
        for p in range(LANES):
            if margin.value[p] > margin.best[p]:
                margin.best[p] = margin.value[p]
                margin.active[g, p] = c
    for p in range(LANES):
        margin.level[p] += weight * margin.best[p]


@inner(**BORROWS)
def _model(
    margin: Margin,
    market: FactorState,
    tables: tuple[Groups, Cuts, Plan],
    span: tuple[int, int, int, bool],
) -> None:
    """Margin of a span of groups into `level`, on a business day."""
    groups, cuts, plan = tables
    first, end, day, is_anchor = span
    for p in range(LANES):
        margin.level[p] = 0.0
    last = market.ratio.shape[0]
    for g in range(first, end):
        m = last if is_anchor else groups.estimator[g]
        place = (g, cuts.start[g], cuts.start[g + 1], m, groups.weight[g, day])
        if groups.weight[g, day] != 0.0:
            _group(margin, market, cuts, plan, place)


@inner(**BORROWS)
def _addons(
    margin: Margin, market: FactorState, weather: Weather, tables: tuple[Addons, Units], s: int
) -> None:
    """Concentration and liquidity add-ons of a set into `value` (4.3)."""
    addons, units = tables
    for p in range(LANES):
        margin.value[p] = 0.0
    for i in range(addons.start[s], addons.start[s + 1]):
        u, m = addons.unit[i], addons.estimator[i]
        f = units.factor[u]
        for p in range(LANES):
            left = market.left[u, p]
            if left > addons.above[i]:
                margin.value[p] += addons.concentration[i] * np.sqrt(left) * market.w[m, u, p]
            margin.value[p] += addons.spread[i] * left / weather.depth[f, p]


@inner(**BORROWS)
def _damp(margin: Margin, sets: Sets, place: tuple[int, bool]) -> None:
    """`level` is the model's margin and `mark` the anchor's; leaves the damped margin (4.2)."""
    s, is_start = place
    kind, part = sets.apc[s], sets.apc_value[s]
    for p in range(LANES):
        raw, anchor = margin.level[p], margin.mark[p]
        if kind == APC_NONE:
            damped = raw
        elif kind == APC_BUFFER:
            full = (1.0 + part) * raw
            damped = full if is_start else min(max(margin.damped[s, p], raw), full)
        elif kind == APC_STRESS:
            damped = (1.0 - part) * raw + part * anchor
        else:
            damped = max(raw, anchor)
        margin.damped[s, p] = damped


@njit(**BORROWS)
def premium(charge: float, capital: float, most: float) -> float:
    """What is asked on top where the charge exceeds net capital, by a ratio of at most so much.

    Source: NSCC Rules, Procedure XV, excess capital premium, by way of the rulebook `clearing`.
    """
    if charge <= capital:
        return 0.0
    if capital <= 0.0:
        return most * (charge - capital)
    return (charge - capital) * min(charge / capital, most)


@inner(**BORROWS)
def strike(
    margin: Margin,
    market: FactorState,
    weather: Weather,
    tables: tuple[Sets, Groups, Cuts, Addons, Units, Plan],
    place: tuple[int, int, bool],
) -> None:
    """Strikes a set's charged margin anew; `place` is the set, the business day, and the start."""
    sets, groups, cuts, addons, units, plan = tables
    s, day, is_start = place
    model = (groups, cuts, plan)
    first, anchor, end = groups.start[s], groups.anchor[s], groups.start[s + 1]
    for p in range(LANES):
        margin.mark[p] = 0.0
    if anchor < end:
        _model(margin, market, model, (anchor, end, day, True))
        for p in range(LANES):
            margin.mark[p] = margin.level[p]
    _model(margin, market, model, (first, anchor, day, False))
    _damp(margin, sets, (s, is_start))
    _addons(margin, market, weather, (addons, units), s)
    for p in range(LANES):
        charge = margin.damped[s, p] + margin.value[p]
        beyond = margin.value[p] + premium(charge, sets.capital[s], sets.capital_ratio[s])
        margin.addon[s, p] = sets.multiplier[s] * beyond
        margin.charged[s, p] = sets.multiplier[s] * (margin.damped[s, p] + beyond)
