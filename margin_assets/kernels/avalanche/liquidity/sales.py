"""Forced sales of one entity on one path: what each unit raises, how much goes (section 7)."""

import numpy as np

from margin_assets.kernels.avalanche.liquidity.filling import (
    AMOUNT,
    CAP,
    HELD,
    RAISES,
    SLOPE,
    fill_cheapest,
    fill_in_order,
    fill_pro_rata,
)
from margin_assets.kernels.avalanche.liquidity.outlook import receive
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.paths.state import State
from margin_assets.kernels.avalanche.paths.tape import Tape, note
from margin_assets.kernels.avalanche.platform import APC_STRESS, Platform
from margin_assets.kernels.avalanche.results import SOLD
from margin_assets.kernels.avalanche.scenario import CHEAPEST, IMPACT, LINEAR, PRO_RATA, Settings
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DAY = 24
_MID = 2.0 / 3.0

Place = tuple[int, int, int]
"""Entity, hour, path in the block."""
Tables = tuple[Platform, Plan, Settings]


@inner(**BORROWS)
def grade(state: State, platform: Platform, e: int, p: int) -> None:
    """What a dollar of each unit frees: its funded part, and the margin by its active cuts."""
    units, sets, groups, cuts = platform.units, platform.sets, platform.groups, platform.cuts
    raises, market = state.liquid.raises, state.market
    for u in range(len(units.factor)):
        if units.entity[u] == e:
            raises[u, p] = units.funded[u]
    for s in range(len(sets.account)):
        if platform.accounts.entity[sets.account[s]] != e:
            continue
        scale = sets.multiplier[s]
        if sets.apc[s] == APC_STRESS:
            scale *= 1.0 - sets.apc_value[s]
        for g in range(groups.start[s], groups.anchor[s]):
            c, m = state.margin.active[g, p], groups.estimator[g]
            for i in range(cuts.entries[c], cuts.entries[c + 1]):
                u = cuts.unit[i]
                v = market.ratio[m, units.factor[u], p]
                if units.exposure[u] != 0.0:
                    slope = cuts.w[i] * v + cuts.w2[i] * v * v
                    raises[u, p] += scale * slope / abs(units.exposure[u])


@inner(**BORROWS)
def _offer(state: State, tables: Tables, place: Place) -> None:
    """Fills `choice` with each unit's cap, what it raises, and its slope of cost."""
    platform, plan, settings = tables
    e, t, p = place
    factors, units, market = platform.factors, platform.units, state.market
    choice = state.liquid.choice
    for i in range(plan.units[e], plan.units[e + 1]):
        u = plan.unit_order[i]
        f = units.factor[u]
        sigma = np.sqrt(market.variance[f, p])
        volume = factors.adv[f] * state.weather.depth[f, p]
        hourly = settings.participation * volume * factors.volume_share[f, t % _DAY]
        if settings.volume_by_volatility != 0:
            hourly *= factors.sigma[f] / sigma if sigma > 0.0 else 1.0
        held = market.left[u, p] * abs(units.exposure[u])
        raises = state.liquid.raises[u, p]
        choice[HELD, u] = held
        choice[CAP, u] = min(held, hourly * units.volume_part[u]) if raises > 0.0 else 0.0
        choice[RAISES, u] = raises
        choice[SLOPE, u] = sigma / np.sqrt(volume)
        if settings.impact == LINEAR:
            choice[SLOPE, u] = 1.0 / factors.depth[f]
        choice[AMOUNT, u] = 0.0


@inner(**BORROWS)
def _cost(state: State, tables: Tables, place: tuple[int, int, int], amount: float) -> float:
    """Cost of selling: two thirds of the impact that completes it, plus half the spread.

    Books the flow that moves prices in the next hour, in arm C alone. `place`: unit, hour, path.
    """
    platform, _, settings = tables
    u, _, p = place
    factors, market = platform.factors, state.market
    f = platform.units.factor[u]
    spread = factors.half_spread[f] * amount
    if settings.arm != IMPACT:
        return spread
    side = -np.sign(platform.units.exposure[u])
    flow = side * amount * factors.crowd[f]
    before = market.flow[f, p]
    market.flow[f, p] = before + flow
    if settings.impact == LINEAR:
        return spread + _MID * amount * abs(flow) / factors.depth[f]
    variance = market.variance[f, p]
    unit = variance / (factors.adv[f] * state.weather.depth[f, p])
    order = market.order[f, p] + before * unit
    done = order + flow * unit
    away = np.sqrt(abs(done)) * np.sign(done) - np.sqrt(abs(order)) * np.sign(order)
    return spread + _MID * settings.transient * abs(away) * amount


@inner(**BORROWS)
def _sell(state: State, tape: Tape, tables: Tables, place: Place, u: int) -> None:
    """Sells the chosen amount of one unit."""
    platform = tables[0]
    e, t, p = place
    units, liquid, tally = platform.units, state.liquid, state.tally
    amount = liquid.choice[AMOUNT, u]
    size = abs(units.exposure[u])
    state.market.left[u, p] = max(0.0, state.market.left[u, p] - amount / size)
    cost = _cost(state, tables, (u, t, p), amount)
    proceeds = units.funded[u] * amount - cost
    released = (liquid.choice[RAISES, u] - units.funded[u]) * amount
    arrival = t + units.lag[u]
    # Any account of the entity: cash of one pays the others.
    k = tables[1].account_order[tables[1].account[e]]
    receive(state.rings, (k, e, p, arrival), proceeds)
    credit = state.rings.credit
    credit[(t + _DAY) % RING, e, p] += released
    liquid.credit[e, p] += released
    if units.lag[u] > 0:
        credit[arrival % RING, e, p] += proceeds
        state.rings.proceeds[arrival % RING, e, p] += proceeds
        liquid.credit[e, p] += proceeds
    liquid.costs[e, p] += cost
    liquid.nav[e, p] -= cost
    tally.sold[p] += amount
    tally.cost[p] += cost
    tally.raised[p] += proceeds
    if tape.is_on:
        note(tape, p, (t, SOLD, u, arrival), (amount, proceeds, released, cost, 0.0))


@inner(**BORROWS)
def sell(state: State, tape: Tape, tables: Tables, place: Place, gap: float) -> None:
    """Sells for a gap by the policy; what caps leave open is carried to the next hour."""
    platform, plan, settings = tables
    e, t, p = place
    day = t // _DAY
    if state.liquid.graded[p] != day:
        for other in range(len(platform.entities.nav)):
            grade(state, platform, other, p)
        state.liquid.graded[p] = day
    _offer(state, tables, place)
    chosen = plan.unit_order[plan.units[e] : plan.units[e + 1]]
    if settings.policy == CHEAPEST:
        fill_cheapest(state.liquid.choice, chosen, gap, settings.impact)
    elif settings.policy == PRO_RATA:
        fill_pro_rata(state.liquid.choice, chosen, gap)
    else:
        fill_in_order(state.liquid.choice, chosen, gap)
    for i in range(len(chosen)):
        if state.liquid.choice[AMOUNT, chosen[i]] > 0.0:
            _sell(state, tape, tables, place, chosen[i])
