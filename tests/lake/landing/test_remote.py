"""A landing prefix on a real S3 server, with and without a queue that tells of what lands."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from moto.server import ThreadedMotoServer

from margin_assets.lake.landing import remote
from margin_assets.lake.landing.landing import Pending
from margin_assets.lake.landing.places import content_at, put_new
from margin_assets.lake.landing.remote import Queue, S3Landing
from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.s3_objects import S3Objects, Written
from margin_assets.live.session.session import Session
from tests.support.live_driver import Firm, cash, fill, line, opening, price
from tests.support.seaweed import S3Server

pytestmark = pytest.mark.s3
ROW = b'{"symbol":"X"}\n'


@pytest.fixture
def place(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A prefix of its own, in the store that the environment names."""
    for name, value in s3_server.storage_options.items():
        monkeypatch.setenv(name, value)
    return f"{s3_server.uri()}/landing"


def everything(landing: S3Landing) -> list[Pending]:
    return sorted(landing.unknown(lambda _: False), key=lambda entry: entry.path)


def listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "_LIST_SECONDS", 1e9)
    monkeypatch.setattr(remote, "_TOLD_SECONDS", 1e9)


def test_what_was_put_is_listed_by_feed_and_what_is_no_file_is_not(place: str):
    for path in ("fills/a.ndjson", "prices/deep/b.csv", ".staging/fills/part", "stray.txt"):
        put_new(place, path, ROW)
    put_new(place, "fills/", b"")

    found = everything(S3Landing(place))

    assert [(e.feed, e.path, e.bytes) for e in found] == [
        ("fills", "fills/a.ndjson", len(ROW)),
        ("prices", "prices/deep/b.csv", len(ROW)),
        ("", "stray.txt", len(ROW)),
    ]
    assert found[2].problem.startswith("outside the feeds")
    assert all(entry.landed_at.microsecond == 0 for entry in found)


def test_what_is_put_once_stays(place: str):
    assert put_new(place, "fills/a.ndjson", ROW)

    assert not put_new(place, "fills/a.ndjson", b"other")
    assert content_at(place, "fills/a.ndjson") == ROW
    assert content_at(place, "fills/b.ndjson") is None


def test_an_object_that_was_replaced_since_it_was_listed_has_vanished(place: str):
    # A session of its own: the shared one keeps what other tests set.
    client = boto3.session.Session().client("s3")
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    put_new(place, "fills/a.ndjson", ROW)
    landing = S3Landing(place)
    (before,) = everything(landing)
    with landing.open(before) as opened:
        assert opened.read() == ROW

    client.put_object(Bucket=bucket, Key=f"{prefix}/fills/a.ndjson", Body=b"other")

    with pytest.raises(FileNotFoundError):
        landing.open(before)
    (after,) = everything(S3Landing(place))
    with landing.open(after) as opened:
        assert opened.read() == b"other"


def test_a_session_takes_each_object_once(place: str, tmp_path: Path):
    firm = Firm(tmp_path)
    rows = {"fills": [fill("F", "10", "100")], "cash_movements": [cash("M", "A", "500")]}
    for feed, told in (opening("A") | rows).items():
        put_new(place, f"{feed}/first.ndjson", "".join(map(line, told)).encode())

    first = firm.session.cycle(S3Landing(place))
    # Another process, which lists all of it anew.
    again = Session(firm.lake)
    again.recover()

    assert first is not None
    assert firm.position() == (10, -500)
    assert again.cycle(S3Landing(place)) is None
    assert len(firm.table("landed_files")) == 5


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty queue of a server that stands for Amazon's."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://{}:{}".format(*server.get_host_and_port()))
    try:
        client = boto3.client("sqs", region_name="us-east-1")
        yield client.create_queue(QueueName="landed")["QueueUrl"]
    finally:
        server.stop()


def event(place: str, path: str) -> str:
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    name: dict[str, Any] = {"name": bucket}
    return json.dumps(
        {"Records": [{"s3": {"bucket": name, "object": {"key": quote_plus(f"{prefix}/{path}")}}}]}
    )


def test_a_queue_tells_of_what_a_listing_would_show_later(
    place: str, queue: str, monkeypatch: pytest.MonkeyPatch
):
    listed_once(monkeypatch)
    landing, sqs = S3Landing(place, queue), boto3.client("sqs")
    assert everything(landing) == []
    put_new(place, "fills/a b+c.ndjson", ROW)
    messages = [
        event(place, "fills/a b+c.ndjson"),
        event(place, "fills/a b+c.ndjson"),
        event(place, "fills/never put.ndjson"),
        event("s3://elsewhere/landing", "fills/x.ndjson"),
        '{"Event": "s3:TestEvent"}',
        "no event",
        '["Records"]',
        event(place, "fills/../../x.ndjson"),
        event(place, "/fills/x.ndjson"),
        "[" * 100_000,
    ]
    for message in messages:
        sqs.send_message(QueueUrl=queue, MessageBody=message)

    started = time.monotonic()
    landing.wait(30)

    assert time.monotonic() - started < 25
    (told,) = everything(landing)
    (listed,) = everything(S3Landing(place))
    assert (told.path, told.stamp) == ("fills/a b+c.ndjson", listed.stamp)
    left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert left["ApproximateNumberOfMessages"] == left["ApproximateNumberOfMessagesNotVisible"]


def test_a_name_that_leads_out_of_the_place_is_told_and_not_asked_for(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    firm = Firm(tmp_path)
    names = ("fills/../../x.ndjson", "/fills/x.ndjson")
    there = [Written(name, 9, datetime(2020, 3, 9, tzinfo=UTC), '"tag"') for name in names]
    # As Amazon would list them; the server of the tests takes no such key.
    monkeypatch.setattr(S3Objects, "written", lambda *_: iter(there))

    firm.session.cycle(S3Landing(place))

    assert set(firm.rows("landed_files", "path", "status")) == {(n, "ignored") for n in names}


def test_a_queue_that_cannot_be_emptied_is_asked_again(place: str, monkeypatch: pytest.MonkeyPatch):
    class Sqs:
        asked = 0

        def receive_message(self, **_: object) -> dict[str, Any]:
            return {"Messages": [{"Body": event(place, "fills/a.ndjson"), "ReceiptHandle": "1"}]}

        def delete_message_batch(self, **_: object) -> None:
            self.asked += 1
            if self.asked == 1:
                raise EndpointConnectionError(endpoint_url="http://sqs")

    queue, sqs = Queue("http://sqs/landed", Access(place, None)), Sqs()
    monkeypatch.setattr(queue, "_client", lambda: sqs)

    assert (queue.take(), sqs.asked) == (["fills/a.ndjson"], 2)


def test_what_the_queue_lost_is_found_by_listing(place: str, queue: str):
    landing = S3Landing(place, queue)
    put_new(place, "prices/a.ndjson", line(price("X", "1")).encode())

    assert [entry.feed for entry in everything(landing)] == ["prices"]
