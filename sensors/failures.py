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
    # Dagster 1.13 has no public way to read check evaluations of all runs in order.
    logs = context.instance.event_log_storage.get_logs_for_all_runs_by_log_id(
        after_cursor=int(context.cursor or -1),
        dagster_event_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        limit=_BATCH,
    )
    for log in logs.values():
        event = log.dagster_event
        check = event.asset_check_evaluation_data if event else None
        if check is not None and check.blocking and not check.passed:
            asset = check.asset_key.to_user_string()
            figures = ", ".join(f"{name} {held.value}" for name, held in check.metadata.items())
            message = f"run {log.run_id}: {figures or check.description or 'no figures'}"
            alerts.send(f"{check.check_name} of {asset} failed", message)
    return dg.SensorResult(cursor=str(max(logs)) if logs else context.cursor)
