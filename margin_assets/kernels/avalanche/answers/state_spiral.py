"""The spiral condition of a platform as it stands today."""

import numpy as np

from margin_assets.kernels.avalanche.answers.margins import layout, margin, summed, today
from margin_assets.kernels.avalanche.answers.spiral import Depth, Spiral, impact_slopes, spiral
from margin_assets.kernels.avalanche.holdings import Holdings
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.scenario import LINEAR, Settings
from margin_assets.kernels.numeric.arrays import FloatArray


def is_depth_known(platform: Platform, settings: Settings) -> bool:
    """Whether it is known of every factor held what selling it moves."""
    held = np.unique(platform.units.factor)
    known = platform.factors.depth if settings.impact == LINEAR else platform.factors.adv
    return bool(np.isfinite(known[held]).all())


def spiral_today(
    platform: Platform, holdings: Holdings, settings: Settings, gap: float
) -> Spiral | None:
    """The spiral condition when so many dollars must be raised by sales at the least impact cost.

    Calls by a move: the variation margin of a factor's net exposure in netting sets, and the rise
    of initial margin by what a move of one deviation adds to each estimator, (1 - lambda) / sigma.
    Sales by a call: the uncapped water-filling, x proportional to (g / k)^2 with g the cash a
    dollar sold raises, margin released in it, and k = sigma / sqrt(ADV); under linear impact x is
    proportional to g times depth. A platform that nothing can be sold of has a condition of 0; of
    one whose depth is not known there is none.
    """
    if not is_depth_known(platform, settings):
        return None
    margins, slopes = _margin_by_factor(platform, holdings)
    exposure = summed(platform.units.factor, platform.units.exposure, len(margins))
    in_sets = summed(
        platform.units.factor[platform.exposures.unit], platform.exposures.delta, len(margins)
    )
    raised = _raised(platform, margins, exposure)
    sale = _sales(_preferred(platform, settings, raised), raised, np.abs(exposure), gap)
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
    sigma = platform.factors.sigma[held.entry_factor]
    fresh = 1.0 - platform.estimators.memory[held.entry_estimator]
    gain = np.divide(fresh, sigma, out=np.zeros(len(fresh)), where=sigma > 0.0)
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


def _preferred(platform: Platform, settings: Settings, raised: FloatArray) -> FloatArray:
    """What sales at the least cost are proportional to, by factor."""
    factors = platform.factors
    if settings.impact == LINEAR:
        return raised * np.where(np.isfinite(factors.depth), factors.depth, 0.0)
    deep = np.where(np.isfinite(factors.adv), factors.adv, 0.0)
    return np.divide(
        raised**2 * deep, factors.sigma**2, out=np.zeros(len(raised)), where=factors.sigma > 0.0
    )


def _sales(rate: FloatArray, raised: FloatArray, most: FloatArray, gap: float) -> FloatArray:
    """Dollars sold of each factor to raise the gap."""
    rate = np.where(most > 0.0, rate, 0.0)
    total = float((raised * rate).sum())
    return rate * (gap / total) if total > 0.0 else np.zeros(len(raised))


def _moves(platform: Platform, settings: Settings, sale: FloatArray) -> FloatArray:
    """Return per dollar of our own sale, by factor."""
    factors = platform.factors
    if settings.impact == LINEAR:
        linear: FloatArray = factors.crowd / factors.depth
        return linear
    depth = Depth(factors.sigma, factors.adv, factors.crowd)  # infinite where nothing is held
    return impact_slopes(depth, sale, settings.permanent, settings.transient)
