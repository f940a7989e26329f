"""What a cycle computed is written, and said of it what its seal vouches for."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import NamedTuple

import polars as pl

from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.ledger.ledger import ACCOUNTS_WRITTEN
from margin_assets.lake.store.held import Rows
from margin_assets.lake.store.kept_threads import KeptThreads, Tasks
from margin_assets.lake.store.known import Made
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


class Beside:
    """What is done of a cycle's tables beside the shaping of further ones.

    Digests, which the seal asks for and the tables do not; and files of the state's rows, which
    nobody sees before they are committed.
    """

    def __init__(self, lake: Lake, vouching: Tasks, making: Tasks) -> None:
        self._lake, self._vouching, self._making = lake, vouching, making
        self._found: dict[str, Future[str]] = {}
        self._made: dict[str, Future[Made | None]] = {}

    def begin(self, frames: Mapping[str, pl.DataFrame], shards: Shards | None = None) -> None:
        """Begins what is to be done of tables that are shaped, and not begun.

        `shards`: the parts of the state that they replace, where that is what they are of.
        """
        for name, frame in frames.items():
            if frame.width and name not in self._found:
                self._found[name] = self._vouching.submit(digest, frame, TABLES[name])
                if shards is not None:
                    make = self._lake.make
                    self._made[name] = self._making.submit(make, name, frame, shards)

    def of(self, names: Iterable[str]) -> dict[str, str]:
        """Digests of tables that were begun, once they are there."""
        return {name: self._found[name].result() for name in sorted(names)}

    def rows(self, frames: Mapping[str, pl.DataFrame]) -> dict[str, Rows]:
        """What there is to commit of tables: files that were made, or the rows."""
        made = {name: self._made[name].result() for name in frames if name in self._made}
        return {name: made.get(name) or frame for name, frame in frames.items()}


class Helpers:
    """Threads on which a session does what can be done beside a cycle."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._vouching, self._making = KeptThreads(1, "vouching"), KeptThreads(1, "making")

    @contextmanager
    def lent(self) -> Iterator[Beside]:
        """Helps with a cycle; waits for what was begun."""
        with self._vouching.lent() as vouching, self._making.lent() as making:
            yield Beside(self._lake, vouching, making)


def write(
    lake: Lake,
    frames: dict[str, pl.DataFrame],
    computed: Computed,
    cycle: int,
    beside: Beside,
) -> Written:
    """Writes the frames of a cycle, and its state tables that are not among them."""
    beside.begin(frames)
    table_versions = lake.write_all(beside.rows(frames), cycle, computed.shards)
    counts = {name: frame.height for name, frame in sorted(frames.items())}
    found = Written(table_versions, beside.of(frames), counts, frames)
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
