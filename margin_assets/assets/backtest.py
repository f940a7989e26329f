"""Backtests as assets: one year under one policy a partition, each from the end of that before.

Dagster resolves annotations when an asset is built, so this module must not use
`from __future__ import annotations`.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg

from margin_assets.assets.models import final, materialized, model_spec
from margin_assets.assets.resources import LakeResource
from margin_assets.backtest.asking import Asked
from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.policy import known_policies, policy_of
from margin_assets.backtest.results.storing import RUN_TABLES
from margin_assets.backtest.yearly import year_kept

FIRST_YEAR, LAST_YEAR = 1990, 2022
POLICY_YEAR = dg.MultiPartitionsDefinition(
    {
        "policy": dg.StaticPartitionsDefinition(list(known_policies())),
        "year": dg.StaticPartitionsDefinition(
            [str(year) for year in range(FIRST_YEAR, LAST_YEAR + 1)]
        ),
    }
)
_TABLES = ("history_prices", *RUN_TABLES)


class BacktestConfig(dg.Config):
    """What a run of the assets takes beside its partition."""

    history: str = "sp500"
    data: str | None = None
    book: str = "tempers"
    accounts: int | None = None
    with_bars: bool = False

    def asked(self, year: int) -> Asked:
        """The book from the first year there is to the end of one."""
        data, span = Path(self.data) if self.data else None, (None, date(year, 12, 31))
        return Asked(self.history, data, self.book, *span, self.accounts, with_bars=self.with_bars)


@dg.multi_asset(
    name="backtest_runs_by_year",
    specs=[
        model_spec(name, () if name == "history_prices" else ("history_prices",))
        for name in _TABLES
    ],
    partitions_def=POLICY_YEAR,
    can_subset=False,
)
def backtest(
    context: dg.AssetExecutionContext, config: BacktestConfig, lake: LakeResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """One year of a history under one policy, from the end of the year before; once."""
    keys = context.partition_key.keys_by_dimension
    with final(BacktestError):
        asked, policy = config.asked(int(keys["year"])), policy_of(keys["policy"])
        facts, written = year_kept(lake.created(), asked, policy)
    yield from materialized(_TABLES, facts, written)


BACKTEST_ASSETS = (backtest,)
