"""Points, weights and interpolation of the integrals over an option's remaining time."""

import math

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray

_DIGITS = 15  # those beyond differ between C libraries


def _legendre(x: float, count: int) -> tuple[float, float]:
    """Legendre's polynomial of a degree, and its slope."""
    below, value = 1.0, x
    for k in range(2, count + 1):
        below, value = value, ((2 * k - 1) * x * value - (k - 1) * below) / k
    return value, count * (x * value - below) / (x * x - 1.0)


def quarter_circle(count: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sines, cosines and weights of the points of an integral over a time, in shares of it.

    The time since now is the squared sine of an angle and the time to expiry its squared cosine:
    the integrands are smooth in both roots, so Gauss and Legendre's rule over the angle needs a
    fifth of the points that it needs over the root of one of the times.
    """
    angles, weights = np.empty(count), np.empty(count)
    for k in range(count):
        x = math.cos(math.pi * (k + 0.75) / (count + 0.5))
        for _ in range(6):
            value, slope = _legendre(x, count)
            x -= value / slope
        slope = _legendre(x, count)[1]
        angles[k] = 0.25 * math.pi * (1.0 - x)
        weights[k] = 0.5 * math.pi / ((1.0 - x * x) * slope * slope) * math.sin(2.0 * angles[k])
    return np.sin(angles).round(_DIGITS), np.cos(angles).round(_DIGITS), weights.round(_DIGITS)


def chebyshev(count: int) -> FloatArray:
    """Chebyshev's points from 1 down to 0, one more than `count`."""
    return (0.5 + 0.5 * np.cos(np.arange(count + 1) * math.pi / count)).round(_DIGITS)


def shares(points: FloatArray, nodes: FloatArray) -> FloatArray:
    """Shares of the values at Chebyshev's points (a row each) in the polynomial at each point.

    The last node has no row: the value there is 0. No point may be a node.

    Source: Berrut and Trefethen, Barycentric Lagrange Interpolation, SIAM Review 46(3), 2004.
    """
    terms = (-1.0) ** np.arange(len(nodes))[:, None] / (points - nodes[:, None])
    terms[[0, -1]] *= 0.5
    return (terms / terms.sum(axis=0))[:-1].round(_DIGITS)
