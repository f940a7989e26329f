"""Zero curves of nodes: discount factors on any days, and how they move with nodes and key rates.

Everything is read off the logarithm of the discount factor, which is minus the weights of the
nodes times their zero rates: a curve's weights are worked out once for its nodes' places, and a
tick is a product.
"""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.rates.interpolation import cubic_weights, linear_weights, slope_weights

INTERPOLATIONS = (
    "linear_zero",
    "natural_cubic_zero",
    "log_linear_discount",
    "log_cubic_discount",
    "monotone_log_cubic_discount",
    "kruger_log_discount",
)
EXTRAPOLATIONS = ("flat_zero", "flat_forward")
BASIS_POINT = 1e-4

_SLOPES = {
    "natural_cubic_zero": "natural",
    "log_cubic_discount": "natural",
    "monotone_log_cubic_discount": "monotone",
    "kruger_log_discount": "kruger",
}
_FEWEST_FOR_CUBIC = 2


class Curve(NamedTuple):
    """A zero curve. Rates are continuously compounded, in the curve's own years."""

    times: FloatArray
    """Years of the nodes from the curve's reference day, ascending."""
    zero_rates: FloatArray
    interpolation: str
    """One of `INTERPOLATIONS`; those of the discount factor have a node of 1 at time 0."""
    extrapolation: str
    """Beyond the last node, one of `EXTRAPOLATIONS`; before the first the rate is flat."""

    @property
    def is_linear(self) -> bool:
        """Whether the weights of the nodes are the same at any level of rates."""
        return _SLOPES.get(self.interpolation, "natural") == "natural"


def weights(curve: Curve, times: FloatArray) -> FloatArray:
    """Minus the derivative of the log discount factor by each node's zero rate; times by nodes.

    The weights times the zero rates are minus the log discount factors. A time before the
    reference day reads the curve as if it went on with the first rate.
    """
    within = np.clip(times, curve.times[0] if _is_zero(curve) else 0.0, curve.times[-1])
    found = _zero_weights(curve, within) if _is_zero(curve) else _discount_weights(curve, within)
    scaled = found * within[:, None] if _is_zero(curve) else found
    return _extrapolated(curve, times, scaled)


def _is_zero(curve: Curve) -> bool:
    return curve.interpolation.endswith("zero")


def _zero_weights(curve: Curve, at: FloatArray) -> FloatArray:
    """Weights of the nodes' rates in the rate."""
    if curve.interpolation == "linear_zero" or curve.times.size < _FEWEST_FOR_CUBIC:
        return linear_weights(curve.times, at)
    return cubic_weights(curve.times, curve.zero_rates, "natural", at)


def _discount_weights(curve: Curve, at: FloatArray) -> FloatArray:
    """Weights of the nodes' rates in minus the log discount factor."""
    places = np.concatenate([[0.0], curve.times])
    if curve.interpolation == "log_linear_discount":
        found = linear_weights(places, at)
    else:
        heights = np.concatenate([[0.0], curve.times * curve.zero_rates])
        found = cubic_weights(places, heights, _SLOPES[curve.interpolation], at)
    return found[:, 1:] * curve.times


def _extrapolated(curve: Curve, times: FloatArray, within: FloatArray) -> FloatArray:
    """The weights with what lies before the first and beyond the last node put right."""
    first, last = curve.times[0], curve.times[-1]
    found = within
    if _is_zero(curve):
        early = times < first
        found[early] = 0.0
        found[early, 0] = times[early]
    else:
        past = times < 0.0
        found[past] = 0.0
        found[past, 0] = times[past]
    late = times > last
    if not late.any():
        return found
    beyond = (times[late] - last)[:, None]
    if curve.extrapolation == "flat_zero":
        found[late] = 0.0
        found[late, -1] = times[late]
    else:
        found[late] = found[late] + beyond * _last_forward(curve)
    return found


def _last_forward(curve: Curve) -> FloatArray:
    """Weights of the nodes' rates in the instantaneous forward rate at the last node."""
    last = curve.times[-1]
    own = np.zeros(curve.times.size)
    own[-1] = 1.0
    if _is_zero(curve):
        if curve.times.size < _FEWEST_FOR_CUBIC:
            return own
        return own + last * _end_slope(curve.times, curve.zero_rates, curve.interpolation)
    places = np.concatenate([[0.0], curve.times])
    heights = np.concatenate([[0.0], curve.times * curve.zero_rates])
    return _end_slope(places, heights, curve.interpolation)[1:] * curve.times


def _end_slope(places: FloatArray, heights: FloatArray, interpolation: str) -> FloatArray:
    if interpolation in _SLOPES:
        return slope_weights(places, heights, _SLOPES[interpolation])[-1]
    found = np.zeros(places.size)
    found[-2:] = np.array([-1.0, 1.0]) / (places[-1] - places[-2])
    return found


def discount_factors(curve: Curve, times: FloatArray) -> FloatArray:
    """Discount factors at those times, in the curve's years from its reference day."""
    return np.exp(-(weights(curve, times) @ curve.zero_rates))


def shifted(curve: Curve, shifts: FloatArray) -> Curve:
    """The curve with its nodes' zero rates moved by so much each."""
    return curve._replace(zero_rates=curve.zero_rates + shifts)


def key_rate_weights(tenors: FloatArray, times: FloatArray) -> FloatArray:
    """Minus the derivative of the log discount factor by each key rate; times by tenors.

    A key rate moves the zero rate by a triangle that is 1 at its own tenor and 0 at the next ones,
    flat before the first and beyond the last: together they are a parallel shift, so that key
    rates add up to it whatever the curve's nodes.

    Source: Thomas S. Y. Ho, Key Rate Durations, Journal of Fixed Income 2(2), 1992.
    """
    return linear_weights(tenors, times) * times[:, None]
