"""Whose place on the ladder a run has changed, by what it was when the run first touched them."""

import numpy as np

from margin_assets.kernels.enforcement.rungs import Ladder
from margin_assets.kernels.numeric.arrays import Int64Array


class Climbed:
    """The ladder of accounts as it was, copied for those alone that a run touches."""

    def __init__(self, ladder: Ladder) -> None:
        """A run begins."""
        self._ladder = ladder
        self._is_noted = np.zeros(len(ladder.deadline), dtype=np.bool_)
        self._was: list[tuple[Int64Array, Ladder]] = []

    def note(self, accounts: Int64Array) -> None:
        """Takes where accounts stand, before anything moves them."""
        new = accounts[~self._is_noted[accounts]]
        self._is_noted[new] = True
        self._was.append((new, Ladder._make(column[new] for column in self._ladder)))

    def moved(self) -> list[Int64Array]:
        """Accounts that stand elsewhere now than when the run began."""
        return [
            accounts[getattr(self._ladder, name)[accounts] != getattr(was, name)]
            for accounts, was in self._was
            for name in Ladder._fields
        ]
