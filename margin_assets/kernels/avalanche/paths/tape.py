"""The recording of sampled paths; off, it costs one test an event."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.results import LIQUIDITY
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, inner

FIELDS = 9
"""Numbers of an event: hour, kind, subject, due hour, amount, parts, and what was disputed."""


class Tape(NamedTuple):
    """Room for one block's recordings; paths first."""

    is_on: bool
    written: Int64Array
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


@inner(**BORROWS)
def note(
    tape: Tape,
    p: int,
    place: tuple[int, int, int, int],
    facts: tuple[float, float, float, float, float],
) -> None:
    """Writes an event: (hour, kind, subject, due hour), (amount, vm, im, addon, disputed)."""
    n = tape.written[p]
    tape.written[p] = n + 1
    tape.events[p, n, 0], tape.events[p, n, 1] = place[0], place[1]
    tape.events[p, n, 2], tape.events[p, n, 3] = place[2], place[3]
    tape.events[p, n, 4], tape.events[p, n, 5] = facts[0], facts[1]
    tape.events[p, n, 6], tape.events[p, n, 7] = facts[2], facts[3]
    tape.events[p, n, 8] = facts[4]


def new_tape(lanes: int, hours: int, sizes: tuple[int, int, int], room: int) -> Tape:
    """Room for a block, or for nothing with no hours; `sizes` are factors, units, estimators."""
    factors, units, estimators = sizes
    by_factor, by_unit = (lanes, hours, factors), (lanes, hours, units)
    return Tape(
        is_on=hours > 0,
        written=np.zeros(lanes, dtype=np.int64),
        events=np.zeros((lanes, room, FIELDS)),
        level=np.zeros(by_factor),
        sigma=np.zeros(by_factor),
        left=np.zeros(by_unit),
        moved=np.zeros(by_unit),
        curved=np.zeros(by_unit),
        lasted=np.zeros(by_unit),
        ratio=np.zeros((lanes, hours, estimators, factors)),
        liquidity=np.zeros((lanes, hours, len(LIQUIDITY))),
    )
