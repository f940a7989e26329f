"""Verbs of a firm whose accounts are kept in divisions, each by a session of its own."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.landing.feed_verbs import quiet_imports, stop_on_signal
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    JsonOption,
    LakeOption,
    LandingOption,
    example,
    group,
    named_lake,
    opened_lake,
    refuse_overlap,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.lake.store.store import Lake
    from margin_assets.live.service.service import Leased

_LEASE_SECONDS = 6.0

firm = group(
    "A firm whose accounts are kept in divisions, each by a session of its own.",
    "margin firm create --lake ./firm --divisions 2",
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    firm.command(epilog=example("margin firm create --lake ./firm --divisions 2"))(create)
    firm.command(epilog=example("margin firm plan --lake ./firm --landing ./landing"))(plan)
    firm.command(epilog=example("margin firm own --lake ./firm --division 0"))(own)
    firm.command(epilog=example("margin firm status --lake ./firm --json"))(status)
    firm.command(epilog=example("margin firm verify --lake ./firm"))(verify)
    app.add_typer(firm, name="firm")


@firm.callback()
def _group() -> None:
    """A firm whose accounts are kept in divisions, each by a session of its own."""


def create(
    *,
    lake: LakeOption = DEFAULT_LAKE,
    divisions: Annotated[
        int, typer.Option(metavar="N", min=2, max=64, help="How many; it never changes.")
    ],
) -> None:
    """Make the lake of a firm, and one below it for each division."""
    from margin_assets.lake.ledger.divisions import create as make

    held = named_lake(lake)
    if lake.startswith("s3://"):
        held.check_store()
    make(held, divisions)
    output.note(f"firm {lake}: {divisions} divisions")


def plan(
    *,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Stop when nothing is pending.")
    ] = False,
) -> None:
    """Plan what lands, and seal each plan when all divisions have sealed it.

    One process does; others stand by. Says on stdout what happens, a line of JSON each.
    """
    from margin_assets.lake.landing.places import watched_at

    refuse_overlap(lake, landing)
    held = _firm(lake)
    with quiet_imports():
        from margin_assets.live.divisions.firm_session import FirmSession
        from margin_assets.live.service.service import Service, sealed_event
    session, lease = FirmSession(held), _lease(held)
    with stop_on_signal() as is_stopped, watched_at(landing) as watched:
        if not until_idle:
            for _ in Service(session, lease, _tell).run(watched, is_stopped):
                pass
            return
        epoch = lease.take()
        if epoch is None:
            raise Refusal(f"another process plans {lake}")
        session.ledger.claim(epoch)
        for result in session.run(watched, until_idle=True, stop=is_stopped):
            _tell(sealed_event(result, datetime.now(UTC)))
        lease.release()


def own(
    *,
    lake: LakeOption = DEFAULT_LAKE,
    division: Annotated[int, typer.Option(metavar="K", min=0, help="Which, from 0.")],
) -> None:
    """Keep the accounts of one division: follow the firm's plans until stopped.

    One process does; others stand by. Says on stdout what happens, a line of JSON each.
    """
    from margin_assets.lake.landing.landing import LocalLanding

    held = _firm(lake)
    with quiet_imports():
        from margin_assets.lake.ledger.divisions import count_of
        from margin_assets.live.divisions.owner import Owner
        from margin_assets.live.service.service import Service
    if division >= count_of(held):
        raise Refusal(f"{lake} has no division {division}")
    owner = Owner(held, division)
    # What it takes are plans: nothing lands for a division alone.
    nothing = LocalLanding(Path())
    with stop_on_signal() as is_stopped:
        for _ in Service(owner, _lease(owner.lake), _tell).run(nothing, is_stopped):
            pass


def status(*, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """Show how far the firm and each division are sealed."""
    from margin_assets.lake.ledger.divisions import lakes_of
    from margin_assets.lake.ledger.ledger import Ledger

    held = _firm(lake)
    ledger = Ledger(held)
    last, is_open = ledger.last_sealed(), ledger.open_plan()
    sealed = [Ledger(division).last_sealed() for division in lakes_of(held)]
    found: dict[str, Any] = {
        "cycle": None if last is None else last.cycle,
        "as_of": None if last is None else last.as_of,
        "planned": None if is_open is None else is_open.cycle,
        "divisions": [None if one is None else one.cycle for one in sealed],
    }
    if as_json:
        output.answer(found)
        return
    if last is None:
        output.say("nothing is sealed")
    else:
        output.say(f"sealed to cycle {last.cycle}, as of {output.instant(last.as_of)}")
    for number, cycle in enumerate(found["divisions"]):
        waits = is_open is not None and (cycle or 0) < is_open.cycle
        output.say(f"division {number}: cycle {cycle or 0}{', at work or away' if waits else ''}")


def verify(*, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """Recompute the chains of the firm and of every division, and that they are the same."""
    from margin_assets.lake.ledger.firm_audit import verify_firm

    found = verify_firm(_firm(lake))
    broken = {name: one.broken for name, one in found.items() if one.broken is not None}
    if as_json:
        chains = {
            name: {"cycles": one.cycles, "hash": one.last_hash, "ok": one.broken is None}
            for name, one in found.items()
        }
        output.answer({"ok": not broken, "chains": chains})
    for name, one in broken.items():
        raise Refusal(f"{name}: chain broken at cycle {one.cycle}: {one.what}")
    if not as_json:
        output.say(f"{found['firm'].cycles} cycles hold, in all {len(found) - 1} divisions")


def _firm(uri: str) -> "Lake":
    from margin_assets.lake.ledger.divisions import count_of

    held = opened_lake(uri)
    if not count_of(held):
        raise Refusal(f"{uri} is no firm in divisions: `margin firm create` makes one")
    return held


def _lease(lake: "Lake") -> "Leased":
    from margin_assets.cli.lake.serve_live import owner_name
    from margin_assets.lake.objects.swapped import SwappedObject
    from margin_assets.live.service.folder_lease import FolderLease
    from margin_assets.live.service.lease import LEASE, Lease

    if not lake.access.is_remote:
        return FolderLease(Path(lake.uri))
    return Lease(SwappedObject(lake.access, LEASE), owner_name(), _LEASE_SECONDS)


def _tell(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()
