"""Reads the early warning anew when the avalanche's book changes: its factors have moved.

Dagster resolves annotations when a sensor is built, so this module must not use
`from __future__ import annotations`.
"""

import dagster as dg

from jobs.avalanche import early_warning
from margin_assets.assets.resources import LakeResource
from margin_assets.avalanche.keeping import TABLE, newest_snapshot


@dg.sensor(
    job=early_warning,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reads the early warning of a book that came to the lake.",
)
def early_warning_sensor(
    context: dg.SensorEvaluationContext, lake: LakeResource
) -> dg.SensorResult | dg.SkipReason:
    """Requests one run a book; the cursor is the version of the table of books that was seen."""
    held = lake.lake()
    if not held.has_table(TABLE):
        return dg.SkipReason("No lake yet, or one without books.")
    version = str(held.version(TABLE))
    if version == context.cursor:
        return dg.SkipReason("No book came since.")
    snapshot = newest_snapshot(held)
    if snapshot is None:
        return dg.SkipReason("The lake holds no book: `margin avalanche run --lake` keeps one.")
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=snapshot)], cursor=version)
