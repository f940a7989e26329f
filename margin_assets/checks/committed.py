"""Great Expectations over the daily twins, after a run has written its business dates.

Dagster resolves annotations when a check is built, so this module must not use
`from __future__ import annotations`.
"""

import dagster as dg

from margin_assets.assets.margin import DAILY_ASSETS
from margin_assets.assets.resources import LakeResource, ValidationResource
from margin_assets.checks.daily import partitioned_check
from margin_assets.checks.expectations import TO, Target, validate_tables
from margin_assets.lake.store.declared import DAILY

_TWINS = [DAILY + asset.key.path[-1] for asset in DAILY_ASSETS]
_LAST = DAILY_ASSETS[-1]


@partitioned_check(asset=_LAST, additional_deps=[asset.key for asset in DAILY_ASSETS[:-1]])
def daily_twins_meet_expectations(
    context: dg.AssetCheckExecutionContext, lake: LakeResource, validation: ValidationResource
) -> dg.AssetCheckResult:
    """The run's business dates of every daily twin meet the expectations of its schema."""
    store, days = lake.lake(), sorted(context.op_execution_context.partition_keys)
    dates = days[0] if len(days) == 1 else f"{days[0]}{TO}{days[-1]}"
    targets = [Target(twin, store.version(twin), dates) for twin in _TWINS]
    results = validate_tables(store, targets, validation.folder())
    broken = results.filter(~results["success"])
    return dg.AssetCheckResult(
        passed=broken.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "expectations": results.height,
            "broken": dg.MetadataValue.json(
                broken.select("table_name", "expectation", "unexpected_rows").to_dicts()
            ),
        },
    )


COMMITTED = (daily_twins_meet_expectations,)
