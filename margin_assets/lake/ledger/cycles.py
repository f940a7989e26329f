"""A cycle as planned and as sealed: its rows in `cycles`, and the hash that a seal carries."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_NOT_SEALED = {"as_of": None, "table_versions": "{}", "digests": "{}", "counts": "{}", "hash": ""}


@dataclass(frozen=True)
class Plan:
    """A cycle that is planned: with the cycle before, it decides everything."""

    cycle: int
    manifest: dict[str, Any]
    previous_hash: str


@dataclass(frozen=True)
class Sealed:
    """A cycle that is whole in every table."""

    cycle: int
    manifest: dict[str, Any]
    as_of: datetime | None
    """Last evaluated grid point, UTC; None before any."""
    table_versions: dict[str, int]
    """Version of every table a cycle may write, also of those this one left alone."""
    digests: dict[str, str]
    """SHA-256 of what the cycle wrote, by table."""
    counts: dict[str, int]
    previous_hash: str
    hash: str


def seal_hash(
    plan: Plan, as_of: datetime | None, digests: dict[str, str], counts: dict[str, int]
) -> str:
    """SHA-256 (hex) over the canonical JSON of what a cycle is, and the hash before it.

    Table versions stay out: upkeep moves them without changing a row.
    """
    content = {
        "cycle": plan.cycle,
        "manifest": plan.manifest,
        "as_of": None
        if as_of is None
        else as_of.astimezone(UTC).isoformat(timespec="microseconds"),
        "digests": digests,
        "counts": counts,
        "previous_hash": plan.previous_hash,
    }
    return hashlib.sha256(_json(content).encode()).hexdigest()


def planned_row(plan: Plan) -> dict[str, Any]:
    """The row of `cycles` that plans a cycle."""
    own = {"cycle": plan.cycle, "state": "planned", "manifest": _json(plan.manifest)}
    return _NOT_SEALED | own | {"previous_hash": plan.previous_hash}


def sealed_row(sealed: Sealed) -> dict[str, Any]:
    """The row of `cycles` that seals a cycle."""
    return planned_row(Plan(sealed.cycle, sealed.manifest, sealed.previous_hash)) | {
        "state": "sealed",
        "as_of": sealed.as_of,
        "table_versions": _json(sealed.table_versions),
        "digests": _json(sealed.digests),
        "counts": _json(sealed.counts),
        "hash": sealed.hash,
    }


def planned_of(row: dict[str, Any]) -> Plan:
    """The plan that a row tells."""
    return Plan(row["cycle"], json.loads(row["manifest"]), row["previous_hash"])


def sealed_of(row: dict[str, Any]) -> Sealed:
    """The sealed cycle that a row tells."""
    return Sealed(
        cycle=row["cycle"],
        manifest=json.loads(row["manifest"]),
        as_of=row["as_of"],
        table_versions=json.loads(row["table_versions"]),
        digests=json.loads(row["digests"]),
        counts=json.loads(row["counts"]),
        previous_hash=row["previous_hash"],
        hash=row["hash"],
    )


def _json(value: object) -> str:
    """Canonical JSON: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest as a later reader will see it, so that live and replay hold the same."""
    plain: dict[str, Any] = json.loads(_json(manifest))
    return plain
