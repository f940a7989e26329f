"""What a cycle computed is written, and said of it what its seal vouches for."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import NamedTuple

import polars as pl

from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.ledger.ledger import ACCOUNTS_WRITTEN
from margin_assets.lake.store.kept_threads import KeptThreads, Tasks
from margin_assets.lake.store.shards import Shards
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.computed import Computed
from margin_assets.live.session.large_state import LargeState
from schemas import TABLES


class Written(NamedTuple):
    """Tables that a cycle wrote, and what its seal says of them, by name."""

    table_versions: dict[str, int]
    digests: dict[str, str]
    counts: dict[str, int]
    frames: dict[str, pl.DataFrame]
    """Of state tables that are never in memory whole the summary alone."""


class Vouching:
    """Digests of a cycle's tables, made beside the shaping of further ones and their commits.

    The seal asks for them, the tables do not.
    """

    def __init__(self, beside: Tasks) -> None:
        self._beside = beside
        self._found: dict[str, Future[str]] = {}

    def begin(self, frames: Mapping[str, pl.DataFrame]) -> None:
        """Begins those of tables that are shaped, and not begun."""
        for name, frame in frames.items():
            if frame.width and name not in self._found:
                self._found[name] = self._beside.submit(digest, frame, TABLES[name])

    def of(self, names: Iterable[str]) -> dict[str, str]:
        """Those of tables that were begun, once they are there."""
        return {name: self._found[name].result() for name in sorted(names)}


@contextmanager
def vouching(threads: KeptThreads) -> Iterator[Vouching]:
    """Vouches beside a cycle; waits for what was begun."""
    with threads.lent() as beside:
        yield Vouching(beside)


def write(
    lake: Lake,
    frames: dict[str, pl.DataFrame],
    computed: Computed,
    cycle: int,
    vouched: Vouching,
) -> Written:
    """Writes the frames of a cycle, and its state tables that are not among them."""
    vouched.begin(frames)
    table_versions = lake.write_all(frames, cycle, computed.shards)
    counts = {name: frame.height for name, frame in sorted(frames.items())}
    found = Written(table_versions, vouched.of(frames), counts, frames)
    if computed.large is not None:
        large = _in_parts(lake, computed.large, cycle, computed.shards)
        found = Written(
            found.table_versions | large.table_versions,
            found.digests | large.digests,
            found.counts | large.counts,
            found.frames | large.frames,
        )
    if computed.accounts is not None:
        found.counts[ACCOUNTS_WRITTEN] = computed.accounts
    return found


def _in_parts(lake: Lake, state: LargeState, cycle: int, shards: Shards) -> Written:
    with ThreadPoolExecutor(1) as beside:
        # Both shape every row, each in its own order: a core for the one and one for the other.
        # A thread knows of the rulebooks that the plan decides by what it is told.
        vouching = beside.submit(copy_context().run, state.vouched)
        table_versions = lake.write_parts(
            state.frames(), cycle, shards, lambda: state.names(vouching.result())
        )
    vouched = vouching.result()
    return Written(
        table_versions,
        {name: vouched.digests[name].hex() for name in table_versions},
        {name: vouched.counts[name] for name in table_versions},
        vouched.summary(),
    )
