"""The sender over sealed cycles: what goes out, once, and what becomes of it."""

import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from margin_assets.desk.notices.channels import NotDelivered
from margin_assets.desk.notices.contacts import Post, post_of
from margin_assets.desk.notices.messages import Message
from margin_assets.desk.notices.notifier import Notifier, rounds_until_idle
from margin_assets.desk.notices.policy import Policy, policy_of
from margin_assets.lake.store.store import Lake
from margin_assets.rulebooks import in_force
from tests.support.forked import exit_code_of
from tests.support.killed_notifier import killed_round
from tests.support.told_lake import NOON, Row, ToldLake, acknowledgement, at, call, decision

STARTED = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)


@dataclass
class Clock:
    """The sender's clock."""

    now: datetime = STARTED

    def __call__(self) -> datetime:
        return self.now

    def ahead(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Desk:
    """A lake, and whoever sends from it by one clock."""

    told: ToldLake
    clock: Clock = field(default_factory=Clock)
    policy: Policy | None = None
    post: Post | None = None

    @property
    def outbox(self) -> Path:
        return self.told.folder / "outbox"

    def sender(self, clock: Callable[[], datetime] | None = None) -> Notifier:
        """A sender that remembers nothing."""
        post = self.post or post_of(self.outbox, None, {})
        return Notifier(Lake(self.told.lake.uri), post, clock or self.clock, self.policy)

    def sent(self) -> list[str]:
        """Accounts whose messages a round sends, the gravest first."""
        tried = self.sender().round().tried
        return [m.account_id or m.event for m in tried if m.state == "sent"]

    def files(self) -> list[Path]:
        return sorted(self.outbox.iterdir()) if self.outbox.exists() else []

    def fates(self, *columns: str) -> list[tuple[Any, ...]]:
        return [tuple(row[name] for name in columns) for row in self.told.fates()]

    def newest(self) -> list[Row]:
        return [*{row["message_id"]: row for row in self.told.fates()}.values()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(ToldLake(tmp_path))


def changed(*path: str, to: object) -> Policy:
    """The shipped policy with another value."""
    numbers = in_force("notifications", date(2020, 1, 1)).numbers

    def replaced(held: Any, keys: tuple[str, ...]) -> Any:
        return held | {keys[0]: replaced(held[keys[0]], keys[1:])} if keys else to

    return policy_of(replaced(numbers, path))


def test_what_is_sealed_is_told_once_whoever_sends(desk: Desk):
    desk.told.seal(decisions=[decision("A"), decision("B", "excess_recovered", direction="down")])
    desk.told.seal(at(1), calls=[call("C", when=at(1))])

    assert desk.sent() == ["A", "C"]
    assert [desk.sent(), desk.sent()] == [[], []]
    assert len(desk.files()) == 2
    desk.told.seal(at(2), calls=[call("C", "met", at(2), version=2, is_open=False)])
    assert desk.sent() == ["C"]


def test_a_sender_that_stays_tells_what_new_ones_would(tmp_path: Path):
    stays, anew = (Desk(ToldLake(tmp_path / name)) for name in ("stays", "anew"))
    resident = stays.sender()
    for step in range(6):
        for desk in (stays, anew):
            rows = [decision(f"A{step}", when=at(10 * step))]
            calls = [call(f"C{step}", when=at(10 * step))]
            calls += [call("C0", "met", at(40), version=2, is_open=False)] if step == 4 else []
            first = desk.newest()[0]["message_id"] if step == 3 else ""
            acts = [acknowledgement(first, when=at(30))] if step == 3 else []
            desk.told.seal(at(10 * step), decisions=rows, calls=calls, acts=acts)
        if step == 2:
            # Another sender comes first once.
            stays.sent()
        resident.round()
        anew.sent()

    assert stays.told.fates() == anew.told.fates()
    assert {row["template"] for row in stays.told.fates()} >= {"call", "decision", "deadline"}
    assert {row["acknowledged_by"] for row in stays.told.fates()} == {None, "mary"}


def test_a_sender_that_stays_reads_no_table_again(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    desk.told.seal(decisions=[decision()])
    sender, whole = desk.sender(), list[str]()
    sender.round()
    monkeypatch.setattr(Lake, "scan", recorded(whole))
    desk.told.seal(at(1), decisions=[decision("B", when=at(1))], calls=[call("B", when=at(1))])
    sender.round()

    # What it asks of tables of cycles is only of those since.
    assert "notifications" not in whole
    assert len(desk.files()) == 3


def recorded(names: list[str]) -> Callable[..., pl.LazyFrame]:
    """`Lake.scan` that notes what is asked for."""
    scan = Lake.scan

    def noting(lake: Lake, name: str, version: int | None = None) -> pl.LazyFrame:
        names.append(name)
        return scan(lake, name, version)

    return noting


def test_nothing_sealed_is_nothing_to_tell(desk: Desk):
    assert desk.sender().round().is_idle


def test_a_message_is_pending_before_it_is_sent(desk: Desk):
    desk.told.seal(decisions=[decision()])
    desk.sender().round()

    fates = desk.fates("version", "state", "attempts", "sent_at", "idempotency_key")
    assert fates == [
        (1, "pending", 1, None, None),
        (2, "sent", 1, STARTED, desk.files()[0].name),
    ]


def test_a_preview_sends_and_writes_nothing(desk: Desk):
    desk.told.seal(decisions=[decision()])

    (message,) = desk.sender().preview()

    assert message.subject.startswith("[urgent] Account A")
    assert (desk.files(), desk.told.fates()) == ([], [])


def test_at_first_only_the_newest_day_of_the_lake_is_told(desk: Desk):
    old = NOON - timedelta(hours=24)
    desk.told.seal(decisions=[decision("OLD", when=old), decision("NEW", when=at(0, hours=-23))])

    assert desk.sent() == ["NEW"]
    # From then on the cycles count, not the time: nothing is lost while nobody sends.
    desk.told.seal(decisions=[decision("LATE", when=old)])
    assert desk.sent() == ["LATE"]


def test_however_many_cycles_a_round_finds_the_messages_are_the_same(tmp_path: Path):
    often, once = (Desk(ToldLake(tmp_path / name)) for name in ("often", "once"))
    for step in range(4):
        for desk in (often, once):
            rows = [decision("A", when=at(step)), decision("B", when=at(step))]
            desk.told.seal(at(step), decisions=rows, calls=[call(f"C{step}", when=at(step))])
        often.sent()
    once.sent()

    files = [{file.name: file.read_text() for file in desk.files()} for desk in (often, once)]
    assert files[0] == files[1]
    assert len(files[0]) == 12


def test_a_deadline_is_told_once(desk: Desk):
    desk.told.seal(calls=[call()])
    assert desk.sent() == ["A"]
    for minute in (20, 21, 29):
        desk.told.seal(at(minute))
        desk.sent()

    templates = Counter(row["template"] for row in desk.newest())
    assert templates == {"call": 1, "deadline": 1}


# -- retries, and the next contact


class Refusing:
    """A channel that takes nothing, and counts how often it is asked."""

    def __init__(self, error: Exception, account: str | None = None) -> None:
        self.error, self.account = error, account
        self.asked: list[str] = []

    def send(self, message: Message, _address: str) -> str | None:
        self.asked.append(message.message_id)
        if self.account in (None, message.account_id):
            raise self.error
        return None


def test_a_message_that_fails_is_tried_again_in_stated_steps_and_then_has_failed(desk: Desk):
    channel = Refusing(NotDelivered("busy"))
    desk.post = Post({"outbox": channel})
    desk.policy = changed("routes", "urgent", "steps", to=[["margin_desk/outbox"]])
    desk.told.seal(decisions=[decision()])
    for pause in (5, 30, 120, 600, 3600):
        desk.sender().round()
        asked = len(channel.asked)
        desk.clock.ahead(seconds=pause - 1)
        assert desk.sender().round().is_idle
        assert len(channel.asked) == asked
        desk.clock.ahead(seconds=1)
    desk.sender().round()
    desk.clock.ahead(days=1)

    assert desk.sender().round().is_idle
    assert len(set(channel.asked)) == 1
    (newest,) = desk.newest()
    fate = [newest[name] for name in ("state", "attempts", "error", "next_attempt_at")]
    assert fate == ["failed", 6, "busy", None]


def test_what_cannot_be_delivered_goes_to_the_next_contact(desk: Desk):
    steps = [["margin_desk/smtp"], ["desk_head/outbox"]]
    desk.policy = changed("routes", "urgent", "steps", to=steps)
    desk.told.seal(decisions=[decision()])
    list(rounds_until_idle(desk.sender(), lambda _: None))

    fates = {row["recipient"]: row for row in desk.newest()}
    assert fates["margin_desk"]["state"] == "failed"
    assert fates["margin_desk"]["error"] == "no channel smtp is set up"
    assert fates["desk_head"]["state"] == "sent"
    assert fates["desk_head"]["subject"].startswith("Not delivered to margin_desk: [urgent]")


def test_two_that_fail_lead_to_one_message_to_the_next(desk: Desk):
    steps = [["margin_desk/smtp", "margin_desk/sns"], ["desk_head/outbox"]]
    desk.policy = changed("routes", "urgent", "steps", to=steps)
    desk.told.seal(decisions=[decision()])
    list(rounds_until_idle(desk.sender(), lambda _: None))

    assert len(desk.files()) == 1
    keys = desk.fates("message_id", "version")
    assert len(set(keys)) == len(keys)


def test_the_second_that_fails_begins_no_message_again(desk: Desk):
    steps = [["margin_desk/smtp", "margin_desk/sns"], ["desk_head/outbox"]]
    desk.policy = changed("routes", "urgent", "steps", to=steps)
    topic = Refusing(NotDelivered("busy"))
    outbox = post_of(desk.outbox, None, {}).channels["outbox"]
    desk.post = Post({"sns": topic, "outbox": outbox}, {"margin_desk": {"sns": "arn"}})
    desk.told.seal(decisions=[decision()])
    desk.sender().round()
    desk.sender().round()
    topic.error = NotDelivered("gone", is_final=True)
    desk.clock.ahead(seconds=5)
    desk.sender().round()

    assert {row["recipient"]: row["state"] for row in desk.newest()} == {
        "margin_desk": "failed",
        "desk_head": "sent",
    }
    keys = desk.fates("message_id", "version")
    assert len(set(keys)) == len(keys)


def test_a_channel_that_is_down_is_asked_once_a_round(desk: Desk):
    channel = Refusing(NotDelivered("no answer", is_down=True))
    desk.post = Post({"outbox": channel})
    desk.told.seal(decisions=[decision(name) for name in "ABCDE"])
    tried = desk.sender().round().tried

    assert len(channel.asked) == 1
    assert [(m.state, m.attempts, m.error) for m in tried] == [("pending", 1, "no answer")] * 5


def test_a_message_that_a_channel_stumbles_over_stops_no_other(desk: Desk):
    channel = Refusing(ValueError("secret"), account="A")
    desk.post = Post({"outbox": channel})
    desk.told.seal(decisions=[decision(name) for name in "ABC"])

    assert desk.sent() == ["B", "C"]
    assert {row["error"] for row in desk.newest()} == {None, "not sent: ValueError"}


def test_what_takes_too_long_is_left_to_the_next_round(desk: Desk):
    class Slow:
        def send(self, _message: Message, _address: str) -> str | None:
            desk.clock.ahead(seconds=5)
            return None

    desk.post = Post({"outbox": Slow()})
    desk.told.seal(decisions=[decision(name) for name in "ABC"])

    assert [desk.sent(), desk.sent(), desk.sent()] == [["A", "B"], ["C"], []]


# -- acknowledged, or escalated


def acknowledge(desk: Desk, *ids: str, when: datetime = NOON) -> None:
    desk.told.seal(when, acts=[acknowledgement(one) for one in ids])


def test_who_does_not_answer_is_followed_by_the_next_contact(desk: Desk):
    desk.told.seal(calls=[call()])
    desk.sent()
    desk.told.seal(at(59), calls=[])
    assert [row["recipient"] for row in desk.newest()] == ["margin_desk"]
    desk.told.seal(at(62))
    done = desk.sender().round()

    assert done.counts.escalated == 1
    fates = {(row["recipient"], row["template"]): row["state"] for row in desk.newest()}
    assert fates["margin_desk", "call"] == "escalated"
    assert fates["desk_head", "call"] == "sent"
    # After the last contact there is nobody.
    desk.told.seal(at(600))
    list(rounds_until_idle(desk.sender(), lambda _: None))
    newest = {(row["recipient"], row["template"]): row for row in desk.newest()}
    assert newest["desk_head", "call"]["state"] == "sent"
    assert newest["desk_head", "call"]["acknowledge_by"] is None


def test_an_acknowledgement_ends_it_on_every_way(desk: Desk):
    steps = [["margin_desk/outbox", "risk/outbox"], ["desk_head/outbox"]]
    desk.policy = changed("routes", "urgent", "steps", to=steps)
    desk.told.seal(calls=[call()])
    desk.sent()
    acknowledge(desk, desk.newest()[0]["message_id"])
    done = desk.sender().round()
    desk.told.seal(at(minutes=9, days=9))

    assert done.counts.acknowledged == 2
    assert desk.sender().round().counts.escalated == 0
    states = {(row["state"], row["acknowledged_by"]) for row in desk.newest()}
    assert states == {("acknowledged", "mary")}


def test_an_acknowledgement_of_nothing_known_is_nothing(desk: Desk):
    desk.told.seal(decisions=[decision()])
    desk.sent()
    acknowledge(desk, "0" * 32)

    assert desk.sender().round().is_idle


def test_a_lake_that_lives_now_goes_by_the_clock(tmp_path: Path):
    desk = Desk(ToldLake(tmp_path))
    now = STARTED - timedelta(seconds=2)
    desk.told.seal(now, decisions=[decision(when=now)])
    desk.sent()
    desk.clock.ahead(minutes=59)
    assert desk.sender().round().is_idle
    desk.clock.ahead(minutes=1)

    # Nothing was sealed meanwhile.
    assert desk.sender().round().counts.escalated == 1


def test_quiet_hours_hold_decisions_and_never_calls(desk: Desk):
    desk.policy = changed("quiet", "severities", to=["urgent", "info"])
    night = at(hours=10)
    met = call("C", "met", night, is_open=False)
    desk.told.seal(night, decisions=[decision("A", when=night)], calls=[met])

    assert desk.sent() == ["C"]
    desk.told.seal(at(hours=18, minutes=59))
    assert desk.sent() == []
    desk.told.seal(at(hours=19))
    assert desk.sent() == ["A"]


# -- digests


def test_many_at_once_are_one_digest(desk: Desk):
    names = [f"A{n:04d}" for n in range(300)]
    desk.told.seal(calls=[call(name) for name in names])
    done = desk.sender().round()

    assert (done.counts.written, done.counts.digested) == (300, 300)
    (file,) = desk.files()
    text = file.read_text()
    assert "Subject: [urgent] 300 messages at once: 300 x opened\n" in text
    assert "300 x opened (urgent), 750,000.00 USD in all" in text
    assert text.count("\nA0") == 10
    assert desk.sender().round().is_idle
    members = [row for row in desk.newest() if row["state"] == "digested"]
    (digest,) = [row for row in desk.newest() if row["template"] == "digest"]
    assert {row["account_id"] for row in members} == {*names}
    assert {row["digest_id"] for row in members} == {digest["message_id"]}
    assert (digest["state"], digest["account_id"]) == ("sent", None)


def test_twenty_are_told_one_by_one(desk: Desk):
    desk.told.seal(calls=[call(f"A{n}") for n in range(20)])

    assert len(desk.sent()) == 20


def test_a_contact_gets_its_share_and_one_digest_a_window(desk: Desk):
    def more(minute: int, count: int) -> None:
        names = [f"{minute}-{n}" for n in range(count)]
        desk.told.seal(at(minute), decisions=[decision(name, when=at(minute)) for name in names])

    more(0, 15)
    assert len(desk.sent()) == 15
    more(1, 10)
    desk.clock.ahead(seconds=10)
    assert desk.sent() == ["digest"]
    more(2, 5)
    desk.clock.ahead(seconds=10)
    assert desk.sent() == []
    desk.clock.ahead(seconds=41)
    assert len(desk.sent()) == 5


def test_an_acknowledged_digest_answers_for_its_messages(desk: Desk):
    desk.told.seal(calls=[call(f"A{n}") for n in range(30)])
    desk.sent()
    (digest,) = [row for row in desk.newest() if row["template"] == "digest"]
    acknowledge(desk, digest["message_id"])
    desk.sender().round()

    assert {row["state"] for row in desk.newest()} == {"acknowledged"}


def test_a_digest_that_nobody_answers_goes_on(desk: Desk):
    desk.told.seal(calls=[call(f"A{n}", house_due_at=None) for n in range(30)])
    desk.sent()
    desk.told.seal(at(62))

    assert desk.sent() == ["digest"]
    assert len(desk.files()) == 2


def test_what_piled_up_while_a_channel_was_down_is_one_digest(desk: Desk):
    desk.post = Post({"outbox": Refusing(NotDelivered("no answer", is_down=True))})
    for minute in range(3):
        rows = [decision(f"{minute}-{n}", when=at(minute)) for n in range(15)]
        desk.told.seal(at(minute), decisions=rows)
        desk.sender().round()
    desk.post = None
    desk.clock.ahead(minutes=10)

    assert desk.sent() == ["digest"]
    assert len(desk.files()) == 1


# -- two senders, and one that is killed


def test_of_two_senders_one_steps_aside(desk: Desk):
    desk.told.seal(decisions=[decision()])
    rivals = iter([desk.sender()])

    def late() -> datetime:
        # The other one sends after this one has looked.
        for rival in rivals:
            rival.round()
        return desk.clock()

    assert desk.sender(late).round().is_stepped_aside
    assert [state for _, state in desk.fates("version", "state")] == ["pending", "sent"]


def test_what_one_has_in_hand_the_other_leaves(desk: Desk):
    outbox = post_of(desk.outbox, None, {})
    counted: Counter[str] = Counter()

    class Interrupted:
        def send(self, message: Message, address: str) -> str | None:
            counted[message.message_id] += 1
            if len(counted) == 1:
                desk.told.seal(at(1), decisions=[decision("LATER", when=at(1))])
                desk.sender().round()
            return outbox.channels["outbox"].send(message, address)

    desk.post = Post({"outbox": Interrupted()})
    desk.told.seal(decisions=[decision("A"), decision("B")])
    desk.sender().round()

    assert set(counted.values()) == {1}
    assert Counter(row["state"] for row in desk.newest()) == {"sent": 3}
    keys = desk.fates("message_id", "version")
    assert len(set(keys)) == len(keys)


def test_an_attempt_without_a_known_end_is_made_again_as_it_was(desk: Desk):
    class Interrupted:
        def send(self, _message: Message, _address: str) -> str | None:
            raise KeyboardInterrupt

    desk.post = Post({"outbox": Interrupted()})
    desk.told.seal(decisions=[decision(name) for name in "ABCDE"])
    with pytest.raises(KeyboardInterrupt):
        desk.sender().round()
    desk.post = None
    desk.clock.ahead(seconds=20)
    desk.told.seal(at(1), decisions=[decision(f"N{n}", when=at(1)) for n in range(30)])
    done = desk.sender().round()

    # In a digest its channel would not know it again.
    assert done.counts.digested == 30
    assert sorted(m.account_id or m.event for m in done.tried) == [*"ABCDE", "digest"]


@pytest.fixture
def killed(desk: Desk) -> Callable[[str, int], None]:
    def kill(point: str, count: int) -> None:
        place = desk.told.lake.uri, str(desk.outbox)
        assert exit_code_of(killed_round, *place, point, count) == -signal.SIGKILL

    return kill


@pytest.mark.parametrize(
    ("point", "count", "files"),
    [
        pytest.param("notices_claimed", 1, 0, id="after the messages were committed"),
        pytest.param("notice_delivered", 2, 2, id="after two of three were sent"),
    ],
)
def test_a_sender_that_is_killed_loses_nothing_and_its_successor_sends_nothing_twice(
    desk: Desk, killed: Callable[[str, int], None], point: str, count: int, files: int
):
    desk.told.seal(decisions=[decision(name) for name in "ABC"])
    killed(point, count)

    before = {file: file.read_bytes() for file in desk.files()}
    assert len(before) == files
    assert {row["state"] for row in desk.newest()} == {"pending"}
    # The process went by the real clock: its claim ends seconds later.
    desk.clock.now = datetime.now(UTC)
    assert desk.sender().round().is_idle
    desk.clock.ahead(seconds=20)
    assert sorted(desk.sent()) == ["A", "B", "C"]
    after = {file: file.read_bytes() for file in desk.files()}
    assert len(after) == 3
    assert before.items() <= after.items()
    assert {(row["state"], row["attempts"]) for row in desk.newest()} == {("sent", 2)}
