"""The daily run: the asset graph by business date, one run however long the range."""

import dagster as dg

from margin_assets.assets.margin import DAILY_ASSETS

daily_margin = dg.define_asset_job(
    "daily_margin",
    selection=dg.AssetSelection.assets(*DAILY_ASSETS),
    executor_def=dg.in_process_executor,
    description="Margin at the close of business dates, with its checks.",
)
