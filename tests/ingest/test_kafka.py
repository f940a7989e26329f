"""Messages of Kafka topics, from the broker that librdkafka carries for tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from margin_assets.cli import main
from margin_assets.ingest import kafka
from margin_assets.ingest.kafka import KafkaTrouble, land_messages, subscribed
from tests.support.live_driver import Firm, Row, cash, fill, line, opening

FEEDS = {"trades": "fills"}
WAIT = 15.0


@pytest.fixture(scope="module")
def producer() -> Iterator[Producer]:
    """Its client brings the broker along; others reach it by its address."""
    found = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "unused"})
    yield found
    found.flush(WAIT)


def brokers(producer: Producer) -> str:
    known = producer.list_topics(timeout=WAIT).brokers.values()
    return ",".join(f"{one.host}:{one.port}" for one in known)


def publish(producer: Producer, topic: str, *rows: Row) -> None:
    for row in rows:
        producer.produce(topic, line(row).encode(), partition=0)
    assert producer.flush(WAIT) == 0


def kept(producer: Producer, topic: str, group: str) -> int:
    """The offset from which the group would go on; negative where none is kept."""
    asking = Consumer({"bootstrap.servers": brokers(producer), "group.id": group})
    (found,) = asking.committed([TopicPartition(topic, 0)], timeout=WAIT)
    asking.close()
    return int(found.offset)


def taken(consumer: kafka.Consumer, feeds: dict[str, str], place: Path) -> list[kafka.Landed]:
    """What is landed at the first look at which anything has come."""
    for _ in range(int(WAIT / 0.5)):
        if found := land_messages(consumer, feeds, place):
            return found
    return []


def test_messages_become_files_and_their_offsets_are_kept(producer: Producer, tmp_path: Path):
    firm = Firm(tmp_path)
    firm.run(**opening("A"), cash_movements=[cash("M", "A", "5000")])
    publish(producer, "trades", fill("F1", "10", "100"), fill("F2", "5", "100"))
    first = subscribed(brokers(producer), "desk", FEEDS)

    (landed,) = taken(first, FEEDS, firm.landing)
    first.close()
    firm.run()

    assert (landed.topic, landed.first, landed.last) == ("trades", 0, 1)
    assert firm.position() == (15, 3500)
    assert kept(producer, "trades", "desk") == 2


class Dying:
    """A consumer whose process ends where it would commit."""

    def __init__(self, consumer: Consumer) -> None:
        self.consume = consumer.consume

    def commit(self, *, asynchronous: bool) -> None:
        raise KeyboardInterrupt(asynchronous)


def test_killed_before_the_commit_rows_come_again_and_count_once(
    producer: Producer, tmp_path: Path
):
    firm = Firm(tmp_path)
    feeds = {"others": "fills"}
    firm.run(**opening("A"), cash_movements=[cash("M", "A", "5000")])
    publish(producer, "others", fill("F1", "10", "100"))
    first = subscribed(brokers(producer), "killed", feeds)

    with pytest.raises(KeyboardInterrupt):
        taken(Dying(first), feeds, firm.landing)
    first.close()
    firm.run()
    assert kept(producer, "others", "killed") < 0
    publish(producer, "others", fill("F2", "1", "100"))
    # Of a group of its own: the broker for tests lets nobody join again for a minute.
    second = subscribed(brokers(producer), "killed again", feeds)
    (landed,) = taken(second, feeds, firm.landing)
    second.close()
    firm.run()

    assert (landed.first, landed.last) == (0, 1)
    assert firm.position() == (11, 3900)


class Told:
    """A message as a consumer hands it out."""

    def __init__(self, offset: int, value: bytes | None, error: object | None = None) -> None:
        self._told = (offset, value, error)

    def error(self) -> object | None:
        return self._told[2]

    def topic(self) -> str:
        return "trades"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return self._told[0]

    def value(self) -> bytes | None:
        return self._told[1]


class Telling:
    """A consumer of some messages."""

    def __init__(self, *messages: Told) -> None:
        self.messages = list(messages)
        self.commits = 0

    def consume(self, num_messages: int, timeout: float) -> list[Told]:
        del num_messages, timeout
        return self.messages

    def commit(self, *, asynchronous: bool) -> None:
        assert not asynchronous
        self.commits += 1


def test_a_message_is_one_row_whatever_it_holds(tmp_path: Path):
    told = Telling(Told(0, b'{"a":1,\r\n"b":2}'), Told(1, None), Told(2, b"  "), Told(3, b"\xff"))

    (landed,) = land_messages(told, FEEDS, tmp_path)

    assert (tmp_path / landed.path).read_bytes() == b'{"a":1, "b":2}\n\xff\n'
    assert (landed.first, landed.last, told.commits) == (0, 3, 1)


def test_many_bytes_become_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kafka, "MOST_BYTES", 10)
    told = Telling(*(Told(offset, b"%06d" % offset) for offset in range(3)))

    found = land_messages(told, FEEDS, tmp_path)

    assert [(one.first, one.last) for one in found] == [(0, 0), (1, 1), (2, 2)]


def test_trouble_commits_nothing(tmp_path: Path):
    told = Telling(Told(0, b"{}"), Told(0, None, "broker away"))

    with pytest.raises(KafkaTrouble, match="broker away"):
        land_messages(told, FEEDS, tmp_path)

    assert told.commits == 0
    assert list(tmp_path.iterdir()) == []


def test_a_topic_needs_a_feed(capsys: pytest.CaptureFixture[str]):
    assert main(["ingest", "kafka", "--brokers", "x:1", "--topic", "trades=trades"]) == 1
    assert "write TOPIC=FEED" in capsys.readouterr().err
