"""Step 8 of the hour, first half: what is known to fall due, and who is asked for cash (section 6).

A source helps from its arrival on: it is asked for what is short then or later, and never counts
for what falls due before.
"""

import numpy as np

from margin_assets.kernels.avalanche.paths.normals import LANES, pair
from margin_assets.kernels.avalanche.paths.philox import OPS, philox
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.paths.state import FactorState, Liquid, Rings, Weather
from margin_assets.kernels.avalanche.platform import Accounts, Collateral, Entities, Factors
from margin_assets.kernels.avalanche.scenario import Settings
from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DAY = 24
_CENT = 0.01
_DEEPEST = -1e300
_Z95 = 1.6448536269514722
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)


@inner(**BORROWS)
def value_entities(liquid: Liquid, market: FactorState, entities: Entities, plan: Plan) -> None:
    """Net asset value of each entity: all positions, inside and outside of netting sets."""
    for e in range(liquid.nav.shape[0]):
        for p in range(LANES):
            liquid.nav[e, p] = entities.nav[e] - liquid.costs[e, p]
        for i in range(plan.units[e], plan.units[e + 1]):
            u = plan.unit_order[i]
            delta, half, theta = plan.delta[u], 0.5 * plan.gamma[u], plan.theta[u]
            for p in range(LANES):
                liquid.nav[e, p] += delta * market.moved[u, p]
                liquid.nav[e, p] += half * market.curved[u, p] + theta * market.lasted[u, p]


@inner(**BORROWS)
def look_ahead(
    liquid: Liquid,
    rings: Rings,
    tables: tuple[Accounts, Plan, float],
    place: tuple[int, int, int],
) -> bool:
    """Shortage of an entity by hour ahead, into `outlook`; whether a path falls into its reserve.

    `place` is the entity, the hour, and the hours to look ahead.
    """
    accounts, plan, reserve = tables
    e, t, ahead = place
    running = liquid.scratch[0]
    for p in range(LANES):
        running[p] = 0.0
    for i in range(plan.account[e], plan.account[e + 1]):
        k = plan.account_order[i]
        for p in range(LANES):
            running[p] += liquid.arrears[k, p] - (liquid.cash[k, p] - accounts.minimum[k])
    worst = -reserve
    for tau in range(ahead + 1):
        slot, owed = (t + tau) % RING, plan.owed[t + tau, e]
        for p in range(LANES):
            running[p] += rings.net[slot, e, p] + owed
            liquid.outlook[tau, p] = running[p]
            worst = max(worst, running[p])
    return worst > _CENT - reserve


@inner(**BORROWS)
def shortage(outlook: FloatArray, first: int, ahead: int, p: int) -> float:
    """Most that is short from an hour ahead on; below zero: what is left to spare."""
    most = _DEEPEST
    for tau in range(first, ahead + 1):
        most = max(most, outlook[tau, p])
    return most


@inner(**BORROWS)
def uncovered(liquid: Liquid, rings: Rings, place: tuple[int, int, int, int]) -> float:
    """Most that is short beyond what sales already made will bring.

    Proceeds are in the outlook from their arrival on: from there they are no credit. `place` is
    the entity, the path, the hour, and the hours ahead.
    """
    e, p, t, ahead = place
    credit, most = liquid.credit[e, p], 0.0
    for tau in range(ahead + 1):
        credit -= rings.proceeds[(t + tau) % RING, e, p]
        most = max(most, liquid.outlook[tau, p] - credit)
    return most


@inner(**BORROWS)
def relieve(outlook: FloatArray, first: int, ahead: int, p: int, amount: float) -> None:
    """Counts cash that arrives in `first` hours."""
    for tau in range(first, ahead + 1):
        outlook[tau, p] -= amount


@inner(**BORROWS)
def receive(rings: Rings, place: tuple[int, int, int, int], amount: float) -> None:
    """Books cash on its way; `place` is the account, entity, path, and the hour it arrives."""
    k, e, p, arrival = place
    rings.arrive[arrival % RING, k, p] += amount
    rings.net[arrival % RING, e, p] -= amount


@inner(**BORROWS)
def delay(settings: Settings, index: int, t: int, path: int) -> int:
    """Hours that a request takes longer, rounded down; -1: it fails (section 6, last part).

    Log-normal less one with median zero; independent by source, hour and path.
    """
    if settings.ops_failure <= 0.0 and settings.ops_delay <= 0.0:
        return 0
    word = np.uint64(settings.seed)
    counter = (np.uint64(index), np.uint64(t), np.uint64(path), np.uint64(OPS))
    a, b, c, _ = philox(counter, (word & _LOW, word >> _HALF))
    if (float(c) + 0.5) * 2.0**-32 < settings.ops_failure:
        return -1
    x, _ = pair(a, b)
    hours = np.exp(x * np.log(1.0 + settings.ops_delay) / _Z95) - 1.0
    return min(int(max(0.0, hours)), _DAY)


@inner(**BORROWS)
def open_wait(plan: Plan, k: int, t: int, wait: int) -> int:
    """Hours to cash: what would come on a holiday of its account comes as the next day begins."""
    arrival = t + wait
    while plan.cut[arrival // _DAY, k] == 0:
        arrival = (arrival // _DAY + 1) * _DAY
    return arrival - t


@inner(**BORROWS)
def opening(collateral: Collateral, a: int, t: int) -> int:
    """Hours until an asset turned now is cash: to its window, and its lag."""
    hour = t % _DAY
    opens, closes = collateral.opens[a], collateral.closes[a]
    wait = 0
    if hour < opens:
        wait = opens - hour
    elif hour >= closes:
        wait = _DAY - hour + opens
    return wait + collateral.lag[a]


@inner(**BORROWS)
def cash_share(
    collateral: Collateral,
    weather: Weather,
    market: FactorState,
    factors: Factors,
    at: tuple[int, int],
) -> float:
    """Cash for a dollar of an asset: one less its haircut, the scenario's in it.

    While a scenario adds to haircuts an asset keeps at least its stressed one.
    """
    a, p = at
    f = collateral.factor[a]
    scale = 1.0
    if f >= 0 and factors.sigma[f] > 0.0:
        scale = np.sqrt(market.variance[f, p]) / factors.sigma[f]
    haircut = collateral.haircut[a] + weather.haircut[p] * scale
    if weather.haircut[p] > 0.0:
        haircut = max(haircut, collateral.stressed[a])
    return max(0.0, 1.0 - haircut)
