"""Counter-based random numbers: Philox4x32-10, so that a path is a function of its number alone.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011; its
published vectors (Random123, kat_vectors) are in the tests. The key is the seed, the counter is
(index, step, path, stream); no state is kept.
"""

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, inner

SHOCK, CHI, BLOCK, DISPUTE, OPS, GA, SHAPLEY = range(7)
"""Streams: shocks, the day's chi, blocks of history, disputes, delays of requests, the genetic
search, permutations."""

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)

Words = tuple[np.uint64, np.uint64, np.uint64, np.uint64]


@njit(**BORROWS, inline="always")
def philox(counter: Words, key: tuple[np.uint64, np.uint64]) -> tuple[int, int, int, int]:
    """Four words of 32 bits from a counter of four and a key of two, each word in 64 bits."""
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(10):
        left, right = _M0 * a, _M1 * c
        a, b = (right >> _HALF) ^ b ^ k0, right & _LOW
        c, d = (left >> _HALF) ^ d ^ k1, left & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return a, b, c, d


def uniforms(seed: int, stream: int, step: int, count: int) -> FloatArray:
    """Uniform numbers of a stream and step, open at both ends; more leave the first as they are."""
    into = np.empty(count)
    _fill(into, seed, step, stream)
    return into


@njit(**BORROWS)
def _fill(into: FloatArray, seed: int, step: int, stream: int) -> None:
    for index in range(len(into)):
        into[index] = uniform(seed, index, step, 0, stream)


@inner(**BORROWS)
def uniform(seed: int, index: int, step: int, path: int, stream: int) -> float:
    """One uniform number, open at both ends."""
    word = np.uint64(seed)
    counter = (np.uint64(index), np.uint64(step), np.uint64(path), np.uint64(stream))
    a, _, _, _ = philox(counter, (word & _LOW, word >> _HALF))
    return (float(a) + 0.5) * 2.0**-32
