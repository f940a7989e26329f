"""One message to one contact by one channel, from when it is written to its end: pure steps."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl

from margin_assets.desk.notices.happenings import Happening
from margin_assets.desk.notices.policy import Policy, Way
from margin_assets.desk.notices.wording import worded
from schemas import TABLES
from schemas.desk.notifications import SEVERITIES

TABLE = "notifications"
_TOLD_AT_ONCE = frozenset(("call", "deadline", "plan", "digest"))
"""Templates that know no quiet hours."""


@dataclass(frozen=True)
class Message:
    """One version of a message: a row of `notifications`."""

    message_id: str
    version: int
    about: str
    event: str
    account_id: str | None
    amount: Decimal | None
    severity: str
    channel: str
    recipient: str
    step: int
    template: str
    subject: str
    body: str
    state: str
    attempts: int
    created_at: datetime
    due_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    acknowledge_by: datetime | None
    acknowledged_by: str | None
    digest_id: str | None
    error: str | None
    idempotency_key: str | None
    cycle: int

    @property
    def way(self) -> Way:
        """To whom it goes, and how."""
        return Way(self.recipient, self.channel)

    @property
    def gravity(self) -> tuple[int, Decimal, str, str]:
        """Sorts the gravest first; ties by account and id."""
        rank = len(SEVERITIES) - SEVERITIES.index(self.severity)
        return rank, -(self.amount or Decimal(0)), self.account_id or "", self.message_id

    def then(self, **changes: Any) -> "Message":  # noqa: ANN401 (fields of the message)
        """The next version."""
        return replace(self, version=self.version + 1, **changes)


def message_id(way: Way, template: str, about: str) -> str:
    """Deterministic id: hash of channel, recipient, template and what it is about."""
    content = json.dumps([way.channel, way.recipient, template, about], separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def drafted(happening: Happening, policy: Policy) -> list[Message]:
    """The messages that a happening makes at first, without their words."""
    route = policy.routes[happening.severity]
    due = happening.at
    if happening.template not in _TOLD_AT_ONCE:
        due = policy.quiet.end_of(happening.severity, happening.at)
    return [
        Message(
            message_id=message_id(way, happening.template, happening.about),
            version=1,
            about=happening.about,
            event=happening.event,
            account_id=happening.account_id,
            amount=happening.amount,
            severity=happening.severity,
            channel=way.channel,
            recipient=way.recipient,
            step=0,
            template=happening.template,
            subject="",
            body="",
            state="pending",
            attempts=0,
            created_at=happening.at,
            due_at=due,
            next_attempt_at=None,
            sent_at=None,
            acknowledge_by=None,
            acknowledged_by=None,
            digest_id=None,
            error=None,
            idempotency_key=None,
            cycle=happening.cycle,
        )
        for way in route.steps[0]
    ]


def written(message: Message, happening: Happening) -> Message:
    """A draft with its words."""
    values = happening.values | {"severity": happening.severity}
    subject, body = worded(happening.template, values)
    return replace(message, subject=subject, body=body)


def onward(message: Message, why: str, policy: Policy) -> list[Message]:
    """The same message to those whom the next step of its route tells; none after the last."""
    steps = policy.routes[message.severity].steps
    place = message.step + 1
    return [
        replace(
            message,
            message_id=message_id(way, message.template, message.about),
            version=1,
            channel=way.channel,
            recipient=way.recipient,
            step=place,
            subject=f"{why} {message.recipient}: {message.subject}",
            state="pending",
            attempts=0,
            next_attempt_at=None,
            sent_at=None,
            acknowledge_by=None,
            error=None,
            idempotency_key=None,
        )
        for way in (steps[place] if place < len(steps) else ())
    ]


def digest_of(members: Sequence[Message], policy: Policy) -> Message:
    """One message that stands for many to the same contact by the same channel."""
    ranked = sorted(members, key=lambda message: message.gravity)
    worst, ids = ranked[0], sorted(message.message_id for message in members)
    about = hashlib.sha256("".join(ids).encode()).hexdigest()[:32]
    made = message_id(worst.way, "digest", about)
    steps = policy.routes[worst.severity].steps
    known = [place for place, step in enumerate(steps) if worst.way in step]
    values = {
        "severity": worst.severity,
        "count": len(members),
        "kinds": _kinds(ranked),
        "worst": [_line(message) for message in ranked[: policy.sending.worst]],
        "digest_id": made,
    }
    subject, body = worded("digest", values)
    return replace(
        worst,
        message_id=made,
        version=1,
        about=about,
        event="digest",
        account_id=None,
        amount=_sum(members),
        step=known[0] if known else worst.step,
        template="digest",
        subject=subject,
        body=body,
        attempts=0,
        created_at=max(message.created_at for message in members),
        due_at=max(message.due_at for message in members),
        next_attempt_at=None,
        error=None,
        cycle=max(message.cycle for message in members),
    )


def _sum(messages: Iterable[Message]) -> Decimal | None:
    amounts = [message.amount for message in messages if message.amount is not None]
    return sum(amounts, Decimal(0)) if amounts else None


def _kinds(ranked: Sequence[Message]) -> list[dict[str, Any]]:
    """How many of each severity and event there are and what they come to, the gravest first."""
    kinds: dict[tuple[str, str], list[Message]] = {}
    for message in ranked:
        kinds.setdefault((message.severity, message.event), []).append(message)
    return [
        {"severity": severity, "event": event, "count": len(found), "amount": _sum(found)}
        for (severity, event), found in kinds.items()
    ]


def _line(message: Message) -> dict[str, Any]:
    return {
        "account_id": message.account_id,
        "event": message.event,
        "amount": message.amount,
        "at": message.created_at,
    }


def frame_of(messages: Sequence[Message]) -> pl.DataFrame:
    """Rows of the table."""
    schema = pl.Schema(TABLES[TABLE].schema)
    return pl.DataFrame([asdict(message) for message in messages], schema=schema)


def messages_of(rows: pl.DataFrame) -> list[Message]:
    """Messages of rows of the table."""
    return [Message(**row) for row in rows.iter_rows(named=True)]
