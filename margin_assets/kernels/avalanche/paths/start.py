"""Before the first hour: a block's state set to today."""

import numpy as np

from margin_assets.kernels.avalanche.paths.calls import restrike
from margin_assets.kernels.avalanche.paths.market import features
from margin_assets.kernels.avalanche.paths.normals import LANES
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.state import FactorState, Liquid, Rings, State, Tally
from margin_assets.kernels.avalanche.platform import BILATERAL, Platform
from margin_assets.kernels.avalanche.results import NEVER
from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, inner


@inner(**BORROWS)
def _market(market: FactorState, platform: Platform) -> None:
    factors, estimators = platform.factors, platform.estimators
    market.level[:] = 0.0
    market.impact[:] = 0.0
    market.flow[:] = 0.0
    market.order[:] = 0.0
    market.displaced[:] = 0.0
    market.left[:] = 1.0
    market.moved[:] = 0.0
    market.curved[:] = 0.0
    market.lasted[:] = 0.0
    market.ratio[:] = 1.0
    market.struck[:] = 0.0
    for f in range(market.level.shape[0]):
        for p in range(LANES):
            market.variance[f, p] = factors.sigma[f] * factors.sigma[f]
            for m in range(market.ratio.shape[0]):
                market.estimate[m, f, p] = estimators.sigma[m, f] * estimators.sigma[m, f]


@inner(**BORROWS)
def _rings(rings: Rings) -> None:
    rings.due[:] = 0.0
    rings.back[:] = 0.0
    rings.arrive[:] = 0.0
    rings.net[:] = 0.0
    rings.credit[:] = 0.0
    rings.proceeds[:] = 0.0
    rings.owed[:] = 0.0
    rings.unpaid[:] = 0.0
    rings.postable[:] = 0.0
    for slot in range(len(rings.touched)):
        # The largest ring by far: cleared where the last block left something.
        if rings.touched[slot] != 0:
            rings.by_set[slot] = 0.0
            rings.touched[slot] = 0


@inner(**BORROWS)
def _spread(into: FloatArray, column: FloatArray) -> None:
    for row in range(len(column)):
        into[row] = column[row]


@inner(**BORROWS)
def _liquid(liquid: Liquid, platform: Platform) -> None:
    liquid.arrears[:] = 0.0
    liquid.need[:] = 0.0
    liquid.drawn_today[:] = 0.0
    liquid.draws[:] = 0
    liquid.credit[:] = 0.0
    liquid.costs[:] = 0.0
    liquid.graded[:] = -1
    liquid.is_behind[:] = 0
    _spread(liquid.cash, platform.accounts.cash)
    _spread(liquid.hqla, platform.collateral.value)
    _spread(liquid.drawn, platform.facilities.drawn)
    _spread(liquid.nav, platform.entities.nav)


@inner(**BORROWS)
def _tally(tally: Tally) -> None:
    tally.alive[:] = 1
    tally.need[:] = 0.0
    tally.peak[:] = 0.0
    tally.peak_hour[:] = 0
    tally.exhaustion[:] = NEVER
    tally.gap_hour[:] = NEVER
    tally.default_hour[:] = NEVER
    tally.default_entity[:] = NEVER
    tally.hour_call[:] = 0.0
    tally.day_call[:] = 0.0
    tally.max_day[:] = 0.0
    tally.max_hour[:] = 0.0
    tally.gross[:] = 0.0
    tally.charged[:] = 0.0
    tally.sold[:] = 0.0
    tally.cost[:] = 0.0
    tally.turned[:] = 0.0
    tally.drawn[:] = 0.0
    tally.raised[:] = 0.0
    tally.exchange[:] = 0.0
    tally.flows[:] = 0.0


@inner(**BORROWS)
def _margin(state: State, platform: Platform, plan: Plan) -> None:
    """Charges every set as of today, and takes as posted what is stated, or what is charged."""
    margin, sets = state.margin, platform.sets
    margin.charged[:] = 0.0
    margin.paid[:] = 0.0
    margin.kept[:] = 0.0
    state.weather.depth[:] = 1.0
    for hour in range(plan.strikes.shape[0]):
        features(state.market, platform.units, plan, hour)
    for s in range(len(sets.account)):
        restrike(state, platform, plan, (s, 0, True))
        before = sets.vm_posted[s] if sets.kind[s] == BILATERAL else sets.value[s]
        for p in range(LANES):
            margin.settled[s, p] = before
            posted = sets.im_posted[s]
            if np.isnan(posted):
                posted = margin.charged[s, p]
            margin.posted[s, p] = margin.posted_before[s, p] = posted


@inner(**BORROWS)
def start(state: State, platform: Platform, plan: Plan) -> None:
    """Sets all of a block's state to today; what an earlier block left is gone."""
    _market(state.market, platform)
    _rings(state.rings)
    _liquid(state.liquid, platform)
    _tally(state.tally)
    _margin(state, platform, plan)
    for p in range(LANES):
        state.tally.base[p] = state.tally.charged[p]
        state.tally.charged_peak[p] = state.tally.charged[p]
