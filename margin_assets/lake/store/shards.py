"""Shards of the state tables: accounts by a hash of their id, so that a few can be replaced alone.

A Delta partition is replaced without reading another, at a cost that does not grow with the
table. Which shard an account is in depends on its id and on the number of shards alone.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

SHARD = "shard"
SHARD_COLUMN = dy.Int32(min=0, description="Part of the table the account is stored in.")


@dataclass(frozen=True)
class Shards:
    """What a cycle replaces of the state tables."""

    count: int
    """How many there are; a power of two."""
    chosen: tuple[int, ...] | None = None
    """Which of them the frames hold, every row of each; None for all."""

    def predicate(self) -> str | None:
        """Rows that are replaced, as SQL; None for all."""
        if self.chosen is None:
            return None
        return f"{SHARD} IN ({', '.join(map(str, self.chosen))})"


def shard_count(accounts: int, most: int) -> int:
    """Number of shards so that each holds about `most` accounts, at least half of that."""
    count = 1
    while count * most < accounts:
        count *= 2
    return count


def hashes(accounts: Sequence[str]) -> npt.NDArray[np.uint32]:
    """A hash of each id that no library version changes (CRC-32 of its UTF-8 bytes)."""
    found = (zlib.crc32(account.encode()) for account in accounts)
    return np.fromiter(found, dtype=np.uint32, count=len(accounts))


def shards_of(accounts: pl.Series, count: int) -> pl.Series:
    """Shard of each account id."""
    if count == 1:
        return pl.Series(SHARD, np.zeros(len(accounts), dtype=np.int32))
    # The rows of an account stand together, so that it is hashed once.
    runs = accounts.rle().struct.unnest()
    shard = (hashes(runs["value"].to_list()) & np.uint32(count - 1)).astype(np.int32)
    return pl.Series(SHARD, np.repeat(shard, runs["len"].to_numpy()), dtype=pl.Int32)
