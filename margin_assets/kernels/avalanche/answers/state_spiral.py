"""The spiral condition of a platform as it stands today."""

import numpy as np

from margin_assets.kernels.avalanche.answers.margins import layout, margin, summed, today
from margin_assets.kernels.avalanche.answers.spiral import Depth, Spiral, impact_slopes, spiral
from margin_assets.kernels.avalanche.holdings import Holdings
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.scenario import LINEAR, Settings
from margin_assets.kernels.numeric.arrays import FloatArray


def spiral_today(platform: Platform, holdings: Holdings, settings: Settings, gap: float) -> Spiral:
    """The spiral condition when so many dollars must be raised by sales at the least impact cost.

    Calls by a move: the variation margin of a factor's net exposure in netting sets, and the rise
    of initial margin by what a move of one deviation adds to each estimator, (1 - lambda) / sigma.
    Sales by a call: the uncapped water-filling, x proportional to (g / k)^2 with g the cash a
    dollar sold raises, margin released in it, and k = sigma / sqrt(ADV). A platform that nothing
    can be sold of has a condition of 0.
    """
    margins, slopes = _margin_by_factor(platform, holdings)
    exposure = summed(platform.units.factor, platform.units.exposure, len(margins))
    in_sets = summed(
        platform.units.factor[platform.exposures.unit], platform.exposures.delta, len(margins)
    )
    raised = _raised(platform, margins, exposure)
    sale = _sales(platform, raised, np.abs(exposure), gap)
    sign = np.sign(exposure)
    move = _moves(platform, settings, sale)
    calls = -(in_sets + sign * slopes)
    per_call = sale / gap if gap > 0.0 else np.zeros(len(sale))
    return spiral(calls[None, :], -np.diag(move), (sign * per_call)[:, None])


def _margin_by_factor(platform: Platform, holdings: Holdings) -> tuple[FloatArray, FloatArray]:
    """Initial margin today by factor, and its rise per unit of a move of about one deviation."""
    where = layout(platform)
    held = margin(platform, holdings, where, today(platform))
    amount = held.entry_amount * platform.sets.multiplier[held.entry_set]
    count = len(platform.factors.sigma)
    gain = (1.0 - platform.estimators.memory[held.entry_estimator]) / platform.factors.sigma[
        held.entry_factor
    ]
    return (
        summed(held.entry_factor, amount, count),
        summed(held.entry_factor, np.maximum(amount, 0.0) * gain, count),
    )


def _raised(platform: Platform, margins: FloatArray, exposure: FloatArray) -> FloatArray:
    """Cash a dollar of exposure sold raises, by factor; what raises nothing is not sold."""
    units = platform.units
    count, size = len(margins), np.abs(units.exposure)
    held = summed(units.factor, size, count)
    funded = summed(units.factor, size * units.funded, count)
    share = np.divide(funded, held, out=np.zeros(count), where=held > 0.0)
    net = np.abs(exposure)
    released = np.divide(margins, net, out=np.zeros(count), where=net > 0.0)
    return np.maximum(share + released, 0.0)


def _sales(platform: Platform, raised: FloatArray, most: FloatArray, gap: float) -> FloatArray:
    """Dollars sold of each factor to raise the gap at the least impact cost."""
    rate = raised**2 * platform.factors.adv / platform.factors.sigma**2
    rate = np.where(most > 0.0, rate, 0.0)
    total = float((raised * rate).sum())
    return rate * (gap / total) if total > 0.0 else np.zeros(len(raised))


def _moves(platform: Platform, settings: Settings, sale: FloatArray) -> FloatArray:
    """Return per dollar of our own sale, by factor."""
    factors = platform.factors
    if settings.impact == LINEAR:
        linear: FloatArray = factors.crowd / factors.depth
        return linear
    depth = Depth(factors.sigma, factors.adv, factors.crowd)
    return impact_slopes(depth, sale, settings.permanent, settings.transient)
