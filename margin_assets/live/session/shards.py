"""Which shards of the state tables a cycle writes, so that its cost is that of what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rules.rules import SECOND
from margin_assets.lake.store.shards import Shards, hashes, shard_count

SHARDS = "shards"
"""In a manifest: how many shards a cycle writes. Without it a pause asks for all that it lasted."""
WITH_PAUSES = 2
SAMPLED_SHARDS = 4
"""Of a book whose age asks for more shards a second than these a cycle writes so many.

The plan of such a book holds the number, and no other: a rulebook's text is in the hash of all.
"""
SAMPLED = "sampled_shards"
"""In a manifest of a large book: how many shards a cycle writes at most for their age alone."""
_NEVER_WRITTEN = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Bounds:
    """How a book is cut into shards, and how many a cycle writes. Of the rulebook `lake`."""

    accounts_per_shard: int
    whole_shards: int
    least_shards: int
    settled_shards: int
    sample_seconds: int
    counted_pause_seconds: int


@dataclass(frozen=True)
class Part:
    """Shards that a cycle writes, and the places of all accounts in them; None for everybody."""

    shards: Shards
    places: Int64Array | None


class StateShards:
    """When each shard was last written. A book of few shards is written whole every cycle.

    In a larger one a cycle writes the shards of accounts whose own state changed, and the
    longest unwritten ones, as many as the event time that has passed asks for. So every row is
    younger than `sample_seconds` of event time, give or take a cycle, and no cycle writes more
    than its share. Of the time between two cycles `counted_pause_seconds` count at most: the first
    cycle of a morning does not write the book that nothing has happened to since the evening.

    A book that asks for more than `SAMPLED_SHARDS` a second gets as many a cycle: a row of it is
    younger than as many cycles as its shards need so. Else a fill would wait for the rows of
    accounts that it has nothing to do with, the longer the larger the firm is.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.has_pauses = True
        """Whether pauses are counted so: not in cycles from before that."""
        self.most: int | None = None
        """Shards that the plan at work lets be written for their age alone; None for all due."""
        self._bounds = bounds
        self._interval = bounds.sample_seconds * SECOND
        self._hashes: npt.NDArray[np.uint32] = np.zeros(0, dtype=np.uint32)
        self._shard: Int64Array = np.zeros(0, dtype=np.int64)
        """Of each account."""
        self._used: Int64Array = np.zeros(0, dtype=np.int64)
        """Shards with accounts in them, sorted."""
        self._written: Int64Array = np.zeros(0, dtype=np.int64)
        self._last: int | None = None

    def load(self, names: Sequence[str], written: pl.Series) -> None:
        """Takes all accounts and when the saved row of each was written."""
        if names:
            self._grow(names)
            at = instants(written)
            self._written[self._shard] = at
            self._last = int(at.max())

    def choose(self, names: Sequence[str], changed: Int64Array, end: int) -> Part:
        """What to write at `end`, given all accounts and those whose own state changed."""
        grown = self._grow(names)
        if grown or len(self._written) <= self._bounds.whole_shards:
            chosen = self._used
        else:
            moved = np.unique(self._shard[changed])
            chosen = np.union1d(self._oldest(self._share(end)), moved)
        return self._part(chosen, end)

    def heed(self, manifest: Mapping[str, Any]) -> None:
        """Takes what the plan at work says of shards."""
        self.has_pauses = manifest.get(SHARDS, 1) >= WITH_PAUSES
        self.most = manifest.get(SAMPLED)

    def bound(self) -> dict[str, int]:
        """What the plan of the next cycle says of a book too large to sample each second."""
        most, count = SAMPLED_SHARDS, len(self._written)
        return {SAMPLED: most} if count > most * self._bounds.sample_seconds else {}

    def parts(self, most: int) -> list[Int64Array]:
        """Places of all accounts: whole shards together, of about `most` accounts at most."""
        order = np.argsort(self._shard, kind="stable")
        starts = np.searchsorted(self._shard[order], np.arange(len(self._written) + 1))
        cuts = [0]
        for start, end in pairwise(starts.tolist()):
            if end - cuts[-1] > most and start > cuts[-1]:
                cuts.append(start)
        return [np.sort(part) for part in np.split(order, cuts[1:])]

    def is_behind(self, end: int | None) -> bool:
        """Whether a row of the state is older than the grid point `end`."""
        if end is None or not len(self._hashes):
            return False
        return bool((self._written[self._used] < end).any())

    def settle(self, end: int) -> Part:
        """Shards longest behind, as many as a cycle that does nothing else may write."""
        oldest = self._oldest(self._bounds.settled_shards)
        return self._part(oldest[self._written[oldest] < end], end)

    def _part(self, chosen: Int64Array, end: int) -> Part:
        self._written[chosen] = self._last = end
        count = len(self._written)
        if len(chosen) == len(self._used):
            return Part(Shards(count), None)
        is_chosen = np.zeros(count, dtype=np.bool_)
        is_chosen[chosen] = True
        places = np.flatnonzero(is_chosen[self._shard]).astype(np.int64)
        return Part(Shards(count, tuple(int(number) for number in chosen)), places)

    def _oldest(self, count: int) -> Int64Array:
        """Shards with accounts in them, the longest unwritten first, ties by number."""
        order = np.argsort(self._written[self._used], kind="stable")
        return self._used[order[:count]]

    def _share(self, end: int) -> int:
        """Shards that the event time since the last cycle asks for; fractions carry over."""
        count, last = len(self._written), self._last
        if last is None:
            return count
        if self.has_pauses:
            last = max(last, end - self._bounds.counted_pause_seconds * SECOND)
        due = count * end // self._interval - count * last // self._interval
        if self.most is not None:
            due = min(due, self.most)
        return max(self._bounds.least_shards, due)

    def _grow(self, names: Sequence[str]) -> bool:
        """Whether new accounts changed the number of shards: then every account has moved."""
        new = names[len(self._hashes) :]
        if not new and len(self._written):
            return False
        self._hashes = np.concatenate([self._hashes, hashes(new)])
        count = shard_count(len(self._hashes), self._bounds.accounts_per_shard)
        self._shard = (self._hashes & np.uint32(count - 1)).astype(np.int64)
        self._used = np.flatnonzero(np.bincount(self._shard)).astype(np.int64)
        if count == len(self._written):
            return False
        self._written = np.full(count, _NEVER_WRITTEN, dtype=np.int64)
        return True
