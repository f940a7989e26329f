"""Models that are a norm of weighted exposures: normal shortfall, and SIMM of factor exposures.

K(w) = sqrt(x' C x) with x = weight delta w. It is convex and homogeneous, and its tangent at any
state is a supporting plane. Convexity of positions is charged apart, factor by factor.
"""

import math
from statistics import NormalDist

import numpy as np

from margin_assets.kernels.initial_margin.cuts import Exposure, Model, Planes, States
from margin_assets.kernels.numeric.arrays import FloatArray


def normal_shortfall(alpha: float) -> float:
    """Expected shortfall of a standard normal loss: density at the quantile over the tail.

    Source: McNeil, Frey, Embrechts, Quantitative Risk Management (2015), example 2.14.
    """
    normal = NormalDist()
    return normal.pdf(normal.inv_cdf(alpha)) / (1.0 - alpha)


def normal_weights(sigma: FloatArray, alpha: float, days: float) -> FloatArray:
    """[factor]: shortfall of a unit exposure over a margin period of `days`."""
    return sigma * normal_shortfall(alpha) * math.sqrt(days)


def norm_model(weights: FloatArray, correlation: FloatArray, exposure: Exposure) -> Model:
    """Norm of the weighted exposures.

    Args:
        weights: [factor], USD per USD of delta.
        correlation: [factor, factor], positive semidefinite.
        exposure: Of the set.
    """

    def model(states: States) -> tuple[FloatArray, Planes]:
        x = weights * exposure.delta * states.w
        pulled = np.einsum("nf,fg->ng", x, correlation)
        values = np.sqrt(np.maximum(np.einsum("nf,nf->n", pulled, x), 0.0))
        slope = np.divide(pulled, values[:, None], out=np.zeros_like(x), where=values[:, None] > 0)
        return values, Planes(weights * slope, np.zeros_like(x))

    return model


def short_convexity(weights: FloatArray, exposure: Exposure) -> Planes:
    """What short gamma loses at the weights, summed over factors; long gamma earns nothing."""
    loss = np.where(exposure.gamma < 0.0, -0.5 * weights**2, 0.0)[None, :]
    return Planes(np.zeros_like(loss), loss)
