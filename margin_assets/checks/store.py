"""Whether the store answers: asked for by hand, and told by the live session when it changes.

Dagster resolves annotations when a check is built, so this module must not use
`from __future__ import annotations`.
"""

import dagster as dg

from margin_assets.assets.resources import LakeResource
from margin_assets.lake.objects.patience import StoreUnavailable
from margin_assets.lake.objects.s3_objects import StoreRefused

CHECKED = "cycles"


@dg.asset_check(asset=CHECKED)
def the_store_answers(lake: LakeResource) -> dg.AssetCheckResult:
    """The store answers, lets us in and keeps two writers apart."""
    try:
        lake.lake().check_store()
    except (StoreUnavailable, StoreRefused) as trouble:
        return verdict(str(trouble), 0.0)
    return verdict("", 0.0)


def verdict(cause: str, seconds: float) -> dg.AssetCheckResult:
    """Passed without a cause; `seconds` is how long the state before lasted."""
    return dg.AssetCheckResult(
        passed=not cause,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"cause": cause, "seconds_before": round(seconds, 3)},
    )


STORE = (the_store_answers,)
