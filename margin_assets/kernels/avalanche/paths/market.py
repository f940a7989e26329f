"""Steps 2 to 4 of the hour: impact, prices, true volatility, moves of the units, estimators."""

import numpy as np

from margin_assets.kernels.avalanche.paths.normals import LANES
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.state import FactorState, Weather
from margin_assets.kernels.avalanche.platform import Estimators, Factors, Units
from margin_assets.kernels.avalanche.scenario import LINEAR, Settings
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DAY = 24


@inner(**BORROWS)
def press(market: FactorState, weather: Weather, factors: Factors, settings: Settings) -> bool:
    """Turns last hour's flow into the return it brings now; whether there is any (section 7).

    Square-root impact is kept as the accumulated order in shares of volume times variance at the
    time of the order: with a constant volatility this is the model's Z, and a later rise in
    volatility moves no price by itself.
    """
    fade = np.exp(-1.0 / settings.decay)
    moves = False
    for f in range(market.level.shape[0]):
        for p in range(LANES):
            flow = market.flow[f, p]
            if settings.impact == LINEAR:
                market.impact[f, p] = flow / factors.depth[f]
                moves = moves or flow != 0.0
            elif flow != 0.0 or market.order[f, p] != 0.0:
                share = flow / (factors.adv[f] * weather.depth[f, p])
                variance = market.variance[f, p]
                order = market.order[f, p] * fade + share * variance
                away = settings.transient * np.sqrt(abs(order)) * np.sign(order)
                lasting = settings.permanent * np.sqrt(variance) * share
                market.impact[f, p] = lasting + away - market.displaced[f, p]
                market.order[f, p], market.displaced[f, p] = order, away
                moves = True
            market.flow[f, p] = 0.0
    return moves


@inner(**BORROWS)
def still(market: FactorState) -> None:
    """No impact in this hour."""
    for f in range(market.impact.shape[0]):
        for p in range(LANES):
            market.impact[f, p] = 0.0


@inner(**BORROWS)
def move(
    market: FactorState,
    weather: Weather,
    tables: tuple[Factors, Units, Plan],
    settings: Settings,
    t: int,
) -> None:
    """Moves prices, volatilities and the sums of what the units have moved (sections 2 and 3).

    A dated shock is not a squared return: the scenario's multiplier says what volatility does.
    """
    factors, units, plan = tables
    for f in range(market.level.shape[0]):
        share = plan.variance[t, f]
        mean = factors.sigma_bar[f] * factors.sigma_bar[f]
        low, high = mean * settings.sigma_floor**2, mean * settings.sigma_cap**2
        pull, react = settings.reversion * share, settings.reaction
        for p in range(LANES):
            h = market.variance[f, p]
            quiet = np.sqrt(share * h) * weather.mixed[f, p]
            impact = market.impact[f, p]
            # The level's step is kept in `raw` for the units.
            step = quiet * weather.volatility[f, p] + weather.shock[f, p] + impact
            felt = quiet + settings.impact_memory * impact
            h = h + pull * (mean - h) + react * (felt * felt - h * share)
            market.variance[f, p] = min(max(h, low), high)
            weather.raw[f, p] = step
            market.level[f, p] += step
    for u in range(market.left.shape[0]):
        f = units.factor[u]
        for p in range(LANES):
            left, step = market.left[u, p], weather.raw[f, p]
            market.moved[u, p] += left * step
            # X_new^2 - X_old^2.
            market.curved[u, p] += left * step * (2.0 * market.level[f, p] - step)
            market.lasted[u, p] += left


@inner(**BORROWS)
def estimate(market: FactorState, estimators: Estimators, plan: Plan, t: int) -> None:
    """Lets the day's return enter the estimators whose hour it is (4.2).

    On the first day the part before the run is taken at its expectation.
    """
    for m in range(market.ratio.shape[0]):
        memory = estimators.memory[m]
        if estimators.hour[m] != t % _DAY or memory >= 1.0:
            continue
        for f in range(market.level.shape[0]):
            today = estimators.sigma[m, f] * estimators.sigma[m, f]
            before = today * (1.0 - plan.first_share[m, f]) if t < _DAY else 0.0
            for p in range(LANES):
                day = market.level[f, p] - market.struck[m, f, p]
                squared = day * day + before
                variance = memory * market.estimate[m, f, p] + (1.0 - memory) * squared
                market.estimate[m, f, p] = variance
                market.struck[m, f, p] = market.level[f, p]
                ratio = np.sqrt(variance / today) if today > 0.0 else 1.0
                charged = market.ratio[m, f, p]
                if abs(ratio - charged) > estimators.trigger[m] * charged:
                    market.ratio[m, f, p] = ratio


@inner(**BORROWS)
def features(market: FactorState, units: Units, plan: Plan, hour: int) -> None:
    """Features w = q v and w2 = q v^2 of the estimators that this hour's strikes take."""
    last = market.ratio.shape[0]
    for m in range(last + 1):
        if not plan.strikes[hour, m]:
            continue
        for u in range(market.left.shape[0]):
            f = units.factor[u]
            for p in range(LANES):
                v = market.ratio[m, f, p] if m < last else 1.0
                market.w[m, u, p] = market.left[u, p] * v
                market.w2[m, u, p] = market.left[u, p] * v * v
