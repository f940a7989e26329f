"""Messages of Kafka topics as landed files; offsets are committed once the rows are kept."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from margin_assets.ingest.delivering import MOST_BYTES, deliver
from margin_assets.lake.landing.places import LandingPlace

_MOST_MESSAGES = 10_000
_NEWLINES = re.compile(rb"[\r\n]+")


class Message(Protocol):
    """What a consumer hands out: `confluent_kafka.Message`."""

    def error(self) -> object | None:
        """What is wrong, in place of a message."""

    def topic(self) -> str:
        """Where it was published."""

    def partition(self) -> int:
        """The part of the topic that orders it."""

    def offset(self) -> int:
        """Its place there."""

    def value(self) -> bytes | None:
        """Its bytes; None deletes a key of a compacted topic."""


class Consumer(Protocol):
    """As much of `confluent_kafka.Consumer` as is needed."""

    def consume(self, num_messages: int, timeout: float) -> list[Any]:
        """Messages that have come within so many seconds."""

    def commit(self, *, asynchronous: bool) -> object:
        """Keeps, for the group, how far it has read."""


class Landed(NamedTuple):
    """Messages of one partition that became one file."""

    topic: str
    partition: int
    first: int
    last: int
    path: str


class KafkaTrouble(RuntimeError):
    """The broker, or what it hands out, cannot be taken."""


def land_messages(
    consumer: Consumer, feeds: Mapping[str, str], place: LandingPlace, wait: float = 0.5
) -> list[Landed]:
    """Takes what has come, lands it, then commits: killed in between, the rows come again.

    Rows that come again are dropped by the cycle, as any row that landed before: by its id, or by
    its content.

    Args:
        consumer: Subscribed, with its automatic commits off.
        feeds: Feed of each topic.
        place: Where files land.
        wait: Seconds to wait for messages.

    Raises:
        KafkaTrouble: the broker tells of an error.
    """
    messages = consumer.consume(_MOST_MESSAGES, wait)
    for message in messages:
        if message.error() is not None:
            raise KafkaTrouble(str(message.error()))
    done = []
    for (topic, partition), group in _by_partition(messages).items():
        for first, last, content in _files(group):
            path = deliver(place, feeds[topic], content).path if content else ""
            done.append(Landed(topic, partition, first, last, path))
    if messages:
        consumer.commit(asynchronous=False)
    return done


def follow(
    consumer: Consumer,
    feeds: Mapping[str, str],
    place: LandingPlace,
    stop: Callable[[], bool],
) -> Iterator[Landed]:
    """Lands what comes until told to stop."""
    while not stop():
        yield from land_messages(consumer, feeds, place)


def _by_partition(messages: list[Message]) -> dict[tuple[str, int], list[Message]]:
    found: dict[tuple[str, int], list[Message]] = {}
    for message in messages:
        found.setdefault((message.topic(), message.partition()), []).append(message)
    return {key: sorted(group, key=lambda one: one.offset()) for key, group in found.items()}


def _files(group: list[Message]) -> Iterator[tuple[int, int, bytes]]:
    """Offsets and bytes of the files that the messages of a partition make."""
    rows: list[bytes] = []
    size, first, last = 0, group[0].offset(), group[0].offset()
    for message in group:
        # A message is one row: a line break inside it would be two.
        row = _NEWLINES.sub(b" ", message.value() or b"").strip()
        if rows and size + len(row) + 1 > MOST_BYTES:
            yield first, last, b"".join(rows)
            rows, size, first = [], 0, message.offset()
        if row:
            rows.append(row + b"\n")
            size += len(row) + 1
        last = message.offset()
    yield first, last, b"".join(rows)


def subscribed(brokers: str, group: str, feeds: Mapping[str, str], **settings: str) -> Any:  # noqa: ANN401 (confluent_kafka has no types)
    """A consumer of these topics that commits only when told to.

    Raises:
        KafkaTrouble: the extra `kafka` is not installed.
    """
    try:
        from confluent_kafka import Consumer as ConfluentConsumer
    except ModuleNotFoundError:
        raise KafkaTrouble("needs the extra: in the checkout, pip install -e '.[kafka]'") from None
    consumer = ConfluentConsumer(
        {
            "bootstrap.servers": brokers,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            **settings,
        }
    )
    consumer.subscribe(list(feeds))
    return consumer
