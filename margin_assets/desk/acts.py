"""Files that verbs and servers land: rows, and acts of people. None of them writes a table."""

import getpass
import hashlib
import io
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from margin_assets.lake.landing.landing import STAGING
from margin_assets.lake.landing.places import LandingPlace, is_remote, put_new
from margin_assets.lake.landing.reading import LandedFile, read_landed

_ACTS = "desk_actions"
_IN_THE_PAST = timedelta(days=7)


class Refused(ValueError):
    """What cannot land, and why."""


@dataclass(frozen=True)
class Where:
    """Where files land, who lands there, and when that shall have been."""

    landing: LandingPlace
    actor: str | None = None
    """The user of the system where nobody is named."""
    landed_at: datetime | None = None

    def time(self) -> datetime:
        """The landing time that a file gets.

        Raises:
            Refused: it has not come yet.
        """
        now = datetime.now(UTC)
        if self.landed_at is not None and self.landed_at > now:
            raise Refused("--landed-at has not come yet")
        return self.landed_at or now

    def put(self, feed: str, name: str, content: Iterable[bytes]) -> LandingPlace:
        """Lands a file, whole or not at all; one that is there under that time stays.

        Raises:
            Refused: a bucket stamps what it takes itself.
        """
        is_bucket = is_remote(self.landing)
        if self.landed_at is None:
            put_new(self.landing, f"{feed}/{name}", content)
            where = f"{str(self.landing).rstrip('/')}/{feed}/{name}"
            return where if is_bucket else Path(where)
        if is_bucket:
            raise Refused(f"--landed-at: {self.landing} stamps what lands there itself")
        return self._put_at(self.landed_at, Path(self.landing), f"{feed}/{name}", content)

    @staticmethod
    def _put_at(at: datetime, folder: Path, path: str, content: Iterable[bytes]) -> Path:
        target = folder / path
        staged = folder / STAGING / uuid.uuid4().hex
        staged.parent.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(exist_ok=True)
        with staged.open("wb") as file:
            file.writelines(content)
        since = int(at.timestamp()) * 10**6 + at.microsecond
        os.utime(staged, ns=(since * 1000, since * 1000))
        staged.replace(target)
        return target


@dataclass(frozen=True)
class Act:
    """Something a person does: a row of `desk_actions`. Its id follows from it."""

    kind: str
    subject: str
    reason: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)

    @property
    def action_id(self) -> str:
        """The same for the same act on the same rows, whoever does it and why."""
        identity = json.dumps([self.kind, self.subject, self.details], sort_keys=True)
        return hashlib.sha256(identity.encode()).hexdigest()[:32]


def act_of(kind: str, subject: str, who: str, reason: str | None, refused: int = 0) -> Act:
    """An act that counts or not by who does it: the same by another is another act.

    Args:
        kind: What is done.
        subject: What it is done to.
        who: Who does it.
        reason: Why.
        refused: Acts of the kind on the subject that were refused; after one it can be done again.
    """
    return Act(kind, subject, reason, {"by": who} | ({"refused": refused} if refused else {}))


def time_of_act(as_of: datetime | None, now: datetime) -> datetime:
    """When an act counts that is done now, on a lake that stands at an instant.

    A lake that lives in the past is not moved on to today by it: there it is done a second later.
    """
    if as_of is None or now - as_of < _IN_THE_PAST:
        return now
    return as_of + timedelta(seconds=1)


def land_act(act: Act, where: Where, at: datetime | None = None) -> LandingPlace:
    """Lands an act, done now or at an instant, as one file of one row; one that is there stays.

    Raises:
        Refused: it would not be understood.
    """
    row = {
        "action_id": act.action_id,
        "kind": act.kind,
        "subject": act.subject,
        "actor": where.actor or user_of_the_system(),
        "reason": act.reason,
        "details": json.dumps(act.details, sort_keys=True) if act.details else None,
        "event_time": (at or datetime.now(UTC)).isoformat(),
    }
    content = json.dumps({n: value for n, value in row.items() if value is not None}) + "\n"
    name = f"{act.kind}-{act.action_id[:12]}.ndjson"
    check(_ACTS, name, content.encode(), datetime.now(UTC))
    return Where(where.landing).put(_ACTS, name, [content.encode()])


def user_of_the_system() -> str:
    """Who does it, where nobody is named.

    Raises:
        Refused: The system does not know.
    """
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise Refused("who does it? Give --actor NAME") from None


def check(feed: str, name: str, content: bytes, landed_at: datetime) -> None:
    """What is landed must be understood; what other rows say of it, only the cycle knows.

    Raises:
        Refused: it would be quarantined.
    """
    file_id = hashlib.sha256(content).hexdigest()
    file = LandedFile(feed, f"{feed}/{name}", file_id, len(content), landed_at)
    refused = read_landed(file, lambda: io.BytesIO(content)).quarantined
    if refused.height:
        first = refused.row(0, named=True)
        detail = f": {first['detail']}" if first["detail"] else ""
        what = "the act would be refused" if feed == _ACTS else "the row would be refused again"
        raise Refused(f"{what}: {first['reasons']}{detail}")
