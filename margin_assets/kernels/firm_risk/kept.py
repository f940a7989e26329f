"""What is summed over all accounts, kept block by block: a change costs the blocks it is in.

Every sum is one of integers, so that in whatever blocks it is taken it is the same.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.firm_risk.exact_parts import Summed, Sums, in_parts, together
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array

BLOCK = 1 << 14
"""Accounts of a block, neighbours."""


class Part:
    """One kind of sums, and columns by account that are filled on the way."""

    def __init__(self, rests_on: object) -> None:
        """`rests_on`: what all accounts share that the sums rest on, arrays in tuples."""
        self._rests_on = _copied(rests_on)
        self._blocks: list[Summed] = []
        self._columns: dict[str, npt.NDArray[np.int64]] = {}
        self._stale: set[int] = set()

    def rests_on(self, now: object) -> bool:
        """Whether that is as it was."""
        return _are_same(self._rests_on, now)

    def forget(self, blocks: Int64Array) -> None:
        """Accounts of some blocks are others since."""
        self._stale.update(blocks.tolist())

    def column(self, name: str, *shape: int) -> npt.NDArray[np.int64]:
        """A column, or a table, of whole numbers by account: 0 of an account that is new."""
        held = self._columns.get(name, np.zeros((0, *shape[1:]), dtype=np.int64))
        if len(held) < shape[0]:
            new = np.zeros((shape[0] - len(held), *shape[1:]), dtype=np.int64)
            held = self._columns[name] = np.concatenate([held, new])
        return held

    def sums(self, accounts: int, summed: Callable[[Int64Array], Summed]) -> Sums:
        """Sums over so many accounts; only blocks with changes are summed again."""
        for block in range(max(1, -(-accounts // BLOCK))):
            if block < len(self._blocks) and block not in self._stale:
                continue
            some = np.arange(block * BLOCK, min(accounts, (block + 1) * BLOCK), dtype=np.int64)
            self._blocks[block : block + 1] = [in_parts(some, summed)]
        self._stale = set()
        return together(self._blocks)[0]


class Kept:
    """The parts by name. A new one knows nothing, and sums everything."""

    def __init__(self) -> None:
        self._parts: dict[str, Part] = {}

    def note(self, is_changed: BoolArray) -> None:
        """Takes which accounts are others since this was told last: new ones are."""
        blocks = np.unique(np.flatnonzero(is_changed) // BLOCK)
        for part in self._parts.values():
            part.forget(blocks)

    def part(self, name: str, rests_on: object = ()) -> Part:
        """A part; it begins anew where what it rests on is not as it was."""
        found = self._parts.get(name)
        if found is None or not found.rests_on(rests_on):
            found = self._parts[name] = Part(rests_on)
        return found


def _copied(given: object) -> object:
    if isinstance(given, tuple):
        return tuple(map(_copied, given))
    return given.copy() if isinstance(given, np.ndarray) else given


def _are_same(one: object, other: object) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_are_same, one, other))
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return one == other
