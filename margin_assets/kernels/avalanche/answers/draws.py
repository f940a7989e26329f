"""Uniform draws of a stream, as an array: what the searches are seeded by."""

import numpy as np
from numba import njit

from margin_assets.kernels.avalanche.paths.philox import uniform
from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import OWNS


@njit(**OWNS)
def draws(seed: int, stream: int, step: int, count: int) -> FloatArray:
    """The first so many uniform draws of one step of a stream, open at both ends."""
    out = np.empty(count)
    for index in range(count):
        out[index] = uniform(seed, index, step, 0, stream)
    return out
