"""Health of the monitor: what is known of it at one moment in, verdicts and their figures out.

Pure: the moment is a parameter, and what is not known is None, never 0.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from margin_assets.calendar import Sessions
from margin_assets.lake.landing.backlog import Backlog
from margin_assets.rulebooks import in_force, versions

STATES = ("unfinished", "behind", "empty", "stale", "degraded", "attention", "ok")
"""What the monitor may be, the first that applies being its health."""
_DAY = 86_400.0


class Limits(NamedTuple):
    """Numbers of the lake's rulebook, section `health`."""

    recent_cycles: int
    stale_seconds: float
    history_days: float
    behind_seconds: float
    median_seconds: float
    p99_seconds: float
    cycles_of_a_median: int
    cycles_of_a_p99: int
    quarantine_rate: float


@cache
def limits() -> Limits:
    """The limits in use: the newest, since time does not pass in a rulebook of bounds."""
    return Limits(**in_force("lake", versions("lake")[-1]).numbers["health"])


class Rows(NamedTuple):
    """Rows of some cycles' files; a file that is quarantined whole counts one row at least."""

    landed: int = 0
    quarantined: int = 0

    @property
    def rate(self) -> float | None:
        """Part that was quarantined; None of no rows."""
        return self.quarantined / self.landed if self.landed else None


def in_all(rows: Iterable[Rows]) -> Rows:
    """Rows of several cycles together."""
    held = list(rows)
    return Rows(sum(r.landed for r in held), sum(r.quarantined for r in held))


class Daily(NamedTuple):
    """Business dates of the daily tables."""

    finished: tuple[date, ...] = ()
    begun: tuple[date, ...] = ()
    """A run wrote some of their tables and has not come to its end."""


@dataclass(frozen=True)
class Seen:
    """What is known of a monitor and its lake at one moment, all of it UTC."""

    now: datetime
    last_cycle: int | None = None
    """None before the first seal."""
    as_of: datetime | None = None
    """Last evaluated grid point: the newest event time, to the second."""
    sealed_at: datetime | None = None
    """When the last cycle was sealed, by the clock of who sealed it."""
    is_plan_open: bool = False
    """Whether a cycle is planned and not sealed."""
    backlog: Backlog | None = None
    is_attended: bool = False
    """Whether a session takes what lands: then a file may wait a moment."""
    cycle_seconds: tuple[float, ...] = ()
    """Of the recent cycles."""
    rows: Rows | None = None
    """Of the recent cycles."""
    missing_inputs: int | None = None
    """Accounts without all their inputs, and corrections that wait for their original."""
    refused_rows: int | None = None
    """Refused fills and cash movements that are neither released nor dismissed."""
    failing: str = ""
    """What the session has trouble with; empty if nothing."""
    daily: Daily | None = None
    """None where nobody looked: Dagster tells of its runs itself."""


@dataclass(frozen=True)
class Finding:
    """One thing looked at: a named state, whether that is well, and the figures behind it."""

    state: str
    is_well: bool
    figures: dict[str, Any]


@dataclass(frozen=True)
class Health:
    """Verdict on a monitor at one moment."""

    states: tuple[str, ...]
    """Every one of `STATES` that applies, the first being the health."""
    freshness: Finding
    backlog: Finding
    cycle_time: Finding
    quarantine: Finding
    refused: Finding
    daily: Finding

    @property
    def state(self) -> str:
        """One word."""
        return self.states[0]


def health(seen: Seen, bounds: Limits, sessions: Sessions) -> Health:
    """The verdict. Ages count while the exchange is open: a night without events is no fault."""
    found = (
        _freshness(seen, bounds, sessions),
        _backlog(seen, bounds),
        _cycle_time(seen.cycle_seconds, bounds),
        _quarantine(seen.rows, bounds),
        _refused(seen.refused_rows),
        _daily(seen, bounds, sessions),
    )
    freshness, backlog, cycle_time, quarantine, refused, daily = found
    applies = {
        "unfinished": seen.is_plan_open,
        "behind": backlog.state == "behind",
        "empty": seen.last_cycle is None,
        "stale": freshness.state == "stale",
        "degraded": not cycle_time.is_well or bool(seen.failing),
        "attention": bool(seen.missing_inputs)
        or not (quarantine.is_well and daily.is_well)
        or refused.state == "open"
        or freshness.state == "unknown",
    }
    states = tuple(state for state in STATES if applies.get(state))
    return Health(states or ("ok",), *found)


def _freshness(seen: Seen, bounds: Limits, sessions: Sessions) -> Finding:
    figures = {
        "as_of": seen.as_of,
        "event_lag_seconds": _age(seen.now, seen.as_of),
        "event_lag_open_seconds": open_seconds(seen.as_of, seen.now, sessions),
        "last_seal_at": seen.sealed_at,
        "seal_age_seconds": _age(seen.now, seen.sealed_at),
        "seal_age_open_seconds": open_seconds(seen.sealed_at, seen.now, sessions),
    }
    state = _freshness_state(seen, figures, bounds)
    return Finding(state, state in ("fresh", "history"), figures)


def _freshness_state(seen: Seen, figures: dict[str, Any], bounds: Limits) -> str:
    if seen.last_cycle is None:
        return "empty"
    if seen.sealed_at is None or seen.as_of is None:
        return "unknown"
    if figures["seal_age_open_seconds"] > bounds.stale_seconds:
        return "stale"
    if (seen.sealed_at - seen.as_of).total_seconds() > bounds.history_days * _DAY:
        return "history"
    return "stale" if figures["event_lag_open_seconds"] > bounds.stale_seconds else "fresh"


def _age(now: datetime, since: datetime | None) -> float | None:
    """Seconds; below 0 where another clock is ahead."""
    return None if since is None else (now - since).total_seconds()


def open_seconds(start: datetime | None, end: datetime, sessions: Sessions) -> float | None:
    """Seconds between two instants in which the exchange was open; 0 if the end comes first."""
    if start is None:
        return None
    first, last = (int(at.timestamp() * 1e6) for at in (start, end))
    shared = np.minimum(sessions.closes, last) - np.maximum(sessions.opens, first)
    return float(np.clip(shared, 0, None).sum() / 1e6)


def _backlog(seen: Seen, bounds: Limits) -> Finding:
    backlog = seen.backlog
    if backlog is None:
        return Finding("unknown", is_well=False, figures=dict.fromkeys(_OF_BACKLOG))
    oldest = _age(seen.now, backlog.oldest_landed_at)
    is_patient = seen.is_attended and (oldest is None or oldest <= bounds.behind_seconds)
    state = "behind" if backlog.files and not is_patient else "ok"
    figures = (backlog.files, backlog.bytes, backlog.oldest_landed_at, oldest)
    return Finding(state, state == "ok", dict(zip(_OF_BACKLOG, figures, strict=True)))


_OF_BACKLOG = ("files", "bytes", "oldest_landed_at", "oldest_seconds")


def _cycle_time(seconds: Sequence[float], bounds: Limits) -> Finding:
    median, p99 = (percentile(seconds, part) for part in (0.5, 0.99))
    figures = {"cycles": len(seconds), "p50": median, "p99": p99}
    if median is None or p99 is None or len(seconds) < bounds.cycles_of_a_median:
        return Finding("too_few_cycles", is_well=True, figures=figures)
    is_slow = median > bounds.median_seconds or (
        len(seconds) >= bounds.cycles_of_a_p99 and p99 > bounds.p99_seconds
    )
    return Finding("slow" if is_slow else "ok", not is_slow, figures)


def percentile(values: Sequence[float], part: float) -> float | None:
    """The least value that at least this part of all does not exceed; None of none."""
    if not values:
        return None
    return sorted(values)[math.ceil(part * len(values)) - 1]


def _quarantine(rows: Rows | None, bounds: Limits) -> Finding:
    if rows is None:
        return Finding("unknown", is_well=False, figures={})
    figures = {"rows": rows.landed, "quarantined": rows.quarantined, "rate": rows.rate}
    if rows.rate is None:
        return Finding("no_rows", is_well=True, figures=figures)
    is_high = rows.rate > bounds.quarantine_rate
    return Finding("high" if is_high else "ok", not is_high, figures)


def _refused(rows: int | None) -> Finding:
    """Semantics 8.7: what an account did and the books do not hold, until somebody decides."""
    state = "unknown" if rows is None else "open" if rows else "ok"
    return Finding(state, state == "ok", {"rows": rows})


def _daily(seen: Seen, bounds: Limits, sessions: Sessions) -> Finding:
    """Of a lake in which the daily run never wrote a date, none is asked for."""
    if seen.daily is None:
        return Finding("not_looked_at", is_well=True, figures={})
    finished, begun = seen.daily
    dates = {*finished, *begun}
    missing = [day for day in _closed(seen, bounds, sessions) if dates and day not in dates]
    missing = [day for day in missing if day > min(dates)]
    figures = {
        "finished": len(finished),
        "last_finished": finished[-1] if finished else None,
        "unfinished": list(begun),
        "missing": missing,
    }
    if not dates:
        return Finding("none", is_well=True, figures=figures)
    state = "unfinished" if begun else "late" if missing else "ok"
    return Finding(state, state == "ok", figures)


def _closed(seen: Seen, bounds: Limits, sessions: Sessions) -> list[date]:
    """Sessions that closed in sealed event time, and long enough ago for a run to have begun."""
    if seen.as_of is None:
        return []
    latest = min(seen.as_of.timestamp(), seen.now.timestamp() - bounds.stale_seconds)
    count = int(np.searchsorted(sessions.closes, int(latest * 1e6), side="right"))
    return sessions.days[:count]
