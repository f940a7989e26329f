"""The avalanche by night, every severity and arm of the newest book, and its early warning.

Dagster resolves annotations when a schedule is built, so this module must not use
`from __future__ import annotations`.
"""

import dagster as dg

from margin_assets.assets.avalanche import AVALANCHE_ASSETS, SCENARIO_ARM, WARNING_ASSETS
from margin_assets.assets.resources import LakeResource
from margin_assets.avalanche.keeping import newest_snapshot

avalanche_runs = dg.define_asset_job(
    "avalanche_runs",
    selection=dg.AssetSelection.assets(*AVALANCHE_ASSETS),
    executor_def=dg.in_process_executor,
    description="The newest book of the lake through one scenario and arm, with the laws of runs.",
)

early_warning = dg.define_asset_job(
    "early_warning",
    selection=dg.AssetSelection.assets(*WARNING_ASSETS),
    executor_def=dg.in_process_executor,
    description="How near the newest book of the lake is to exhaustion.",
)


@dg.schedule(
    job=avalanche_runs,
    cron_schedule="30 6 * * 1-5",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every severity and arm of a book that came since; nothing where none did.",
)
def nightly_avalanche(lake: LakeResource) -> list[dg.RunRequest] | dg.SkipReason:
    """Asks for a run a partition, once a book."""
    held = lake.lake()
    snapshot = newest_snapshot(held) if held.is_created() else None
    if snapshot is None:
        return dg.SkipReason("The lake holds no book: `margin avalanche run --lake` keeps one.")
    return [
        dg.RunRequest(run_key=f"{snapshot}:{key}", partition_key=key)
        for key in SCENARIO_ARM.get_partition_keys()
    ]
