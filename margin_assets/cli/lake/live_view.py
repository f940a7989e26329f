"""What `margin live` shows: a line a cycle, how far behind it is, and metrics for who asks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from margin_assets.cli import output

if TYPE_CHECKING:
    from margin_assets.live.session.session import CycleResult, Session


def tally(result: "CycleResult") -> dict[str, int]:
    """What a cycle took in and decided."""
    files = result.landed_files
    decisions = result.frames.get("enforcement_decisions")
    return {
        "files": files.height,
        "rows_accepted": int(files["rows_accepted"].sum()),
        "rows_quarantined": int(files["rows_quarantined"].sum()),
        "decisions": 0 if decisions is None else decisions.height,
    }


def behind_by(result: "CycleResult", session: "Session", now: datetime) -> dict[str, Any]:
    """How far behind the monitor is, a cycle being sealed: what still waits, and how old it was."""
    from margin_assets.live.session.watch import landing_lag

    as_of = result.sealed.as_of
    return {
        "backlog": waiting(session),
        "landing_lag_seconds": landing_lag(result, now),
        "event_lag_seconds": None if as_of is None else (now - as_of).total_seconds(),
    }


def waiting(session: "Session") -> dict[str, Any] | None:
    """What lay in the landing folder when it was last listed and is in no cycle; None before."""
    return None if session.waiting is None else asdict(session.waiting)


def line(result: "CycleResult", behind: dict[str, Any]) -> str:
    """A cycle for a person."""
    counts, ms = tally(result), sum(result.seconds.values()) * 1000
    waits = behind["backlog"]
    left = "backlog not listed" if waits is None else "{files} files {bytes:,} bytes wait"
    return (
        f"cycle {result.sealed.cycle}  as of {output.instant(result.sealed.as_of)}  "
        f"{counts['files']} files  {counts['rows_accepted']} rows  "
        f"{counts['rows_quarantined']} quarantined  {counts['decisions']} decisions  {ms:.0f} ms  "
        f"{left.format(**waits or {})}  landed {output.span(behind['landing_lag_seconds'])} ago  "
        f"events {output.span(behind['event_lag_seconds'])} ago"
    )


@contextmanager
def metrics(
    session: "Session", host: str, port: int
) -> "Iterator[Callable[[CycleResult, datetime], None]]":
    """What each sealed cycle is told to; serves metrics meanwhile, unless the port is 0."""
    if not port:
        yield lambda _result, _now: None
        return
    from margin_assets.live.session.exporter import Exporter, serving
    from margin_assets.live.session.watch import Watch

    watch = Watch(
        session.lake,
        datetime.now(UTC),
        backlog=lambda: session.waiting,
        failing=lambda: session.condition.cause,
    )
    exporter = Exporter(watch)

    def observe(result: "CycleResult", now: datetime) -> None:
        watch.take(result, now)
        exporter.take(result)

    with serving(exporter, host, port) as served:
        output.note(f"metrics on http://{host}:{served}/metrics")
        yield observe
