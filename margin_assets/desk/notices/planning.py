"""One look at a sealed cycle: what is written, acknowledged and taken in hand before sending."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from margin_assets.desk.acts import time_of_act
from margin_assets.desk.notices.followed import Followed
from margin_assets.desk.notices.happenings import (
    Happening,
    Scan,
    deadlines_coming,
    sealed_happenings,
)
from margin_assets.desk.notices.messages import Message, drafted, written
from margin_assets.desk.notices.policy import NEW_YORK, Policy, policy_on
from margin_assets.desk.notices.turns import (
    Lately,
    Times,
    acknowledged,
    escalated,
    is_overdue,
    is_waiting,
    sorted_out,
)
from margin_assets.lake.ledger.cycles import Sealed

_AT_ONCE = 100
"""Messages that are taken in hand together."""
_FROM_CYCLES = ("decision", "call", "plan")
Texts = Callable[[pl.DataFrame], list[Message]]
"""Messages of rows of the table."""


class Counts(NamedTuple):
    """Messages that are new, that a digest tells of, that went on, and that were answered."""

    written: int = 0
    digested: int = 0
    escalated: int = 0
    acknowledged: int = 0


@dataclass
class Turn:
    """Versions to commit before anything is sent, and those of them that are then sent."""

    policy: Policy
    times: Times
    changed: list[Message] = field(default_factory=list)
    claimed: list[Message] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True)
class Found:
    """What a sender finds: the newest version of every message, and the last sealed cycle."""

    newest: pl.DataFrame
    known: Set[str]
    """Ids of all of them."""
    sealed: Sealed
    scan: Scan
    followed: Followed
    texts: Texts


def turn_of(found: Found, now: datetime, policy: Policy | None = None) -> Turn:
    """What a sender does at an instant, by the policy in force on the day of the lake."""
    times = Times(now, time_of_act(found.sealed.as_of, now))
    policy = policy or policy_on(times.lake.astimezone(NEW_YORK).date())
    turn, newest = Turn(policy, times), found.newest
    who = acknowledged(newest, found.followed.acknowledgements())
    is_answered = pl.col("message_id").is_in(list(who))
    answered = found.texts(newest.filter(is_answered))
    turn.changed = [
        m.then(state="acknowledged", acknowledged_by=who[m.message_id]) for m in answered
    ]
    rest = newest.filter(~is_answered)
    late = found.texts(rest.filter(is_overdue(times.lake)))
    onward = [version for message in late for version in escalated(message, policy)]
    turn.changed += [message for message in onward if message.version > 1]
    told = {d.message_id: (h, d) for h in _new(found, turn) for d in drafted(h, policy)}
    begun = {m.message_id: m for m in onward if m.version == 1}
    begun |= {one: draft for one, (_, draft) in told.items()}
    fresh = [message for one, message in begun.items() if one not in found.known]
    old = found.texts(rest.filter(is_waiting(times)))
    digested = _claim(turn, old, fresh, Lately(newest, now - policy.sending.window))
    happened = {one: happening for one, (happening, _) in told.items()}
    turn.changed = list(_with_words(turn.changed, happened))
    turn.claimed = list(_with_words(turn.claimed, happened))
    turn.counts = Counts(
        written=len(told.keys() - found.known),
        digested=digested,
        escalated=sum(message.state == "escalated" for message in onward),
        acknowledged=len(who),
    )
    return turn


def _new(found: Found, turn: Turn) -> Iterator[Happening]:
    """What was sealed since the last that was told, and deadlines that come due."""
    is_sealed = pl.col("template").is_in(_FROM_CYCLES)
    told = found.newest.filter(is_sealed)["cycle"].max()
    stands = found.sealed.as_of or turn.times.lake

    def is_new(time: str) -> pl.Expr:
        first = pl.col(time) > stands - turn.policy.first_run
        return first if told is None else pl.col("cycle") > told

    yield from sealed_happenings(found.scan, turn.policy, is_new)
    cycle = found.sealed.cycle
    yield from deadlines_coming(found.followed.calls, turn.policy, turn.times.lake, cycle)


def _claim(turn: Turn, old: Sequence[Message], fresh: Sequence[Message], lately: Lately) -> int:
    """Takes in hand what is sent now; returns how many messages went into digests."""
    due = [message for message in fresh if message.due_at <= turn.times.lake]
    singles, digests = sorted_out([*old, *due], lately, turn.policy)
    stored = {message.message_id for message in old}

    def moved(message: Message, **changes: Any) -> Message:  # noqa: ANN401 (fields of it)
        # What is not stored yet is stored as it is by then: its first version.
        is_stored = message.message_id in stored
        return message.then(**changes) if is_stored else replace(message, **changes)

    for digest, members in digests:
        end = {"state": "digested", "digest_id": digest.message_id, "next_attempt_at": None}
        turn.changed += [moved(member, **end) for member in members]
    until = turn.times.sender + turn.policy.sending.claim
    turn.claimed = [
        moved(message, attempts=message.attempts + 1, next_attempt_at=until, error=None)
        for message in [*(digest for digest, _ in digests), *singles][:_AT_ONCE]
    ]
    turn.changed += turn.claimed
    touched = {message.message_id for message in turn.changed}
    # What waits is stored too: the next look begins behind it.
    everything = [*(digest for digest, _ in digests), *fresh]
    turn.changed += [m for m in everything if m.message_id not in touched]
    return sum(len(members) for _, members in digests)


def _with_words(
    messages: Iterable[Message], happened: Mapping[str, Happening]
) -> Iterator[Message]:
    """What a digest tells of keeps none: of thousands that would be all the work."""
    for message in messages:
        is_draft = message.version == 1 and message.state == "pending"
        is_draft = is_draft and message.message_id in happened
        yield written(message, happened[message.message_id]) if is_draft else message
