"""How a story's batches become files: as the undisturbed run has them, or cut up and repeated."""

import fcntl
import gzip
import hashlib
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from margin_assets.lake.landing.landing import LocalLanding, Pending
from tests.campaigns.exactly_once.cast import Event
from tests.campaigns.exactly_once.story import Story, cut
from tests.support.live_driver import Row, line, text

# Within the grace that a row has before its time counts as future (semantics 1.3).
_BACK = timedelta(minutes=4)
_AHEAD = timedelta(days=2)
_GARBAGE = b'{"account_id": "ACC3"\n{"account_id": "ACC4"\n'


class LandingFile(NamedTuple):
    """One file to land, and the modification time it gets."""

    path: str
    data: bytes
    landed: datetime


Delivery = list[list[LandingFile]]
"""Files of each batch, in the order of the batches."""


def as_told(story: Story) -> Delivery:
    """One file for each feed of a batch. The landing clock runs back and ahead with the story."""
    chance, delivery = random.Random(story.seed), []
    for number, batch in enumerate(story.batches):
        landed = _landing_time(list(batch), chance)
        files = [
            LandingFile(f"{feed}/{number:04d}.ndjson", "".join(rows).encode(), landed)
            for feed, rows in _by_feed(batch).items()
        ]
        delivery.append(files + _strangers(number, landed, chance))
    return _with_refused_files(story, delivery)


def disturbed(
    story: Story, chance: random.Random, *, recut: bool, at_once: bool = False
) -> Delivery:
    """The same rows in other files: split, shuffled, packed, renamed, and some of them again.

    With `recut` the batches begin and end elsewhere too, which only a punctual story allows. With
    `at_once` all files of a batch land at one time, so that it may be cut into plans.
    """
    batches = list(story.batches)
    if recut:
        events = [event for batch in batches for event in batch]
        batches = cut(events, chance, chance.choice((1, 4, 9, 14, 20)))
    delivery: Delivery = []
    for number, batch in enumerate(batches):
        landed = _landing_time(list(batch), chance)
        if at_once and delivery:
            # What is cut into plans is taken in the order of its landing.
            landed = max(landed, delivery[-1][0].landed + timedelta(seconds=1))
        files = [file for part in _parts(batch, chance) for file in _files(part, landed, chance)]
        if at_once:
            files = [file._replace(landed=landed) for file in files]
        last = _by_feed([event for event in batch if event.lands_last])
        # Later than whatever any clock says of the others; or at their time, the last by name.
        after = landed if at_once else max(event.due for event in batch) + 2 * _AHEAD
        for feed, rows in last.items():
            name = f"{feed}/zz/{number:04d}.ndjson"
            files.append(LandingFile(name, "".join(rows).encode(), after))
        files += _again(delivery, landed, chance)
        files += _strangers(number, landed, chance)
        delivery.append(files)
    return _with_refused_files(story, delivery)


def _with_refused_files(story: Story, delivery: Delivery) -> Delivery:
    """A delivery with files of which all is refused, and with what people do in the end.

    The first batch brings trades in a file whose time is before they happened, and a file that
    holds no row. The last brings the trades again, under another name and a time that is right:
    they are those of the fullest batch, which brings them too. Then the desk acts.
    """
    fills = [[event for event in batch if event.feed == "fills"] for batch in story.batches]
    rows = [event for event in max(fills, key=len) if not event.lands_last]
    data = "".join(event.line for event in rows if '"event_time"' in event.line).encode()
    before = min(event.when for event in rows) - timedelta(hours=6)
    after = max(event.due for batch in story.batches for event in batch) + 4 * _AHEAD
    delivery[0].append(LandingFile("fills/early.ndjson", data, before))
    delivery[0].append(LandingFile("fills/garbage.ndjson", _GARBAGE, after))
    delivery[-1].append(LandingFile("fills/early-again.ndjson", data, after))
    delivery[-1] += _acts(story, delivery, after + _AHEAD)
    return delivery


def _acts(story: Story, delivery: Delivery, landed: datetime) -> Iterator[LandingFile]:
    """What the desk lands: a row set right, and what it says of all that was refused like it."""
    desk, acts = story.desk, []
    mended = line(desk.released).encode()
    yield LandingFile("cash_movements/released.ndjson", mended, landed)
    for wrong, kind, reasons in (
        (desk.mended, "quarantine_release", "amount_sign_against_kind"),
        (desk.dismissed, "quarantine_dismiss", "invalid_json"),
    ):
        acts += [_act(kind, one, desk.at) for one in _refused(delivery, wrong, reasons)]
    acts.append(_act("quarantine_dismiss", hashlib.sha256(_GARBAGE).hexdigest(), desk.at))
    rows = "".join(map(line, acts)).encode()
    yield LandingFile("desk_actions/acts.ndjson", rows, landed)


def _act(kind: str, subject: str, at: datetime) -> Row:
    row = {"kind": kind, "subject": subject, "actor": "desk", "reason": "as agreed"}
    return {"action_id": f"about {subject}", **row, "event_time": text(at)}


def batch_with(delivery: Delivery, part: bytes) -> int:
    """Number, from 1, of the first batch with a file that holds something; 0 if none does."""
    for number, batch in enumerate(delivery, 1):
        if any(part in _plain(file) for file in batch):
            return number
    return 0


def _plain(file: LandingFile) -> bytes:
    return gzip.decompress(file.data) if file.path.endswith(".gz") else file.data


def _refused(delivery: Delivery, wrong: str, reasons: str) -> Iterator[str]:
    """Ids of the refused rows that hold a line."""
    for file in (file for batch in delivery for file in batch if "/." not in file.path):
        for number, found in enumerate(_plain(file).decode().splitlines(keepends=True), 1):
            if found == wrong:
                name = hashlib.sha256(file.data).hexdigest()
                identity = "\0".join((file.path, name, str(number), reasons))
                yield hashlib.sha256(identity.encode()).hexdigest()[:32]


def _landing_time(batch: list[Event], chance: random.Random) -> datetime:
    """When the store says that a batch landed: the clock may have been set back, or ahead."""
    shift = chance.choice((timedelta(seconds=1), timedelta(seconds=1), -_BACK, _AHEAD))
    return max(event.due for event in batch) + shift


def _by_feed(events: tuple[Event, ...] | list[Event]) -> dict[str, list[str]]:
    feeds: dict[str, list[str]] = {}
    for event in events:
        feeds.setdefault(event.feed, []).append(event.line)
    return feeds


def _parts(batch: tuple[Event, ...], chance: random.Random) -> list[list[Event]]:
    """A batch's rows in any order, dealt out to a few files' worth."""
    events = [event for event in batch if not event.lands_last]
    chance.shuffle(events)
    count = chance.choice((1, 1, 2, 3))
    return [part for n in range(count) if (part := events[n::count])]


def _files(part: list[Event], landed: datetime, chance: random.Random) -> Iterator[LandingFile]:
    for feed, rows in _by_feed(part).items():
        yield _file(feed, rows, landed + timedelta(seconds=chance.randrange(60)), chance)


def _file(feed: str, rows: list[str], landed: datetime, chance: random.Random) -> LandingFile:
    name = f"{chance.randrange(16**8):08x}"
    folder = chance.choice(("", "", "sub/", "a/b/"))
    data = "".join(rows).encode()
    if chance.random() < 0.3:
        packed = gzip.compress(data, mtime=0)
        return LandingFile(f"{feed}/{folder}{name}.ndjson.gz", packed, landed)
    return LandingFile(f"{feed}/{folder}{name}.ndjson", data, landed)


def _again(delivery: Delivery, landed: datetime, chance: random.Random) -> Iterator[LandingFile]:
    """Files delivered before, once more under other names: whole, or some of their rows."""
    before = [
        file
        for batch in delivery
        for file in batch
        if file.path.endswith(".ndjson") and "/." not in file.path
    ]
    for file in chance.sample(before, min(len(before), chance.choice((0, 1, 2)))):
        feed = file.path.split("/", 1)[0]
        rows = file.data.decode().splitlines(keepends=True)
        if chance.random() < 0.5:
            rows = chance.sample(rows, chance.randrange(1, len(rows) + 1)) if rows else []
        yield _file(feed, rows, max(landed, file.landed), chance)._replace(
            path=f"{feed}/again-{chance.randrange(16**8):08x}.ndjson", data="".join(rows).encode()
        )


def _strangers(number: int, landed: datetime, chance: random.Random) -> list[LandingFile]:
    """What lands beside the rows and is none: an empty file, a note, a hidden file."""
    names = (f"prices/{number:04d}-empty.ndjson", f"notes/{number}.txt", f"fills/.{number}.ndjson")
    data = (b"", b"see you later\n", b"not for you\n")
    return [
        LandingFile(name, content, landed)
        for name, content in zip(names, data, strict=True)
        if chance.random() < 0.12
    ]


class Feed(LocalLanding):
    """A landing folder that a delivery fills, a batch whole or not at all to whoever looks.

    Who lands may be killed between two files: so it first notes how far it means to go, and
    whoever looks next lands the rest.
    """

    def __init__(self, folder: Path, delivery: Delivery) -> None:
        super().__init__(folder)
        self._delivery = delivery
        self._note = folder.with_name(f"{folder.name}.upto")
        self._lock = folder.with_name(f"{folder.name}.lock")
        self._landed = 0

    def __len__(self) -> int:
        return len(self._delivery)

    def land(self, upto: int) -> None:
        """Lands the first `upto` batches, or as many as there are."""
        with self._alone():
            known = self._noted()
            if upto > known:
                draft = self._note.with_suffix(".draft")
                draft.write_text(str(min(upto, len(self))))
                draft.replace(self._note)
            self._finish()

    def landed(self) -> int:
        """How many batches have landed."""
        return self._noted()

    def entries(self) -> Iterator[Pending]:
        """Everything landed, with no batch half there."""
        with self._alone():
            self._finish()
            return iter(list(super().entries()))

    def _noted(self) -> int:
        return int(self._note.read_text()) if self._note.exists() else 0

    def _finish(self) -> None:
        upto = self._noted()
        for batch in self._delivery[self._landed : upto]:
            for file in batch:
                self._put(file)
        self._landed = upto

    def _put(self, file: LandingFile) -> None:
        target = self.folder / file.path
        if target.exists():
            return
        staged = self.folder / ".staging" / f"{os.getpid()}-{target.name}"
        staged.parent.mkdir(parents=True, exist_ok=True)
        staged.write_bytes(file.data)
        nanoseconds = round(file.landed.timestamp() * 10**6) * 1000
        os.utime(staged, ns=(nanoseconds, nanoseconds))
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(target)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._lock.parent.mkdir(parents=True, exist_ok=True)
        with self._lock.open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield
