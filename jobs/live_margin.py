"""The live run: one warm session that seals cycle after cycle while data come.

Dagster resolves annotations when an op is built, so this module must not use
`from __future__ import annotations`.
"""

import time

import dagster as dg
import pydantic

from jobs.reported import ReportedSession
from jobs.reporting import Reporter, report_health
from jobs.validation import validate_sealed
from margin_assets.assets.resources import (
    LakeResource,
    LandingResource,
    MetricsResource,
    ValidationResource,
)
from margin_assets.lake.ledger.ledger import AnotherSession
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session

LIVE_TAG = "margin/live"
ONE_LAKE = "lake"
HANDED_OVER = "handed-over"


_ALIVE = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def a_live_run_is_alive(instance: dg.DagsterInstance) -> bool:
    """Whether a live run is asked for, at work, or about to end; one that validates is not."""
    alive = dg.RunsFilter(tags={LIVE_TAG: ONE_LAKE}, statuses=_ALIVE)
    return bool(instance.get_runs(alive, limit=1))


class LiveConfig(dg.Config):
    """When a live run ends."""

    idle_seconds: float = pydantic.Field(30.0, ge=0, description="Ends after so long without data.")
    handover_seconds: float = pydantic.Field(
        900.0, gt=0, description="Ends after so long in any case, so that its log stays readable."
    )

    health_seconds: float = pydantic.Field(
        30.0, ge=0, description="How often the checks of the monitor's health are evaluated."
    )


class _Shift:
    """How long a run works. Idling counts from the first look at the landing folder."""

    def __init__(self, config: LiveConfig) -> None:
        self._config = config
        self._started = time.monotonic()
        self._busy: float | None = None
        self.cycles = 0

    def worked(self) -> None:
        self.cycles += 1
        self._busy = time.monotonic()

    def is_over(self) -> bool:
        now = time.monotonic()
        if self._busy is None:
            self._busy = now
        idle, shift = self._config.idle_seconds, self._config.handover_seconds
        return now - self._busy > idle or now - self._started > shift


@dg.op
def monitor_landing(  # noqa: PLR0913 (Dagster hands the resources over one by one)
    context: dg.OpExecutionContext,
    config: LiveConfig,
    lake: LakeResource,
    landing: LandingResource,
    metrics: MetricsResource,
    validation: ValidationResource,
) -> None:
    """Seals cycles until idle or its time is over, then validates what the last one left."""
    shift, store = _Shift(config), lake.created()
    session = Session(store)
    reported = ReportedSession(session, config.health_seconds)
    try:
        # The next run may serve where this one did: nothing is served past the last cycle.
        with (
            reported.serve(context, metrics),
            Reporter(context) as reporter,
            landing.watched() as folder,
        ):
            reporter.watch(session.condition)
            for result in session.run(folder, stop=shift.is_over):
                reporter.tell(result, reported.take(result))
                shift.worked()
    except AnotherSession as other:
        context.log.info("stepping aside: %s", other)
        return
    context.log.info("%s cycles sealed", shift.cycles)
    report_health(context, reported.now())
    _hand_over(context, store, validation, shift.cycles)


def _hand_over(
    context: dg.OpExecutionContext, lake: Lake, validation: ValidationResource, cycles: int
) -> None:
    # The landing sensor may start the next session while this run validates.
    context.instance.add_run_tags(context.run_id, {LIVE_TAG: HANDED_OVER})
    if cycles:
        validate_sealed(context, lake, validation)


@dg.job(
    tags={LIVE_TAG: ONE_LAKE},
    executor_def=dg.in_process_executor,
    description="Monitors the landing folder and seals cycles while data come.",
)
def live_margin() -> None:
    """One op, so that the firm stays in memory between cycles."""
    monitor_landing()
