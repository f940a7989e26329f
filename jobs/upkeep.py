"""Upkeep: compaction, checkpoints and retention of every table.

A live session does its own between cycles; this is for a lake at rest, for the tables that no
cycle writes, and for files that a writer left when it died.

Dagster resolves annotations when an op is built, so this module must not use
`from __future__ import annotations`.
"""

import dagster as dg
from deltalake.exceptions import CommitFailedError

from jobs.live_margin import a_live_run_is_alive
from margin_assets.assets.resources import LakeResource
from margin_assets.lake.store import declared
from margin_assets.lake.upkeep.upkeep import Retention, tidy


@dg.op
def tidy_tables(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Tidies every table; one that a session replaced meanwhile waits for the next time."""
    store = lake.created()
    retention = Retention(store)
    for name in declared.names():
        try:
            tidy(store, name, retention)
        except CommitFailedError as conflict:
            context.log.warning("%s: left for the next time: %s", name, conflict)


@dg.job(executor_def=dg.in_process_executor, description="Compacts and trims every table.")
def upkeep() -> None:
    """One op over all tables."""
    tidy_tables()


@dg.schedule(
    job=upkeep,
    cron_schedule="15 5 * * *",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Upkeep at night, unless a live run is at work.",
)
def nightly_upkeep(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """Asks for one run a night; a live run does upkeep of its own."""
    if a_live_run_is_alive(context.instance):
        return dg.SkipReason("A live run is alive, which does its own upkeep.")
    return dg.RunRequest()
