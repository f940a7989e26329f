"""What a cycle computed, and how its tables are told of while others are still being shaped."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from margin_assets.lake.store.shards import Shards
from margin_assets.lake.store.store import ONE_SHARD
from margin_assets.live.session.large_state import LargeState

Begin = Callable[[Mapping[str, pl.DataFrame]], None]
"""Told of tables as soon as they are shaped, and of each once."""


@dataclass
class Computed:
    """Everything a cycle writes, before it is written."""

    frames: dict[str, pl.DataFrame]
    as_of: datetime | None
    shards: Shards = ONE_SHARD
    """Parts of the state tables that the frames replace."""
    accounts: int | None = None
    """How many accounts these parts hold; None where they are the whole tables."""
    large: LargeState | None = None
    """The state tables, where they are too large to be among the frames."""


def stamped(frames: Mapping[str, pl.DataFrame], cycle: int) -> dict[str, pl.DataFrame]:
    """Tables with the cycle that writes them."""
    stamp = pl.Series("cycle", [cycle], dtype=pl.Int64)
    return {n: f.hstack([stamp.new_from_index(0, f.height)]) for n, f in frames.items()}
