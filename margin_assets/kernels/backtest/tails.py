"""Tails of what was gained and lost, in the conventions of Open Source Risk Engine.

Of n results in ascending order the value at risk of a share q is the one at floor(q n), counted
from 0, and the expected shortfall is the mean of the lowest floor(q n) + 1.
"""

import math

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray

_WHOLE = 9  # digits: a share such as 0.07 of 100 is whole, whatever its binary form


def place_of(share: float, count: int) -> int:
    """Place of the value at risk among so many results in ascending order, from 0.

    Raises:
        ValueError: The share is not within 0 and 1, or there is no result.
    """
    if not count or not 0.0 <= share < 1.0:
        msg = f"no tail of a share of {share} in {count} results"
        raise ValueError(msg)
    return math.floor(round(share * count, _WHOLE))


def value_at_risk(results: FloatArray, share: float) -> float:
    """Loss at the order statistic of a share; positive is a loss."""
    place = place_of(share, len(results))
    return -float(np.partition(results, place)[place])


def expected_shortfall(results: FloatArray, share: float) -> float:
    """Mean loss of the lowest results, up to and with that of the value at risk."""
    tail = place_of(share, len(results)) + 1
    return -math.fsum(np.sort(results)[:tail].tolist()) / tail
