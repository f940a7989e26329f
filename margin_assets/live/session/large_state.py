"""The state tables of a book so large that they are never in memory as a whole.

A cycle that writes every account shapes the rows some accounts at a time, twice: in the order of
their ids for the digests, which are over the text of whole tables, and by shard for the files.
Shaping twice costs less than keeping all rows, and what comes of it is the same.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.lake.ledger.canonical import Digest
from margin_assets.lake.store.declared import conform
from schemas import TABLES

MOST_AT_ONCE = 1 << 15
"""Accounts of a part: of ten positions each its rows take a few hundred MB."""
_KEPT = "margin_summary"
Frames = dict[str, pl.DataFrame]


@dataclass
class LargeState:
    """How the state tables of all accounts are shaped, and in which parts."""

    shaped: Callable[[Int64Array], Frames]
    """Rows of some accounts, by place; asked for by two threads at once."""
    in_order: list[Int64Array]
    """Places of all accounts, in the order of their ids."""
    by_shard: list[Int64Array]
    """The same, all those of a shard together."""
    may_lack: frozenset[str]
    """Tables that are not written if they have no row at all."""
    tell: Callable[[str], None] = lambda _line: None
    """Hears of how many accounts rows are written so far."""

    def vouched(self) -> "Vouched":
        """Shapes every row for the digests."""
        found = Vouched({}, Counter(), [])
        with ThreadPoolExecutor(1) as beside:
            at_work: Future[None] | None = None
            for places in self.in_order:
                frames = _conformed(self.shaped(places))
                if at_work is not None:
                    at_work.result()
                at_work = beside.submit(found.take, frames)
            if at_work is not None:
                at_work.result()
        return found

    def names(self, vouched: "Vouched") -> list[str]:
        """Tables to be written."""
        counted = vouched.counts.items()
        return sorted(name for name, rows in counted if rows or name not in self.may_lack)

    def frames(self) -> Iterator[Frames]:
        """Rows of every table, some shards at a time."""
        done, accounts = 0, sum(map(len, self.by_shard))
        for places in self.by_shard:
            yield self.shaped(places)
            done += len(places)
            self.tell(f"state of {done:,} of {accounts:,} accounts is written")


@dataclass(frozen=True)
class Vouched:
    """What a seal says of state tables, taken part after part."""

    digests: dict[str, Digest]
    counts: Counter[str]
    summaries: list[pl.DataFrame]
    """Rows of the summary, by which the health of the monitor is told."""

    def take(self, frames: Frames) -> None:
        """Takes the rows of the accounts that come next."""
        for name, frame in frames.items():
            if name not in self.digests:
                self.digests[name] = Digest(TABLES[name])
            self.digests[name].take(frame)
            self.counts[name] += frame.height
        self.summaries.append(frames[_KEPT])

    def summary(self) -> Frames:
        """The summary of all accounts."""
        return {_KEPT: pl.concat(self.summaries)}


def _conformed(frames: Frames) -> Frames:
    return {name: conform(name, frame) for name, frame in frames.items()}
