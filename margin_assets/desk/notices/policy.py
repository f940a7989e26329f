"""Who is told of what: the rulebook `notifications` as typed values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from margin_assets.rulebooks import in_force
from schemas.desk.notifications import CHANNELS, SEVERITIES

FAMILY = "notifications"
NEW_YORK = ZoneInfo("America/New_York")
UNTOLD = "none"
_OTHERWISE = "otherwise"


class Way(NamedTuple):
    """A contact, and the channel by which it is told."""

    recipient: str
    channel: str


@dataclass(frozen=True)
class Route:
    """Who is told at each step, and how long a step has to acknowledge; None: nobody is asked."""

    steps: tuple[tuple[Way, ...], ...]
    acknowledge_in: timedelta | None


@dataclass(frozen=True)
class Deadlines:
    """How long before a deadline it is told."""

    severity: str
    before: Mapping[str, tuple[timedelta, ...]]
    """By whose deadline it is: `house` or `legal`."""


@dataclass(frozen=True)
class Sending:
    """How often a message is tried, and how many are told one by one."""

    pauses: tuple[timedelta, ...]
    claim: timedelta
    more_than: int
    window: timedelta
    worst: int


@dataclass(frozen=True)
class Quiet:
    """Hours of New York in which decisions of some severities wait."""

    severities: frozenset[str]
    begins: time
    ends: time

    def end_of(self, severity: str, at: datetime) -> datetime:
        """When a decision of an instant may be told: then, or at the end of the quiet hours."""
        local = at.astimezone(NEW_YORK)
        clock = local.time()
        crosses = self.begins > self.ends
        is_in = (
            clock >= self.begins or clock < self.ends
            if crosses
            else self.begins <= clock < self.ends
        )
        if severity not in self.severities or not is_in:
            return at
        day = local.date() + timedelta(days=crosses and clock >= self.begins)
        return datetime.combine(day, self.ends, NEW_YORK).astimezone(at.tzinfo)


@dataclass(frozen=True)
class Policy:
    """One version of the family; severities are of `SEVERITIES`, or `UNTOLD`."""

    first_run: timedelta
    tightening: Mapping[str, str]
    relaxing: Mapping[str, str]
    told_by_calls: Mapping[str, tuple[str, ...]]
    """Changes of calls that say what a decision of a reason does."""
    calls: Mapping[str, str]
    plans: Mapping[str, str]
    """By the state that a version of a liquidation plan begins."""
    deadlines: Deadlines
    routes: Mapping[str, Route]
    sending: Sending
    quiet: Quiet

    def of_decision(self, direction: str, reason: str) -> str:
        """Severity of a decision; of a reason that the policy does not know, its `otherwise`."""
        known = self.tightening if direction == "up" else self.relaxing
        return known.get(reason, known[_OTHERWISE])


def policy_on(day: date) -> Policy:
    """The policy in force on a day.

    Raises:
        ValueError: it contradicts itself; the key is named.
    """
    return policy_of(in_force(FAMILY, day).numbers)


def policy_of(numbers: Mapping[str, Any]) -> Policy:
    """The policy of a rulebook's values.

    Raises:
        ValueError: it contradicts itself; the key is named.
    """
    decisions, deadlines, quiet = (numbers[k] for k in ("decisions", "deadlines", "quiet"))
    return Policy(
        first_run=timedelta(hours=numbers["first_run"]["hours"]),
        tightening=_severities("decisions.tightening", decisions["tightening"]),
        relaxing=_severities("decisions.relaxing", decisions["relaxing"]),
        told_by_calls={name: tuple(c) for name, c in decisions["told_by_calls"].items()},
        calls=_severities("calls", numbers["calls"]),
        plans=_severities("plans", numbers["plans"]),
        deadlines=Deadlines(
            _severities("deadlines", {"severity": deadlines["severity"]})["severity"],
            {
                which: tuple(timedelta(minutes=m) for m in deadlines[f"{which}_minutes_before"])
                for which in ("house", "legal")
            },
        ),
        routes={name: _route(name, numbers["routes"]) for name in SEVERITIES},
        sending=_sending(numbers),
        quiet=Quiet(frozenset(quiet["severities"]), quiet["from"], quiet["until"]),
    )


def _sending(numbers: Mapping[str, Any]) -> Sending:
    retry, digest = numbers["retry"], numbers["digest"]
    return Sending(
        pauses=tuple(timedelta(seconds=s) for s in retry["pauses_seconds"]),
        claim=timedelta(seconds=retry["claim_seconds"]),
        more_than=digest["more_than"],
        window=timedelta(seconds=digest["window_seconds"]),
        worst=digest["worst"],
    )


def _severities(key: str, given: Mapping[str, str]) -> dict[str, str]:
    for name, severity in given.items():
        if severity not in (*SEVERITIES, UNTOLD):
            msg = f"{key}.{name} is {severity!r}: not one of {', '.join((*SEVERITIES, UNTOLD))}"
            raise ValueError(msg)
    return dict(given)


def _route(name: str, routes: Mapping[str, Any]) -> Route:
    route = routes[name]
    steps = tuple(tuple(_way(name, text) for text in step) for step in route["steps"])
    ways = [way for step in steps for way in step]
    if not ways or not all(steps) or len(set(ways)) < len(ways):
        msg = f"routes.{name}.steps is {route['steps']!r}: every step tells somebody, nobody twice"
        raise ValueError(msg)
    minutes = route["acknowledge_minutes"]
    return Route(steps, timedelta(minutes=minutes) if minutes else None)


def _way(name: str, text: str) -> Way:
    recipient, _, channel = text.partition("/")
    # A name goes into file names and headers.
    if not recipient.isidentifier() or not recipient.isascii() or channel not in CHANNELS:
        msg = f"routes.{name}.steps: {text!r} is not CONTACT/CHANNEL with {', '.join(CHANNELS)}"
        raise ValueError(msg)
    return Way(recipient, channel)
