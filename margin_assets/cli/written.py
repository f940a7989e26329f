"""Files that a verb lands: rows, and acts of people. No verb writes a table."""

import getpass
import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from margin_assets.cli.output import Refusal, json_text
from margin_assets.lake.landing.landing import STAGING
from margin_assets.lake.landing.reading import LandedFile, read_landed

_ACTS = "desk_actions"


@dataclass(frozen=True)
class Where:
    """The landing folder, who lands there, and when that shall have been."""

    landing: Path
    actor: str | None = None
    """The user of the system where nobody is named."""
    landed_at: datetime | None = None

    def time(self) -> datetime:
        """The landing time that a file gets.

        Raises:
            Refusal: it has not come yet.
        """
        now = datetime.now(UTC)
        if self.landed_at is not None and self.landed_at > now:
            raise Refusal("--landed-at has not come yet")
        return self.landed_at or now

    def put(self, feed: str, name: str, content: Iterable[bytes]) -> Path:
        """Lands a file, whole or not at all; one that is there under that time stays."""
        target: Path = self.landing / feed / name
        if target.exists() and self.landed_at is None:
            return target
        staged = self.landing / STAGING / name
        staged.parent.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(exist_ok=True)
        with staged.open("wb") as file:
            file.writelines(content)
        if self.landed_at is not None:
            since = int(self.landed_at.timestamp()) * 10**6 + self.landed_at.microsecond
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


def land_act(act: Act, where: Where) -> Path:
    """Lands an act as one file of one row, stamped now; one that is there already stays.

    Raises:
        Refusal: it would not be understood.
    """
    row = {
        "action_id": act.action_id,
        "kind": act.kind,
        "subject": act.subject,
        "actor": where.actor or _user(),
        "reason": act.reason,
        "details": json.dumps(act.details, sort_keys=True) if act.details else None,
        "event_time": datetime.now(UTC),
    }
    content = json_text({n: value for n, value in row.items() if value is not None}) + "\n"
    name = f"{act.kind}-{act.action_id[:12]}.ndjson"
    check(_ACTS, name, content.encode(), datetime.now(UTC))
    return Where(where.landing).put(_ACTS, name, [content.encode()])


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        raise Refusal("who does it? Give --actor NAME") from None


def check(feed: str, name: str, content: bytes, landed_at: datetime) -> None:
    """What is landed must be understood; what other rows say of it, only the cycle knows.

    Raises:
        Refusal: it would be quarantined.
    """
    file_id = hashlib.sha256(content).hexdigest()
    file = LandedFile(feed, f"{feed}/{name}", file_id, len(content), landed_at)
    refused = read_landed(file, lambda: io.BytesIO(content)).quarantined
    if refused.height:
        first = refused.row(0, named=True)
        detail = f": {first['detail']}" if first["detail"] else ""
        what = "the act would be refused" if feed == _ACTS else "the row would be refused again"
        raise Refusal(f"{what}: {first['reasons']}{detail}")
