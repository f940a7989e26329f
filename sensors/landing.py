"""Starts a live run when something has landed and none is alive.

Dagster resolves annotations when a sensor is built, so this module must not use
`from __future__ import annotations`.
"""

from datetime import UTC, datetime, timedelta

import dagster as dg

from jobs.live_margin import LIVE_TAG, ONE_LAKE, a_live_run_is_alive, live_margin
from margin_assets.assets.resources import LakeResource, LandingResource
from margin_assets.lake.landing.backlog import is_ahead, waiting
from margin_assets.lake.landing.landing import Landing
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.live.service.lease import is_served

# A session that cannot start must not fill the machine with its attempts.
_FAILURES, _PAUSE = 3, timedelta(seconds=60)


@dg.sensor(
    job=live_margin,
    minimum_interval_seconds=1,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Starts a live run when something has landed and none is alive.",
)
def landing_sensor(
    context: dg.SensorEvaluationContext, lake: LakeResource, landing: LandingResource
) -> dg.SensorResult | dg.SkipReason:
    """Requests one run an attempt; the cursor counts the attempts."""
    tags = {LIVE_TAG: ONE_LAKE}
    if a_live_run_is_alive(context.instance):
        return dg.SkipReason("A live run is alive.")
    held = lake.lake()
    if is_served(held, datetime.now(UTC)):
        return dg.SkipReason("A live service holds the lease.")
    if _has_failed_often(context.instance, tags):
        return dg.SkipReason(f"{_FAILURES} live runs failed within {_PAUSE}: waiting.")
    reason = _reason_to_run(held, landing.landing())
    if not reason:
        return dg.SkipReason("Nothing has landed.")
    attempt = int(context.cursor or 0) + 1
    request = dg.RunRequest(run_key=f"{reason} attempt {attempt}", tags=tags)
    return dg.SensorResult(run_requests=[request], cursor=str(attempt))


def _has_failed_often(instance: dg.DagsterInstance, tags: dict[str, str]) -> bool:
    failed = dg.RunsFilter(
        tags=tags,
        statuses=[dg.DagsterRunStatus.FAILURE],
        updated_after=datetime.now(UTC) - _PAUSE,
    )
    return len(instance.get_runs(failed, limit=_FAILURES)) >= _FAILURES


def _reason_to_run(lake: Lake, landing: Landing) -> str:
    """The open plan, or the newest landing after the last sealed cycle; empty if neither."""
    sealed = None
    if lake.is_created():
        ledger = Ledger(lake)
        sealed, plan = ledger.last_sealed(), ledger.open_plan()
        if plan is not None:
            return f"plan {plan.cycle}"
    waits, now = waiting(lake, sealed, None, landing.entries()), datetime.now(UTC)
    landed = (entry.landed_at for entry in waits if not is_ahead(entry, now))
    newest = max(landed, default=None)
    number = 0 if sealed is None else sealed.cycle
    return "" if newest is None else f"after cycle {number}, landed {newest.isoformat()}"
