"""Groupings of least requirement in bulk: the class groups of many accounts at once."""

import numpy as np

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.threads import over_ranges
from margin_assets.kernels.strategies.grouping import PROOF, TOO_LARGE, WORK
from margin_assets.kernels.strategies.large_groups import large_grouping
from margin_assets.kernels.strategies.problems import Problems
from margin_assets.kernels.strategies.solutions import (
    Solution,
    keep,
    records_of,
    room_of,
    solve,
    starts_of,
)
from margin_assets.kernels.strategies.strategies import StrategyRates

_ALONE = 16
"""Problems that one thread solves as soon as several that must be started."""


def least_requirements(problems: Problems, rates: StrategyRates) -> Solution:
    """The grouping of every problem that requires least, deterministic whatever the threads."""
    starts = starts_of(problems)
    room = room_of(starts)
    taken = np.zeros(len(starts) - 1, dtype=np.int64)

    def walk(first: int, end: int) -> None:
        solve(problems, (rates, WORK), (first, end), starts, room, taken)

    over_ranges(walk, len(taken), _ALONE)
    for p in np.flatnonzero((room.gap == TOO_LARGE) | (room.gap >= PROOF)):
        # Outside the loop over the threads: one at a time, whatever their number.
        some, shares = records_of(problems, p)
        found = large_grouping(some, shares, rates, WORK)
        taken[p] = keep(problems, starts, room, p, found)
    return _packed(starts, taken, room)


def _packed(starts: Int64Array, taken: Int64Array, room: Solution) -> Solution:
    """The groups without the room left over."""
    offsets = np.concatenate(([0], np.cumsum(taken))).astype(np.int64)
    within = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1], taken)
    place = np.repeat(starts[:-1], taken) + within
    rows = {
        name: getattr(room, name)[place]
        for name in ("kind", "legs", "stock", "shares", "count", "amount", "spread")
    }
    return room._replace(offsets=offsets, **rows)
