"""Alerts about failed runs and failed blocking checks.

Dagster resolves annotations when a sensor is built, so this module must not use
`from __future__ import annotations`.
"""

import dagster as dg

from sensors.alerts import Alerts

_BATCH = 500


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts about every failed run.",
)
def failed_runs(context: dg.RunFailureSensorContext, alerts: Alerts) -> None:
    """One alert a run."""
    run = context.dagster_run
    alerts.send(f"{run.job_name} failed", f"run {run.run_id}: {context.failure_event.message}")


@dg.sensor(
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Alerts about every blocking check that failed.",
)
def failed_checks(context: dg.SensorEvaluationContext, alerts: Alerts) -> dg.SensorResult:
    """One alert an evaluation; the cursor is the last event seen."""
    records = context.instance.get_event_records(
        dg.EventRecordsFilter(
            event_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION,
            after_cursor=int(context.cursor or 0),
        ),
        limit=_BATCH,
        ascending=True,
    )
    last = context.cursor or "0"
    for record in records:
        last = str(record.storage_id)
        event = record.event_log_entry.dagster_event
        check = event.asset_check_evaluation_data if event else None
        if check is not None and check.blocking and not check.passed:
            asset = check.asset_key.to_user_string()
            message = f"run {record.run_id}: {dict(check.metadata)}"
            alerts.send(f"{check.check_name} of {asset} failed", message)
    return dg.SensorResult(cursor=last)
