"""A firm in several lakes: which accounts each of them keeps.

Every lake of such a firm accepts all that lands, and keeps the books of its own accounts alone.
Which these are follows from an account's id and the number of lakes, whatever lands.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from margin_assets.lake.store.shards import hashes

DIVISION = "division"
"""In a manifest: which division of a firm the lake keeps, and of how many; else all of it."""
_OWNERS = ("account_id", "account")
"""Columns that say whose a row is."""
_BITS, _MASK = 32, 2**32 - 1
_STIR = np.uint64(2_654_435_761)  # odd, near 2^32 over the golden ratio


@dataclass(frozen=True)
class Division:
    """One of `count` divisions of a firm, by its number from 0."""

    number: int = 0
    count: int = 1

    @classmethod
    def of(cls, manifest: Mapping[str, Any] | None) -> "Division":
        """The division that a plan is of."""
        return cls(*(manifest or {}).get(DIVISION, ()))

    @property
    def manifest(self) -> dict[str, list[int]]:
        """What a manifest says of it."""
        return {DIVISION: [self.number, self.count]}

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the firm."""
        return self.count == 1

    @property
    def is_first(self) -> bool:
        """Whether it keeps what is of no account: the rates book."""
        return self.number == 0

    def keeps(self, accounts: pl.Series) -> pl.Series:
        """Whether each account is of the division."""
        if self.is_whole:
            return pl.repeat(value=True, n=len(accounts), dtype=pl.Boolean, eager=True)
        # The rows of an account often stand together, so that it is hashed once.
        runs = accounts.rle().struct.unnest()
        is_kept = divisions_of(runs["value"].to_list(), self.count) == self.number
        return pl.Series(np.repeat(is_kept, runs["len"].to_numpy()), dtype=pl.Boolean)

    def part(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of its accounts; all where rows are nobody's."""
        owner = owner_of(rows.columns)
        return rows if owner is None or self.is_whole else rows.filter(self.keeps(rows[owner]))

    def scanned(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The same of a scan."""
        owner = owner_of(rows.collect_schema().names())
        if owner is None or self.is_whole:
            return rows
        return rows.filter(pl.col(owner).map_batches(self.keeps, return_dtype=pl.Boolean))


def owner_of(columns: Sequence[str]) -> str | None:
    """The column that says whose a row is; None where rows are nobody's."""
    return next((name for name in _OWNERS if name in columns), None)


def divisions_of(accounts: Sequence[str], count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Number of the division of each account id.

    By the upper bits of its hash, stirred: ids that count up have theirs in clusters. The lower
    ones as they are say in which shard of its lake's tables it is.
    """
    stirred = hashes(accounts).astype(np.uint64) * _STIR & np.uint64(_MASK)
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = stirred.astype(np.int64) * count >> _BITS
    return found
