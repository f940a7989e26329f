"""Tables over accounts, margined shard by shard, wherever heavy work runs."""

from collections.abc import Callable, Iterator

import polars as pl

from margin_assets.engines import Engine
from margin_assets.kernels.margin.margined import Eras, margined
from margin_assets.lake.store.shards import shard_count, shards_of
from margin_assets.rulebooks.carrying import Carried, carried, decided_by

MOST = 100_000
"""Accounts of all dates, about, that are margined as one part."""

Kernel = Callable[[Eras], pl.DataFrame]
Held = tuple[pl.DataFrame, pl.DataFrame]
"""The `positions` and `account_state` of the same accounts."""


def over_accounts(engine: Engine, kernel: Kernel, held: Held) -> pl.DataFrame:
    """The table that a kernel makes of accounts, those of each shard together.

    The shards follow from the accounts alone: any engine gives the same rows in the same order.
    """
    found = engine.over(_made, (carried(), kernel), _parts(*held))
    return pl.concat(list(found))


def _parts(positions: pl.DataFrame, accounts: pl.DataFrame) -> Iterator[Held]:
    count = shard_count(accounts.height, MOST)
    owners = (shards_of(frame["account_id"], count) for frame in (positions, accounts))
    of_positions, of_accounts = owners
    for shard in range(count):
        yield positions.filter(of_positions == shard), accounts.filter(of_accounts == shard)


def _made(shared: tuple[Carried, Kernel], held: Held) -> pl.DataFrame:
    rulebooks, kernel = shared
    with decided_by(rulebooks):
        return kernel(margined(*held))
