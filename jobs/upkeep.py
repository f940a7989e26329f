"""Upkeep: compaction, checkpoints and retention of every table.

Dagster resolves annotations when an op is built, so this module must not use
`from __future__ import annotations`.
"""

import dagster as dg
from deltalake.exceptions import CommitFailedError

from margin_assets.assets.resources import LakeResource
from margin_assets.lake import declared


@dg.op
def tidy_tables(context: dg.OpExecutionContext, lake: LakeResource) -> None:
    """Tidies every table; one that a session replaced meanwhile waits for the next time."""
    store = lake.created()
    for name in declared.names():
        try:
            store.tidy(name)
        except CommitFailedError as conflict:
            context.log.warning("%s: left for the next time: %s", name, conflict)


@dg.job(executor_def=dg.in_process_executor, description="Compacts and trims every table.")
def upkeep() -> None:
    """One op over all tables."""
    tidy_tables()
