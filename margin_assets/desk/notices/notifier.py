"""The sender: looks at what is sealed, commits what it is about to send, sends it, tells.

A message is committed as `pending` before it is sent, with the attempt counted, and as `sent`
after. Killed in between, the next sender makes the attempt again: at least once, and once by a
channel that knows the message again by its key.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import polars as pl

from margin_assets.desk.notices.channels import NotDelivered
from margin_assets.desk.notices.contacts import Post
from margin_assets.desk.notices.fates import Fates
from margin_assets.desk.notices.followed import Followed
from margin_assets.desk.notices.messages import Message
from margin_assets.desk.notices.planning import Counts, Found, Turn, turn_of
from margin_assets.desk.notices.policy import Policy
from margin_assets.desk.notices.turns import failed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake

_SOON_SECONDS = 0.5


def wall_clock() -> datetime:
    """Now, UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Round:
    """What one round of a sender came to."""

    counts: Counts = field(default_factory=Counts)
    tried: tuple[Message, ...] = ()
    """Messages that were tried, as they stand after it."""
    is_stepped_aside: bool = False
    """Whether another sender was at work: nothing was done."""

    @property
    def is_idle(self) -> bool:
        """Whether there was nothing to do."""
        return self == Round()

    def count(self, state: str) -> int:
        """Messages that were tried and are now so."""
        return sum(message.state == state for message in self.tried)


@dataclass
class Notifier:
    """A sender over one lake that has its tables.

    One that stays reads in each round what came since the last.
    """

    lake: Lake
    post: Post
    clock: Callable[[], datetime] = wall_clock
    policy: Policy | None = None
    """Instead of the one in force on the lake's day."""
    _fates: Fates = field(init=False)
    _followed: Followed = field(init=False, default_factory=Followed)
    _claim: timedelta = field(init=False, default=timedelta())
    """For how long the last turn took messages in hand."""

    def __post_init__(self) -> None:
        self._fates = Fates(self.lake)

    def round(self) -> Round:
        """One round: what is new or due is committed, then sent, then its fate committed."""
        turn = self._turn()
        if turn is None:
            return Round()
        if not self._fates.append(turn.changed):
            return Round(is_stepped_aside=True)
        faults.reach("notices_claimed")
        return Round(turn.counts, tried=tuple(_Delivery(self, turn).run()))

    def preview(self) -> list[Message]:
        """What a round would send now; nothing is sent or written."""
        turn = self._turn()
        return [] if turn is None else turn.claimed

    def is_due_soon(self) -> bool:
        """Whether a message that was tried is tried again within the time of a claim.

        So are those of a sender that was killed, and those that failed once.
        """
        soon = pl.col("next_attempt_at") <= self.clock() + self._claim
        return self._fates.newest().filter(pl.col("state") == "pending", soon).height > 0

    def record(self, versions: Sequence[Message]) -> list[Message]:
        """Commits outcomes, on top of what another sender committed meanwhile."""
        while not self._fates.append(versions):
            newest = self._fates.newest()
            known = dict(newest.select("message_id", "version").iter_rows())
            ended = set(newest.filter(pl.col("state") != "pending")["message_id"])
            kept = [version for version in versions if version.message_id not in ended]
            versions = [
                version
                if version.version == 1
                else replace(version, version=known[version.message_id] + 1)
                for version in kept
            ]
        return list(versions)

    def _turn(self) -> Turn | None:
        newest = self._fates.newest()
        sealed = Ledger(self.lake).last_sealed()
        if sealed is None:
            return None
        scan = SealedTables(self.lake, sealed).scan
        self._followed.take(sealed.cycle, scan)
        fates = self._fates
        found = Found(newest, fates.ids, sealed, scan, self._followed, fates.texts)
        turn = turn_of(found, self.clock(), self.policy)
        self._claim = turn.policy.sending.claim
        return turn


class _Delivery:
    """Sends what a turn took in hand."""

    def __init__(self, sender: Notifier, turn: Turn) -> None:
        self._sender, self._turn = sender, turn
        self._sending = turn.policy.sending
        self._down: dict[str, str] = {}
        """Channels that are down, and why."""

    def run(self) -> list[Message]:
        """Messages as they stand afterwards, with their attempt committed."""
        until = self._turn.times.sender + self._sending.claim / 2
        versions: list[Message] = []
        try:
            for message in self._turn.claimed:
                if self._sender.clock() < until:
                    versions += self._tried(message)
                else:
                    # Another sender may soon take it in hand: it is left to that.
                    back = {"attempts": message.attempts - 1, "next_attempt_at": None}
                    versions.append(message.then(**back))
        finally:
            # Also when interrupted: what was sent is not sent again.
            recorded = self._sender.record(versions)
        return [version for version in recorded if version.version > 1]

    def _tried(self, message: Message) -> list[Message]:
        """Versions after an attempt; by a channel that is down none is made."""
        if message.channel in self._down:
            return self._refused(message, NotDelivered(self._down[message.channel]))
        try:
            key = self._sender.post.send(message)
        except NotDelivered as refusal:
            if refusal.is_down:
                self._down[message.channel] = str(refusal)
            return self._refused(message, refusal)
        except Exception as error:
            # One message that a channel stumbles over must not stop the others.
            return self._refused(message, NotDelivered(f"not sent: {type(error).__name__}"))
        faults.reach("notice_delivered")
        return [self._delivered(message, key)]

    def _refused(self, message: Message, refusal: NotDelivered) -> list[Message]:
        pauses = self._sending.pauses
        if refusal.is_final or message.attempts > len(pauses):
            return failed(message, str(refusal), self._turn.policy)
        again = self._sender.clock() + pauses[message.attempts - 1]
        return [message.then(error=str(refusal), next_attempt_at=again)]

    def _delivered(self, message: Message, key: str | None) -> Message:
        span = self._turn.policy.routes[message.severity].acknowledge_in
        return message.then(
            state="sent",
            sent_at=self._sender.clock(),
            acknowledge_by=None if span is None else self._turn.times.lake + span,
            idempotency_key=key,
            error=None,
            next_attempt_at=None,
        )


def rounds_until_idle(sender: Notifier, sleep: Callable[[float], None]) -> Iterator[Round]:
    """Rounds until nothing is due, nor soon will be."""
    while True:
        done = sender.round()
        if not done.is_idle:
            yield done
        elif sender.is_due_soon():
            sleep(_SOON_SECONDS)
        else:
            return
