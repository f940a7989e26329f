"""Add-on for positions that are large for their market: it grows with size to the power 1.5."""

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray


def charge(
    delta: FloatArray, sigma: FloatArray, adv: FloatArray, terms: tuple[float, float, float]
) -> FloatArray:
    """[position]: kappa phi |delta| sigma sqrt(|delta| / (theta adv)), 0 up to theta adv.

    It is what closing the position over |delta| / (theta adv) days may lose. Source: the square
    root of the closing time, Almgren and Chriss, Optimal execution (2000).

    Args:
        delta: USD per unit return.
        sigma: Daily volatility.
        adv: Turnover a day, USD of delta, above 0.
        terms: kappa, phi, theta.
    """
    kappa, phi, theta = terms
    size = np.abs(delta)
    found: FloatArray = kappa * phi * size * sigma * np.sqrt(size / (theta * adv))
    return np.where(size > theta * adv, found, 0.0)


def threshold_share(delta: FloatArray, adv: FloatArray, theta: float) -> FloatArray:
    """[position]: share of it that is left where the add-on falls away; 1 for one that has none."""
    size = np.abs(delta)
    share = np.divide(theta * adv, size, out=np.ones(len(size)), where=size > 0.0)
    return np.minimum(share, 1.0)
