"""The rates book by business date, one run however long the range."""

import dagster as dg

from margin_assets.assets.rates import RATES_ASSETS

daily_rates = dg.define_asset_job(
    "daily_rates",
    selection=dg.AssetSelection.assets(*RATES_ASSETS),
    executor_def=dg.in_process_executor,
    description="Curves, values and risk of the rates book at the close of business dates.",
)
