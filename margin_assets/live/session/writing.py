"""What a cycle computed is written, and said of it what its seal vouches for."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import polars as pl

from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.ledger.ledger import ACCOUNTS_WRITTEN
from margin_assets.lake.store.shards import Shards
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.cycle import Computed
from margin_assets.live.session.large_state import LargeState
from schemas import TABLES


class Written(NamedTuple):
    """Tables that a cycle wrote, and what its seal says of them, by name."""

    table_versions: dict[str, int]
    digests: dict[str, str]
    counts: dict[str, int]
    frames: dict[str, pl.DataFrame]
    """Of state tables that are never in memory whole the summary alone."""


def write(lake: Lake, frames: dict[str, pl.DataFrame], computed: Computed, cycle: int) -> Written:
    """Writes the frames of a cycle, and its state tables that are not among them."""
    found = _at_once(lake, frames, cycle, computed.shards)
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


def _at_once(lake: Lake, frames: dict[str, pl.DataFrame], cycle: int, shards: Shards) -> Written:
    with ThreadPoolExecutor(1) as beside:
        # The seal asks for the digests, the tables do not: commits wait on storage meanwhile.
        vouched = beside.submit(_digests, frames)
        table_versions = lake.write_all(frames, cycle, shards)
        digests = vouched.result()
    counts = {name: frame.height for name, frame in sorted(frames.items())}
    return Written(table_versions, digests, counts, frames)


def _digests(frames: dict[str, pl.DataFrame]) -> dict[str, str]:
    return {name: digest(frame, TABLES[name]) for name, frame in sorted(frames.items())}


def _in_parts(lake: Lake, state: LargeState, cycle: int, shards: Shards) -> Written:
    with ThreadPoolExecutor(1) as beside:
        # Both shape every row, each in its own order: a core for the one and one for the other.
        vouching = beside.submit(state.vouched)
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
