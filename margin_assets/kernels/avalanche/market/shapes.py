"""Shapes of a scenario in time, and the direction in which a book loses most."""

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray


def fading(hours: int, decay_h: float) -> FloatArray:
    """[hour]: 1 at first, fading by e in `decay_h` hours."""
    found: FloatArray = np.exp(-np.arange(hours) / decay_h)
    return found


def shares(weights: FloatArray) -> FloatArray:
    """The weights brought to a sum of 1."""
    found: FloatArray = weights / weights.sum()
    return found


def front_loaded(hours: int, first_hours: int, first_share: float, decay_h: float) -> FloatArray:
    """[hour]: share of a move: so much of it evenly in the first hours, the rest fading after."""
    found = np.zeros(hours)
    first = min(first_hours, hours)
    found[:first] = first_share / first
    if hours > first:
        found[first:] = (1.0 - first_share) * shares(fading(hours - first, decay_h))
    return shares(found)


def rising(hours: int, peak_hour: int, most: float) -> FloatArray:
    """[hour]: multiplier that rises evenly from 1 to `most` at an hour and stays there."""
    part = np.minimum(np.arange(hours) / max(peak_hour, 1), 1.0)
    found: FloatArray = 1.0 + (most - 1.0) * part
    return found


def worst_direction(loss: FloatArray, correlation: FloatArray) -> FloatArray:
    """[factor]: standardised move of Mahalanobis length 1 that loses most.

    z = C b / sqrt(b' C b). Source: Breuer and Csiszar, Systematic stress tests (2010). Nothing
    where there is nothing to lose.

    Args:
        loss: [factor], loss per standard deviation of each factor.
        correlation: [factor, factor].
    """
    pulled = np.einsum("fg,g->f", correlation, loss)
    size = float(np.sqrt(max(float((loss * pulled).sum()), 0.0)))
    return pulled / size if size > 0.0 else np.zeros_like(pulled)
