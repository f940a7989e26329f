"""Need shared out over managers where it is not a sum: Shapley's value, and pairs.

Source: Shapley, A value for n-person games (1953); antithetic permutations after Mitchell and
others, Journal of Machine Learning Research 23 (2022).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

Value = Callable[[FloatArray], float]
"""Need with each manager's book scaled by an entry of the array, 0 to 1, USD."""


class Shares(NamedTuple):
    """Need by manager; the shares and `none` add up to `total`."""

    amount: FloatArray
    error: FloatArray
    """Standard error from the permutations drawn."""
    total: float
    """Need with all."""
    none: float
    """Need with none."""
    runs: int
    """Needs that were computed."""


class Pair(NamedTuple):
    """Two managers whose joint need is not the sum of theirs alone."""

    first: int
    second: int
    joint: float
    alone: float
    """Sum of the two needs alone."""
    excess: float


def permuted(order: FloatArray) -> Int64Array:
    """A permutation from one row of uniform draws: the places of the draws in their order."""
    return np.argsort(order, kind="stable").astype(np.int64)


def shapley(need: Value, draws: FloatArray) -> Shares:
    """Shapley's value by permutations, each run forwards and backwards.

    A manager's share is its mean increase of need when it joins those before it. Backwards after
    forwards the errors of the two cancel in part; the standard error is over such pairs.

    Args:
        need: The game; it must give the same for the same scales.
        draws: Uniform draws, permutations x managers, from the counter-based stream.
    """
    game = _Remembered(need, draws.shape[1])
    samples = []
    for row in draws:
        order = permuted(row)
        samples.append(0.5 * (game.increases(order) + game.increases(order[::-1])))
    held = np.array(samples)
    count = len(held)
    error = held.std(axis=0, ddof=1) / math.sqrt(count) if count > 1 else np.full_like(held[0], 0)
    return Shares(held.mean(axis=0), error, game.all, game.none, len(game.known))


class _Remembered:
    """The game by coalition: permutations begin and end alike."""

    def __init__(self, need: Value, count: int) -> None:
        self._need = need
        self._count = count
        self.known: dict[bytes, float] = {}
        self.none = self.of(np.zeros(count))
        self.all = self.of(np.ones(count))

    def of(self, scales: FloatArray) -> float:
        key = scales.tobytes()
        if key not in self.known:
            self.known[key] = self._need(scales)
        return self.known[key]

    def increases(self, order: Int64Array) -> FloatArray:
        scales, found, before = np.zeros(self._count), np.zeros(self._count), self.none
        for manager in order:
            scales[manager] = 1.0
            after = self.of(scales)
            found[manager], before = after - before, after
        return found


def pairs(need: Value, count: int, among: Int64Array) -> tuple[Pair, ...]:
    """Pairs of managers worse together than alone, the largest excess first.

    `among` are the managers looked at: all pairs of thirty are 435 runs. Needs are net of the need
    with none.
    """
    game = _Remembered(need, count)
    alone = {int(m): game.of(_only(count, int(m))) - game.none for m in among}
    found = []
    for place, first in enumerate(among):
        for second in among[place + 1 :]:
            joint = game.of(_only(count, int(first), int(second))) - game.none
            parts = alone[int(first)] + alone[int(second)]
            if joint > parts:
                found.append(Pair(int(first), int(second), joint, parts, joint - parts))
    return tuple(sorted(found, key=lambda pair: (-pair.excess, pair.first, pair.second)))


def _only(count: int, *members: int) -> FloatArray:
    scales = np.zeros(count)
    scales[list(members)] = 1.0
    return scales
