"""Backtests by policy and year: a backfill of the job runs as many years as one likes."""

import dagster as dg

from margin_assets.assets.backtest import BACKTEST_ASSETS

backtest = dg.define_asset_job(
    "backtest",
    selection=dg.AssetSelection.assets(*BACKTEST_ASSETS),
    executor_def=dg.in_process_executor,
    description="One year of a history under one policy, from where the year before ended.",
)
