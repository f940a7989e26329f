"""The rates book by business date: one walk over everything landed gives all its tables.

Dagster resolves annotations when an asset is built, so this module must not use
`from __future__ import annotations`.
"""

import warnings
from collections.abc import Iterator
from typing import Any

import dagster as dg
import polars as pl

from margin_assets.assets.declared import IO_MANAGER, OWNERS, metadata
from margin_assets.assets.described import description
from margin_assets.assets.partitions import BUSINESS_DATE, closes
from margin_assets.valuation.rates_book import RATES_FEEDS, RATES_TABLES, rates_at
from schemas import TABLES


def _out(name: str) -> dg.AssetOut:
    table = TABLES[name]
    return dg.AssetOut(
        description=description(name),
        group_name=table.group,
        io_manager_key=IO_MANAGER,
        owners=OWNERS,
        kinds={"polars", "deltalake"},
        metadata=metadata(table),
    )


def _rates_book() -> dg.AssetsDefinition:
    def rates_book(
        context: dg.AssetExecutionContext, **tables: pl.LazyFrame
    ) -> Iterator[dg.Output[Any]]:
        rows = dict(zip(tables, pl.collect_all(tables.values()), strict=True))
        found = rates_at(rows, closes(context.partition_keys))
        for name in RATES_TABLES:
            yield dg.Output(found[name], output_name=name)

    with warnings.catch_warnings():
        # As in `daily_asset`: goes when Dagster no longer marks the parameter.
        warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
        return dg.multi_asset(
            name="rates_book",
            outs={name: _out(name) for name in RATES_TABLES},
            ins={feed: dg.AssetIn() for feed in RATES_FEEDS},
            partitions_def=BUSINESS_DATE,
            backfill_policy=dg.BackfillPolicy.single_run(),
            can_subset=False,
        )(rates_book)


RATES_ASSETS = (_rates_book(),)
