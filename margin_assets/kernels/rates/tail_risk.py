"""Value at risk and expected shortfall of a series of profits and losses.

Conventions of OpenSourceRisk/Engine, `analytics/engine/historicalsimulationvar`: the order
statistic floor(q n), counted from 0, of the worst first; the shortfall is the mean of it and all
that is worse.
"""

import math

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray


def order_statistic(count: int, tail: float) -> int:
    """Place of the quantile among sorted results, counted from 0 at the worst.

    Args:
        count: number of results, at least 1.
        tail: probability of what is worse, within (0, 1): 0.01 for a confidence of 99%.
    """
    # A product such as 0.01 * 500 is meant to be whole: what the float lost is put back.
    return min(math.floor(round(tail * count, 9)), count - 1)


def value_at_risk(results: FloatArray, tail: float) -> float:
    """The loss that a share `tail` of the results exceed; positive is a loss.

    Raises:
        ValueError: there is no result, or one is no number.
    """
    return -float(_sorted(results)[order_statistic(results.size, tail)])


def expected_shortfall(results: FloatArray, tail: float) -> float:
    """Mean of the losses from the value at risk on; positive is a loss.

    Raises:
        ValueError: there is no result, or one is no number.
    """
    worst = _sorted(results)[: order_statistic(results.size, tail) + 1]
    return -math.fsum(worst.tolist()) / worst.size


def _sorted(results: FloatArray) -> FloatArray:
    if not results.size:
        raise ValueError("no results")
    if not np.isfinite(results).all():
        raise ValueError("a result is no number")
    return np.sort(results)
