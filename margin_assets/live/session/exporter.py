"""Metrics of a live session for Prometheus, served by the process that runs it.

What a scrape shows is in memory: no scrape reads a table or lists a folder. A metric whose value
is not known has no sample, never 0.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import polars as pl
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from margin_assets.live.session.session import CycleResult
from margin_assets.live.session.watch import Watch
from margin_assets.monitoring.health import STATES, Seen
from schemas import FEEDS

LOOPBACK = "127.0.0.1"
TOTAL = "total"
_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)

Figure = Callable[[Seen], float | None]


def _timestamp(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _of_backlog(name: str) -> Figure:
    return lambda seen: None if seen.backlog is None else float(getattr(seen.backlog, name))


def _oldest(seen: Seen) -> float | None:
    since = None if seen.backlog is None else seen.backlog.oldest_landed_at
    return None if since is None else (seen.now - since).total_seconds()


FIGURES: dict[str, tuple[str, Figure]] = {
    "margin_last_sealed_cycle": ("Number of the last sealed cycle.", lambda s: s.last_cycle),
    "margin_as_of_timestamp_seconds": (
        "Event time of the last evaluated grid point.",
        lambda s: _timestamp(s.as_of),
    ),
    "margin_last_seal_timestamp_seconds": (
        "When the last cycle was sealed.",
        lambda s: _timestamp(s.sealed_at),
    ),
    "margin_backlog_files": ("Landed files in no sealed cycle.", _of_backlog("files")),
    "margin_backlog_bytes": ("Bytes of the landed files in no sealed cycle.", _of_backlog("bytes")),
    "margin_backlog_oldest_seconds": ("How long the oldest of them has waited.", _oldest),
    "margin_indeterminate_accounts": (
        "Accounts that lack an input of their requirement.",
        lambda s: s.missing_inputs,
    ),
    "margin_refused_rows": (
        "Refused fills and cash movements neither released nor dismissed.",
        lambda s: s.refused_rows,
    ),
}
"""Gauges by name: what each one is, and its value of what is seen at a moment."""


class Exporter:
    """The metrics of one session; those that count start at 0 with it."""

    def __init__(self, watch: Watch) -> None:
        # When each series began is known to who scrapes; it would double what is sent.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "margin_cycle_seconds",
            f"Seconds of a cycle, by part; the part {TOTAL} is the sum of the others.",
            ["part"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._rows = Counter(
            "margin_rows", "Landed rows accepted.", ["feed"], registry=self.registry
        )
        for feed in FEEDS:
            self._rows.labels(feed)
        self._quarantined = Counter(
            "margin_quarantined_rows", "Landed rows quarantined.", registry=self.registry
        )
        self._decisions = Counter(
            "margin_decisions", "Enforcement decisions taken.", registry=self.registry
        )
        self.registry.register(_Moment(watch))
        ProcessCollector(registry=self.registry)

    def take(self, result: CycleResult) -> None:
        """A cycle was sealed. The watch takes it too."""
        for part, seconds in result.seconds.items():
            self._seconds.labels(part).observe(seconds)
        self._seconds.labels(TOTAL).observe(sum(result.seconds.values()))
        files = result.landed_files
        accepted = files.group_by("feed").agg(pl.col("rows_accepted").sum())
        for feed, rows in accepted.iter_rows():
            # A file outside the feeds is named by whoever wrote it: no label of ours.
            if feed in FEEDS:
                self._rows.labels(feed).inc(rows)
        self._quarantined.inc(int(files["rows_quarantined"].sum()))
        decisions = result.frames.get("enforcement_decisions")
        self._decisions.inc(0 if decisions is None else decisions.height)


class _Moment(Collector):
    """What depends on when one looks. The clock is read here, at the scrape."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def collect(self) -> Iterator[Metric]:
        """The gauges as of now."""
        now = datetime.now(UTC)
        seen = self._watch.seen(now)
        for name, (text, figure) in FIGURES.items():
            yield _gauge(name, text, figure(seen))
        text = "Seconds from the oldest landing of the last cycle to its seal."
        yield _gauge("margin_landing_lag_seconds", text, self._watch.landing_lag)
        yield self._health(now)

    def _health(self, now: datetime) -> Metric:
        states = self._watch.health(now).states
        gauge = GaugeMetricFamily(
            "margin_health", "1 for every state that applies.", None, ["state"]
        )
        for state in STATES:
            gauge.add_metric([state], float(state in states))
        return gauge


def _gauge(name: str, text: str, value: float | None) -> Metric:
    gauge = GaugeMetricFamily(name, text)
    if value is not None:
        gauge.add_metric([], value)
    return gauge


class PortTaken(OSError):
    """The metrics cannot be served there."""


@contextmanager
def serving(exporter: Exporter, host: str, port: int) -> Iterator[int]:
    """Serves the metrics meanwhile; gives the port, which the system chooses for 0.

    Raises:
        PortTaken: nothing can listen there.
    """
    try:
        server, thread = start_http_server(port, host, exporter.registry)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PortTaken(f"no metrics on {host}:{port}: {reason}; name another port") from None
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
