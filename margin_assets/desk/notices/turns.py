"""What a sender does next: who acknowledged, who is told instead, what is sent one by one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from margin_assets.desk.notices.messages import Message, digest_of, onward
from margin_assets.desk.notices.policy import Policy, Sending, Way

_ACKNOWLEDGED = ("pending", "sent", "failed", "escalated", "digested")


@dataclass(frozen=True)
class Times:
    """The two clocks of a sender."""

    sender: datetime
    """The wall clock: paces attempts, and is in no text."""
    lake: datetime
    """Where the lake stands: what is due, and by when it is acknowledged."""


def acknowledged(newest: pl.DataFrame, acts: Mapping[str, str]) -> dict[str, str]:
    """Who acknowledged which messages: those about what an act's message is about, on any way.

    `acts` has the actor by the id of the message. A digest stands for all of its messages.
    """
    if not acts:
        return {}
    ids = pl.col("message_id").is_in(list(acts))
    named = newest.filter(ids).select("message_id", "about")
    by_about = {about: acts[one] for one, about in named.iter_rows()}
    same = newest.filter(pl.col("about").is_in(list(by_about)))
    by_id = {one: by_about[about] for one, about in same.select("message_id", "about").iter_rows()}
    members = newest.filter(pl.col("digest_id").is_in(list(by_id)))
    by_id |= {
        one: by_id[digest] for one, digest in members.select("message_id", "digest_id").iter_rows()
    }
    is_open = newest.filter(pl.col("state").is_in(_ACKNOWLEDGED))["message_id"]
    return {one: by_id[one] for one in is_open if one in by_id}


def is_overdue(at: datetime) -> pl.Expr:
    """Messages that nobody acknowledged in time."""
    return (pl.col("state") == "sent") & (pl.col("acknowledge_by") <= at)


def is_waiting(times: Times) -> pl.Expr:
    """Messages whose turn it is."""
    is_next = (pl.col("next_attempt_at") <= times.sender).fill_null(value=True)
    return (pl.col("state") == "pending") & (pl.col("due_at") <= times.lake) & is_next


def escalated(message: Message, policy: Policy) -> list[Message]:
    """Versions by which a message that nobody acknowledged goes to the next contact.

    After the last contact nobody is asked any more.
    """
    following = onward(message, "Not acknowledged by", policy)
    if not following:
        return [message.then(acknowledge_by=None)]
    return [message.then(state="escalated"), *following]


def failed(message: Message, error: str, policy: Policy) -> list[Message]:
    """Versions by which a message that cannot be sent goes to the next contact."""
    ended = message.then(state="failed", error=error, next_attempt_at=None)
    return [ended, *onward(message, "Not delivered to", policy)]


class Lately:
    """What the contacts got within the window of a digest."""

    def __init__(self, newest: pl.DataFrame, since: datetime) -> None:
        sent = newest.filter(pl.col("sent_at") > since)
        ways = ["recipient", "channel"]
        counts = sent.group_by(ways).len().iter_rows()
        self._counts: dict[Way, int] = {Way(*key): n for *key, n in counts}
        digests = sent.filter(pl.col("template") == "digest").select(ways)
        self._digests = {Way(*key) for key in digests.iter_rows()}

    def room(self, way: Way, sending: Sending) -> int:
        """How many more messages a contact gets one by one."""
        return max(sending.more_than - self._counts.get(way, 0), 0)

    def had_digest(self, way: Way) -> bool:
        """Whether one of them was a digest."""
        return way in self._digests


def sorted_out(
    waiting: Sequence[Message], lately: Lately, policy: Policy
) -> tuple[list[Message], list[tuple[Message, list[Message]]]]:
    """Messages whose turn it is as those sent one by one, and digests with their members.

    The rest waits: a contact that had its share gets one digest a window. An attempt without a
    known end is made again as it was, so that its channel can know it again.
    """
    singles, digests = [], []
    by_way: dict[Way, list[Message]] = {}
    for message in waiting:
        is_unknown = message.attempts > 0 and message.error is None
        if is_unknown or message.template == "digest":
            singles.append(message)
        else:
            by_way.setdefault(message.way, []).append(message)
    for way, found in sorted(by_way.items()):
        if len(found) <= lately.room(way, policy.sending):
            singles += found
        elif len(found) > 1 and not lately.had_digest(way):
            digests.append((digest_of(found, policy), found))
    return sorted(singles, key=lambda message: message.gravity), digests
