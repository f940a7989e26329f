"""The verb that keeps a lake sealed as a service."""

import json
import os
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli.lake.live_view import metrics
from margin_assets.cli.landing.feed_verbs import new_session, quiet_imports, stop_on_signal
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    LakeOption,
    LandingOption,
    created_lake,
    refuse_overlap,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from jobs.following import DagsterFollower
    from margin_assets.lake.store.store import Lake
    from margin_assets.live.service.audit_copy import AuditCopy

EXAMPLES = (
    "margin serve live --lake s3://desk/tables --landing s3://desk/landing",
    "margin serve live --lake s3://desk/tables --landing s3://desk/landing --dagster",
)


def serve_live(  # noqa: PLR0913 (the options of the interface)
    *,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    lease_seconds: Annotated[
        float, typer.Option(metavar="S", min=1.0, help="Who stands by takes over after so long.")
    ] = 6.0,
    audit: Annotated[
        str,
        typer.Option(metavar="URI", envvar="MARGIN_AUDIT", help="Where each seal is copied to."),
    ] = "",
    dagster: Annotated[
        bool, typer.Option("--dagster", help="Tell Dagster's instance what is sealed.")
    ] = False,
    metrics_port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Serve metrics there; 0: nowhere.")
    ] = 0,
    metrics_host: Annotated[
        str, typer.Option(metavar="HOST", help="Address to serve metrics on.")
    ] = "127.0.0.1",
) -> None:
    """Keep a lake on S3 sealed: one process is active, others stand by.

    A lease beside the lake says who. SIGTERM seals the cycle at work, lets the lease go and ends.
    Says on stdout what happens, a line of JSON each: sealed, alive, lease_taken, released,
    lease_lost.
    """
    if not lake.startswith("s3://"):
        raise Refusal(f"{lake} is a folder: a lease needs a lake on S3; `margin live` needs none")
    refuse_overlap(lake, landing)
    held, _ = created_lake(lake)
    from margin_assets.lake.landing.places import watched_at
    from margin_assets.lake.objects.swapped import SwappedObject
    from margin_assets.live.service.lease import LEASE, Lease
    from margin_assets.live.service.service import Service

    session = new_session(held)
    lease = Lease(SwappedObject(held.access, LEASE), owner_name(), lease_seconds)
    service = Service(session, lease, _tell)
    queue = os.environ.get("MARGIN_LANDING_QUEUE", "")
    with (
        stop_on_signal() as is_stopped,
        watched_at(landing, queue) as watched,
        _copied(held, audit) as copy,
        _followed(is_wanted=dagster) as follower,
        metrics(session, metrics_host, metrics_port) as observe,
    ):
        service.standing = lambda: _standing(copy, follower)
        for result in service.run(watched, is_stopped):
            observe(result, datetime.now(UTC))
            if follower is not None:
                follower.take(result)
            # What a cycle wrote is large at times, and is not kept beside the next.
            del result


def owner_name() -> str:
    """A name of this process and of no other."""
    return f"{socket.gethostname()} {uuid.uuid4().hex[:8]}"


def _tell(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def _standing(
    copy: "AuditCopy | None", follower: "DagsterFollower | None"
) -> dict[str, float | str]:
    told: dict[str, float | str] = {}
    if copy is not None:
        told |= {"audit_behind": copy.behind, "audit_trouble": copy.trouble}
    if follower is not None:
        behind = round(follower.behind_seconds, 1)
        told |= {"dagster_behind": behind, "dagster_trouble": follower.trouble}
        told |= {"dagster_refused": follower.refused}
    return told


@contextmanager
def _copied(lake: "Lake", audit: str) -> "Iterator[AuditCopy | None]":
    if not audit:
        yield None
        return
    from margin_assets.lake.objects.access import Access
    from margin_assets.live.service.audit_copy import AuditCopy

    copy = AuditCopy(lake, Access(audit.rstrip("/"), None))
    with copy.following():
        yield copy


@contextmanager
def _followed(*, is_wanted: bool) -> "Iterator[DagsterFollower | None]":
    if not is_wanted:
        yield None
        return
    with quiet_imports():
        import dagster as dg

        from jobs.following import DagsterFollower

    follower = DagsterFollower(dg.DagsterInstance.get)
    with follower.following():
        yield follower
