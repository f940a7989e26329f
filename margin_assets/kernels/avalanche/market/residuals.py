"""Residuals of filtered history by hour, as the bootstrap draws them (2)."""

import numpy as np

from margin_assets.kernels.avalanche.market.correlations import mended, root
from margin_assets.kernels.numeric.arrays import FloatArray


def unit_variance(residuals: FloatArray) -> FloatArray:
    """Columns brought to mean square one; a column that never moved stays nothing."""
    scale = np.sqrt((residuals**2).mean(axis=0))
    return np.divide(residuals, scale, out=np.zeros_like(residuals), where=scale > 0.0)


def bridged(daily: FloatArray, hour_share: FloatArray, seed: int) -> FloatArray:
    """[day, 24, factor]: days spread over their hours by a Brownian bridge.

    Hours have mean square one, and weighted by the root of their share of variance they add up to
    the day. Between factors hours correlate as days do.

    Args:
        daily: [day, factor], mean square one.
        hour_share: [factor, 24], shares of a day's variance.
        seed: Of the bridges.
    """
    days, factors = daily.shape
    weight = np.sqrt(hour_share).T
    calm = mended(np.einsum("df,dg->fg", daily, daily) / days)
    random = np.random.Generator(np.random.Philox(seed))
    noise = np.einsum(
        "dhk,fk->dhf", random.standard_normal((days, weight.shape[0], factors)), root(calm)
    )
    missing = daily - np.einsum("dhf,hf->df", noise, weight)
    return noise + weight * missing[:, None, :]


def by_hour(returns: FloatArray, volatility: FloatArray, hour_share: FloatArray) -> FloatArray:
    """[day, 24, factor]: hourly returns over what their hour was expected to move by.

    Args:
        returns: [day, 24, factor].
        volatility: [day, factor], known before the day.
        hour_share: [factor, 24].
    """
    scale = volatility[:, None, :] * np.sqrt(hour_share).T[None]
    return np.divide(returns, scale, out=np.zeros_like(returns), where=scale > 0.0)
