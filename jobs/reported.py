"""The live run watched from inside: its metrics, and when to tell how it stands."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime

import dagster as dg

from margin_assets.assets.resources import MetricsResource
from margin_assets.live.session.exporter import Exporter, PortTaken, serving
from margin_assets.live.session.session import CycleResult, Session
from margin_assets.live.session.watch import Watch
from margin_assets.monitoring.health import Health


class ReportedSession:
    """A session and its watch: each cycle goes to Prometheus, now and then a verdict to Dagster."""

    def __init__(self, session: Session, every_seconds: float) -> None:
        self._watch = Watch(
            session.lake,
            datetime.now(UTC),
            backlog=lambda: session.waiting,
            failing=lambda: session.condition.cause,
        )
        self._exporter = Exporter(self._watch)
        self._every, self._told = every_seconds, float("-inf")

    def serve(self, context: dg.OpExecutionContext, metrics: MetricsResource) -> ExitStack:
        """Serves the metrics until closed. A port that is taken does not stop the monitor."""
        served = ExitStack()
        if metrics.port:
            try:
                served.enter_context(serving(self._exporter, metrics.host, metrics.port))
            except PortTaken as taken:
                context.log.warning("%s", taken)
        return served

    def take(self, result: CycleResult) -> Health | None:
        """A cycle was sealed; the verdict if it is time for one."""
        now = datetime.now(UTC)
        self._watch.take(result, now)
        self._exporter.take(result)
        if time.monotonic() - self._told < self._every:
            return None
        self._told = time.monotonic()
        return self._watch.health(now)

    def now(self) -> Health:
        """The verdict."""
        return self._watch.health(datetime.now(UTC))
