"""Starts the daily run of business dates that have closed in sealed event time.

Dagster resolves annotations when a sensor is built, so this module must not use
`from __future__ import annotations`.
"""

from collections.abc import Callable

import dagster as dg

from jobs.daily_margin import daily_margin
from jobs.daily_rates import daily_rates
from margin_assets.assets.partitions import BUSINESS_DATE
from margin_assets.assets.resources import LakeResource
from margin_assets.calendar import sessions
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.monitoring.daily_dates import last_close

_START, _END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def _closing(
    job_name: str, name: str, of: str, has_begun: Callable[[Lake], bool]
) -> dg.SensorDefinition:
    """Requests every closed date once; the cursor is the last one requested."""

    @dg.sensor(
        name=name,
        job_name=job_name,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts the daily run {of} of business dates that have closed.",
    )
    def closed_dates(
        context: dg.SensorEvaluationContext, lake: LakeResource
    ) -> dg.SensorResult | dg.SkipReason:
        held = lake.lake()
        closed = _closed_dates(held, context.cursor)
        if not closed or not has_begun(held):
            return dg.SkipReason(_last_close(held) if not closed else f"Nothing {of} has landed.")
        first, last = closed[0], closed[-1]
        # Several dates at once are one run, as in a backfill.
        request = (
            dg.RunRequest(run_key=first, partition_key=first)
            if first == last
            else dg.RunRequest(run_key=f"{first} to {last}", tags={_START: first, _END: last})
        )
        return dg.SensorResult(run_requests=[request], cursor=last)

    return closed_dates


def _last_close(lake: Lake) -> str:
    """What the page of the sensor says while there is nothing to start."""
    last = last_close(lake)
    if last is None:
        return "No business date has closed."
    return f"The last daily close is that of {last}: no later date has closed."


def _closed_dates(lake: Lake, after: str | None) -> list[str]:
    """Business dates that closed by the last sealed grid point; at first only the newest."""
    sealed = Ledger(lake).last_sealed() if lake.is_created() else None
    if sealed is None or sealed.as_of is None:
        return []
    known, at = sessions(), int(sealed.as_of.timestamp() * 1e6)
    days = [
        day.isoformat()
        for day, close in zip(known.days, known.closes, strict=True)
        if close <= at and (after is None or day.isoformat() > after)
    ]
    possible = [day for day in days if BUSINESS_DATE.has_partition_key(day)]
    return possible if after is not None else possible[-1:]


def _has_rates(lake: Lake) -> bool:
    """Whether a position of the rates book has landed."""
    return not lake.read("rates_positions", lambda: lake.scan("rates_positions").head(1)).is_empty()


business_date_sensor = _closing(
    daily_margin.name, "business_date_sensor", "of the margin book", lambda _: True
)
rates_date_sensor = _closing(daily_rates.name, "rates_date_sensor", "of the rates book", _has_rates)
