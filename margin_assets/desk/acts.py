"""Acts of people: one landed file of one row of `desk_actions` each."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from margin_assets.lake.landing.landing import STAGING


@dataclass(frozen=True)
class Act:
    """Something a person does."""

    kind: str
    subject: str
    actor: str
    reason: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)
    event_time: datetime | None = None
    """When it is done; now if not said."""

    @property
    def action_id(self) -> str:
        """The same for the same act on the same thing, whoever does it and why."""
        identity = json.dumps([self.kind, self.subject, dict(self.details)], sort_keys=True)
        return hashlib.sha256(identity.encode()).hexdigest()[:32]


def land_act(landing: Path, act: Act) -> str:
    """Lands an act, whole or not at all, and returns its id; one that is there already stays."""
    name = f"{act.kind}-{act.action_id[:12]}.ndjson"
    target = landing / "desk_actions" / name
    if target.exists():
        return act.action_id
    row = {
        "action_id": act.action_id,
        "kind": act.kind,
        "subject": act.subject,
        "actor": act.actor,
        "reason": act.reason,
        "details": json.dumps(dict(act.details), sort_keys=True) if act.details else None,
        "event_time": (act.event_time or datetime.now(UTC)).isoformat(),
    }
    staged = landing / STAGING / name
    for folder in (staged.parent, target.parent):
        folder.mkdir(parents=True, exist_ok=True)
    staged.write_text(json.dumps({n: v for n, v in row.items() if v is not None}) + "\n", "utf-8")
    staged.replace(target)
    return act.action_id
