"""A landing prefix of a bucket: what was put there, by listing, and by events where there are."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from urllib.parse import unquote_plus

from margin_assets.lake.landing.landing import STAGING, Pending, is_outside, pending_at
from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.s3_objects import S3Objects, Written

# A prefix is listed so often, for at most a tenth of the time; where a queue tells of what lands,
# only in case that it did not.
_LIST_SECONDS, _TOLD_SECONDS, _LIST_SHARE = 1.0, 15.0, 10
_LONGEST_WAIT = 20
_IN_MEMORY = 1 << 24
_REGION = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com")


class S3Landing:
    """Objects below a prefix, each put once and whole: a later one of its name is another file.

    An object lands at the second that its store gives it. What a queue tells is a hint: a message
    that comes twice, late or never changes nothing but when the object is found.
    """

    def __init__(self, uri: str, queue: str = "") -> None:
        self._access = Access(uri.rstrip("/"), None)
        self._objects = S3Objects(self._access)
        self._queue = Queue(queue, self._access) if queue else None
        self._waiting: dict[str, Pending] = {}
        self._list_at = 0.0

    def entries(self) -> Iterator[Pending]:
        """Every object below the prefix but our own staging."""
        found = self._access.keep("listing what landed", lambda: list(self._objects.written("")))
        return (_pending(one) for one in found if _counts(one.path))

    def unknown(self, is_known: Callable[[Pending], bool]) -> list[Pending]:
        """Every object that is not known, as far as it was listed or told of."""
        started = time.monotonic()
        told = self._queue.take() if self._queue else []
        if started >= self._list_at:
            self._waiting = {entry.path: entry for entry in self.entries()}
            now = time.monotonic()
            every = _TOLD_SECONDS if self._queue else _LIST_SECONDS
            self._list_at = now + max(every, _LIST_SHARE * (now - started))
        else:
            self._look_at(told)
        self._waiting = {p: entry for p, entry in self._waiting.items() if not is_known(entry)}
        return list(self._waiting.values())

    def _look_at(self, told: list[str]) -> None:
        """Takes objects told of; an event knows another time than a listing, so each is asked."""
        for path in filter(_counts, told):
            if is_outside(path):
                continue  # no key to ask for: a listing shows it
            one = self._objects.written_at(path)
            if one is not None:
                entry = _pending(one)
                self._waiting[entry.path] = entry

    def wait(self, seconds: float) -> None:
        """Waits so long; with a queue, until it tells of something."""
        if self._queue is None:
            time.sleep(seconds)
        else:
            self._queue.wait(seconds)

    def open(self, entry: Pending) -> BinaryIO:
        """The bytes of one object, whole and as it was listed.

        Raises:
            FileNotFoundError: it is gone, or another one has its name.
        """
        tag, _, path = entry.place.partition("/")
        spool = cast(BinaryIO, SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 (handed on)
        try:
            self._objects.copy(path, tag, spool)
        except BaseException:
            spool.close()
            raise
        spool.seek(0)
        return spool


class Queue:
    """An SQS queue to which a bucket sends its `ObjectCreated` events."""

    def __init__(self, url: str, access: Access) -> None:
        self._url, self._access = url, access
        self._bucket, _, prefix = access.uri.removeprefix("s3://").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._told: list[str] = []
        self._made: Any = None

    def take(self) -> list[str]:
        """Paths below the prefix told of since the last time."""
        self._receive(0)
        told, self._told = self._told, []
        return told

    def wait(self, seconds: float) -> None:
        """Returns when something is told, or after at least so long."""
        deadline = time.monotonic() + seconds
        # A queue waits for whole seconds, and not for long.
        self._receive(min(max(1, round(seconds)), _LONGEST_WAIT))
        if not self._told:
            time.sleep(max(0.0, deadline - time.monotonic()))

    def _receive(self, seconds: int) -> None:
        """Takes messages off the queue: a listing finds what is lost between here and a plan."""
        client = self._client()
        answer = self._access.keep(
            "asking the queue of landed files",
            lambda: client.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds
            ),
        )
        messages = answer.get("Messages", [])
        for message in messages:
            self._told += self._paths(message["Body"])
        if messages:
            entries = [
                {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                for place, message in enumerate(messages)
            ]
            self._access.keep(
                "emptying the queue of landed files",
                lambda: client.delete_message_batch(QueueUrl=self._url, Entries=entries),
            )

    def _paths(self, body: str) -> Iterator[str]:
        """Paths that a message tells of; what is no event of this prefix tells of none."""
        with suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            for record in json.loads(body).get("Records", []):
                key = unquote_plus(record["s3"]["object"]["key"])
                if record["s3"]["bucket"]["name"] == self._bucket and key.startswith(self._prefix):
                    yield key.removeprefix(self._prefix)

    def _client(self) -> Any:  # noqa: ANN401 (boto3 has no types)
        if self._made is None:
            import boto3

            # Amazon's addresses name the region; elsewhere boto3 finds it, or says that it cannot.
            named = _REGION.match(self._url)
            region = named.group(1) if named else None
            self._made = boto3.session.Session().client("sqs", region_name=region)
        return self._made


def _counts(path: str) -> bool:
    """Whether an object is a file: no staging, and no marker of an empty folder."""
    return bool(path) and not path.startswith(f"{STAGING}/") and not path.endswith("/")


def _pending(one: Written) -> Pending:
    # The time of a listing has fractions of a second on some stores, and that of the object none.
    at = one.at.replace(microsecond=0)
    return pending_at(one.path, f"{one.tag}/{one.path}", (one.bytes, at))
