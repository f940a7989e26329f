"""The recording of sampled paths; off, it costs one test an event."""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.avalanche.results import LIQUIDITY
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS

FIELDS = 10
"""Numbers of an event: hour, kind, subject, due hour, amount, parts, and what was disputed."""


class Tape(NamedTuple):
    """Room for one block's recordings; paths first."""

    is_on: bool
    count: Int64Array
    """(16) Events so far."""
    events: FloatArray
    """(16, room, FIELDS)."""
    level: FloatArray
    sigma: FloatArray
    left: FloatArray
    moved: FloatArray
    curved: FloatArray
    lasted: FloatArray
    ratio: FloatArray
    liquidity: FloatArray


@njit(**BORROWS)
def note(
    tape: Tape,
    p: int,
    place: tuple[int, int, int, int],
    facts: tuple[float, float, float, float, float],
) -> None:
    """Writes an event: (hour, kind, subject, due hour), (amount, vm, im, addon, disputed)."""
    n = tape.count[p]
    tape.count[p] = n + 1
    tape.events[p, n, 0], tape.events[p, n, 1] = place[0], place[1]
    tape.events[p, n, 2], tape.events[p, n, 3] = place[2], place[3]
    tape.events[p, n, 4], tape.events[p, n, 5] = facts[0], facts[1]
    tape.events[p, n, 6], tape.events[p, n, 7] = facts[2], facts[3]
    tape.events[p, n, 8] = facts[4]


def new_tape(lanes: int, hours: int, sizes: tuple[int, int, int], room: int) -> Tape:
    """Room for a block, or for nothing with no hours; `sizes` are factors, units, estimators."""
    factors, units, estimators = sizes
    return Tape(
        hours > 0,
        np.zeros(lanes, dtype=np.int64),
        np.zeros((lanes, room, FIELDS - 1)),
        *(np.zeros((lanes, hours, factors)) for _ in range(2)),
        *(np.zeros((lanes, hours, units)) for _ in range(4)),
        np.zeros((lanes, hours, estimators, factors)),
        np.zeros((lanes, hours, len(LIQUIDITY))),
    )
