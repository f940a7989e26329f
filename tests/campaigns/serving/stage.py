"""Where a trial of the service plays: one lake in a bucket, what lands there, and what was seen."""

import json
import os
import pickle
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pyarrow import fs

from margin_assets.lake.landing import remote
from margin_assets.lake.landing.landing import LocalLanding, Pending
from margin_assets.lake.landing.remote import Queue, S3Landing
from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.s3_objects import S3Objects
from margin_assets.lake.store.store import Lake
from margin_assets.live.session.session import Session
from margin_assets.scenarios import write_batch
from margin_assets.scenarios.batch import Batch
from tests.campaigns.exactly_once.judged import OTHER_CUT, Text, told
from tests.campaigns.exactly_once.life import die_with_parent
from tests.support.killed_session import story

# Of the story the opening, a fill with tomorrow's beta, and its correction with a call.
_BATCHES = ((0,), (2,), (4, 6))
_LONGEST_PAUSE = 20.0
_LIST_SECONDS, _TOLD_SECONDS = 0.5, 2.0
Batches = list[list[tuple[str, bytes]]]
"""Files of each batch, by their paths."""


@dataclass(frozen=True)
class Seen:
    """What a process says that it met."""

    what: str
    process: int
    cycle: int = 0


@dataclass(frozen=True)
class Stage:
    """One trial's lake and landing prefix, and a folder for what its processes say."""

    uri: str
    folder: Path
    batches: int

    @property
    def lake(self) -> Lake:
        """A sight of the lake of its own for each who asks."""
        return Lake(f"{self.uri}/tables")

    @property
    def landing(self) -> str:
        """Of this trial alone: the lake is cleared for the next, this is left."""
        return f"{self.uri}/landing/{self.folder.name}"

    def seen(self) -> list[Seen]:
        """What the processes met by now."""
        path = self.folder / "seen"
        lines = path.read_text().split("\n")[:-1] if path.exists() else []
        return [Seen(**json.loads(line)) for line in lines]

    def note(self, seen: Seen) -> None:
        """Says it to whoever directs the trial."""
        with (self.folder / "seen").open("a") as file:
            file.write(f"{json.dumps(seen.__dict__)}\n")

    def shown(self) -> int:
        """How many batches have landed whole."""
        path = self.folder / "landed"
        return path.stat().st_size if path.exists() else 0


class LateLanding(S3Landing):
    """A bucket that lists late, or tells by events twice, late or never; no batch by halves.

    Batches come in their order, as a feed that waits for what it sent has them.
    """

    def __init__(self, stage: Stage, seed: int, *, has_events: bool) -> None:
        super().__init__(stage.landing)
        self._stage, self._chance = stage, random.Random(f"landing {seed}")
        self._shows_all = self.is_empty = False
        remote._LIST_SECONDS, remote._TOLD_SECONDS = _LIST_SECONDS, _TOLD_SECONDS
        if has_events:
            self._queue = Queue("", self._access)
            self._messages = self._queue._made = Messages(stage, self._chance)

    def entries(self) -> Iterator[Pending]:
        """What was there a while ago."""
        late = 0 if self._queue else self._chance.choice((0, 0, 1, 2))
        shown = self._stage.shown() - late
        if self._queue:
            self._messages.listed(shown)
        self._shows_all = shown == self._stage.batches
        return (one for one in super().entries() if number_of(one.path) < shown)

    def unknown(self, is_known: Callable[[Pending], bool]) -> list[Pending]:
        """As ever, and whether nothing is left to come."""
        found = super().unknown(is_known)
        self.is_empty = self._shows_all and not found
        return found

    def wait(self, seconds: float) -> None:
        """As long with events: trials are short."""
        time.sleep(seconds)


class Messages:
    """Stands for a client of SQS: a message a batch, of which some are lost and some come twice."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self._stage, self._chance = stage, chance
        bucket, _, self._prefix = stage.landing.removeprefix("s3://").partition("/")
        self._bucket = {"name": bucket}
        self._told = max(0, stage.shown() - chance.choice((0, 0, 1)))
        """Those before are gone with the process that took them."""
        self._has_lost = False

    def listed(self, shown: int) -> None:
        """The bucket has told of what was lost."""
        self._told, self._has_lost = max(self._told, shown), False

    def receive_message(self, **_: object) -> dict[str, Any]:
        """What landed since, more or less."""
        # Nothing behind what was lost, before it is listed: batches come in their order.
        told, numbers = self._told, list[int]()
        while not self._has_lost and self._told < self._stage.shown():
            self._has_lost = self._chance.random() >= 0.7
            numbers += [] if self._has_lost else [self._told]
            self._told += 1
        again = [n for n in range(told) if self._chance.random() < 0.05]
        bodies = [self._body(number) for number in sorted((*numbers, *again))]
        if again:
            self._stage.note(Seen("event told twice", 0))
            bodies.append("no event")
        return {"Messages": [{"Body": body, "ReceiptHandle": "one"} for body in bodies]}

    def delete_message_batch(self, **_: object) -> None:
        """Nothing: what was told may come again."""

    def _body(self, number: int) -> str:
        names = json.loads((self._stage.folder / f"{number}.names").read_text())
        records = [
            {"s3": {"bucket": self._bucket, "object": {"key": f"{self._prefix}/{name}"}}}
            for name in names
        ]
        return json.dumps({"Records": records})


def number_of(path: str) -> int:
    """The batch that a file is of."""
    return int(path.rpartition("/")[2][:6])


def feed(stage: Stage, seed: int, batches: Batches) -> None:
    """Puts the story into the bucket, some of it twice."""
    chance, bucket = random.Random(f"feed {seed}"), S3Objects(Access(stage.landing, None))
    for number, files in enumerate(batches):
        names = []
        for name, content in files:
            bucket.create(name, content)
            names.append(name)
            if chance.random() < 0.2:
                names.append(name.replace(".", "-again."))
                bucket.create(names[-1], content)
                stage.note(Seen("file told twice", 0))
        (stage.folder / f"{number}.names").write_text(json.dumps(names))
        with (stage.folder / "landed").open("ab") as counted:
            counted.write(b".")
        _pace(stage, number + 1 - chance.choice((0, 0, 1)))


def _pace(stage: Stage, sealed: int) -> None:
    """Waits until so many cycles are sealed, so that whoever dies dies with work in hand."""
    until = time.monotonic() + _LONGEST_PAUSE
    while time.monotonic() < until and _cycles(stage) < sealed:
        time.sleep(0.05)


def _cycles(stage: Stage) -> int:
    return max((seen.cycle for seen in stage.seen() if seen.what == "sealed"), default=0)


def undisturbed(folder: Path) -> None:
    """Leaves the story's files, and what one session on a local disk makes of them in order."""
    lake = Lake(str(folder / "lake"))
    lake.create()
    session, landing, batches = Session(lake), folder / "landing", []
    for number, places in enumerate(_BATCHES):
        files = write_batch(_together([story()[place] for place in places]), landing, number)
        batches.append([(str(file.relative_to(landing)), file.read_bytes()) for file in files])
        session.cycle(LocalLanding(landing))
    made: tuple[Batches, Text] = batches, told(lake, OTHER_CUT)
    (folder / "undisturbed").write_bytes(pickle.dumps(made))


def _together(parts: list[Batch]) -> Batch:
    feeds = {feed: None for part in parts for feed in part.frames}
    frames = {f: pl.concat([p.frames[f] for p in parts if f in p.frames]) for f in feeds}
    return Batch(parts[-1].at, frames)


class Bucket:
    """What a trial's lake is in the store."""

    def __init__(self, stage: Stage) -> None:
        self._place = f"{stage.uri}/tables"
        self._objects = S3Objects(Access(self._place, None))

    def tags(self) -> dict[str, str]:
        """Every object with the tag of its content."""
        return {one.path: one.tag for one in self._objects.written("")}

    def copy_into(self, folder: Path) -> None:
        """Every object as a file."""
        store = fs.S3FileSystem(endpoint_override=os.environ["AWS_ENDPOINT_URL"])
        fs.copy_files(
            self._place.removeprefix("s3://"),
            str(folder),
            source_filesystem=store,
            destination_filesystem=fs.LocalFileSystem(),
        )

    def clear(self, but: dict[str, str]) -> None:
        """Deletes what a trial made."""
        self._objects.delete([path for path in self.tags() if path not in but])


def forked(task: Callable[[], object]) -> int:
    """A child that does one thing; it has every compiled loop from birth."""
    if pid := os.fork():
        return pid
    code = 1
    try:
        die_with_parent()
        task()
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)
