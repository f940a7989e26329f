"""Ids that have landed: those of sealed cycles by a hash each, those since then as they are.

A hash of 64 bits a row keeps a restart and its memory small however long the lake has run. A hash
that is there is a suspicion, settled by looking the id up.
"""

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import polars as pl

_MOST_NEW = 100_000
Confirm = Callable[[list[str]], Iterable[str]]
"""Which of some ids are in the table of sealed rows."""


class SeenIds:
    """A set of ids that is asked in batches and never forgets."""

    def __init__(self, hashes: npt.NDArray[np.uint64], confirm: Confirm) -> None:
        self._runs = [np.sort(hashes)]
        """Hashes in order, in runs of which each is more than twice as long as the next."""
        self._confirm = confirm
        self._new: set[str] = set()
        self._many: list[pl.Series] = []
        """What is as new and came by many: no names of their own before one is asked for."""
        self._gone: set[str] = set()
        self._checked: dict[str, bool] = {}

    def check(self, ids: Iterable[str]) -> None:
        """Settles a batch at once, so that asking for its ids costs nothing.

        What earlier batches asked is forgotten.
        """
        self._name()
        asked = [n for n in dict.fromkeys(ids) if n not in self._new and n not in self._gone]
        suspects = [name for name, found in zip(asked, self._among(asked), strict=True) if found]
        landed = set(self._confirm(suspects)) if suspects else set()
        self._checked = {name: name in landed for name in asked}

    def _among(self, ids: list[str]) -> npt.NDArray[np.bool_]:
        return self._is_among(hashed(pl.Series(ids, dtype=pl.String)))

    def _is_among(self, wanted: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        found = np.zeros(len(wanted), dtype=np.bool_)
        for run in self._runs:
            if len(run):
                place = np.searchsorted(run, wanted)
                found |= run[np.minimum(place, len(run) - 1)] == wanted
        return found

    def __contains__(self, name: str) -> bool:
        """Whether the id has landed."""
        self._name()
        if name in self._new:
            return True
        if name in self._gone:
            return False
        if name not in self._checked:
            is_landed = bool(self._among([name])[0]) and name in set(self._confirm([name]))
            self._checked[name] = is_landed
        return self._checked[name]

    def add(self, name: str) -> None:
        """Takes an id that landed now."""
        self._new.add(name)
        self._gone.discard(name)

    def are_new(self, ids: pl.Series) -> bool:
        """Whether all ids are different and none has landed; False also where it is not certain."""
        # In order, since looking up millions here and there waits on memory.
        wanted = np.sort(hashed(ids))
        if (wanted[1:] == wanted[:-1]).any() or self._is_among(wanted).any():
            return False
        self._name()
        return not self._new or self._new.isdisjoint(ids.to_list())

    def add_all(self, ids: pl.Series) -> None:
        """Takes ids that landed now."""
        if self._gone:
            self._gone.difference_update(ids.to_list())
        self._many.append(ids)

    def _name(self) -> None:
        many, self._many = self._many, []
        for ids in many:
            self._new.update(ids.to_list())

    def discard(self, name: str) -> None:
        """Gives an id free: whoever had it is refused, and it may land again."""
        self._name()
        self._new.discard(name)
        self._gone.add(name)

    def settle(self) -> None:
        """Keeps only hashes of what landed, once a cycle has sealed it and there is much of it."""
        if len(self._new) + sum(map(len, self._many)) <= _MOST_NEW:
            return
        new = pl.concat([pl.Series(list(self._new), dtype=pl.String), *self._many])
        self._runs.append(np.sort(hashed(new)))
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            # Two runs in order, which a stable sort merges.
            both = np.concatenate([self._runs.pop(), self._runs.pop()])
            self._runs.append(np.sort(both, kind="stable"))
        self._new, self._many, self._checked = set(), [], {}

    def isdisjoint(self, ids: Iterable[str]) -> bool:
        """Whether none of the ids has landed."""
        return not any(name in self for name in ids)


def hashed(ids: pl.Series) -> npt.NDArray[np.uint64]:
    """Hashes of ids, the same within a process."""
    return ids.hash(seed=0).to_numpy()
