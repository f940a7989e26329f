"""Verbs over the house's limits: limits list, breaches, acknowledge."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    SHORT_ID,
    ActorOption,
    JsonOption,
    LakeOption,
    LandingOption,
    chosen_cycle,
    example,
    group,
    opened_lake,
)

if TYPE_CHECKING:
    from margin_assets.desk.breaches import Scan

_LIMITS = ("limit_id", "metric", "scope", "subject", "amount", "owner", "event_time", "breaches")
_BREACHES = (
    *("breach_id", "limit_id", "metric", "scope", "subject", "state", "value", "limit_value"),
    *("use", "owner", "opened_at", "acknowledged_by"),
)

limits = group(
    "List the house's limits and their breaches; acknowledge a breach.", "margin limits breaches"
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    limits.command("list", epilog=example("margin limits list"))(list_limits)
    limits.command(
        "breaches", epilog=example("margin limits breaches", "margin limits breaches --all --json")
    )(list_breaches)
    limits.command(
        "acknowledge",
        epilog=example('margin limits acknowledge 3f2a9c --as mia --reason "hedge is under way"'),
    )(acknowledge)
    app.add_typer(limits, name="limits")


def list_limits(*, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """Limits in force, each with how many of its breaches stand."""
    from margin_assets.desk.breaches import limits as found

    as_of, scan = _sealed(lake)
    rows = found(scan).select(_LIMITS).to_dicts()
    if as_json:
        output.answer(rows)
        return
    output.table(_LIMITS, (list(row.values()) for row in rows))
    output.note(f"{len(rows)} limits, as of {output.instant(as_of)}")


def list_breaches(
    *,
    lake: LakeOption = DEFAULT_LAKE,
    cured_too: Annotated[
        bool, typer.Option("--all", help="Also those that are cured.", show_default=False)
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Breaches that stand: of which limit, by how much, since when, and who has seen them."""
    from margin_assets.desk.breaches import breaches as found

    as_of, scan = _sealed(lake)
    rows = found(scan, cured_too=cured_too).select(_BREACHES).to_dicts()
    if as_json:
        output.answer(rows)
        return
    short = [_for_people(row) for row in rows]
    output.table(_BREACHES, (list(row.values()) for row in short))
    output.note(f"{len(rows)} breaches, as of {output.instant(as_of)}")


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    use = row["use"]
    return row | {
        "breach_id": row["breach_id"][:SHORT_ID],
        "use": None if use is None else f"{use:.1%}",
    }


def acknowledge(  # noqa: PLR0913 (the options of the interface)
    *,
    breach_id: Annotated[str, typer.Argument(metavar="ID", help="Id, or enough of its start.")],
    actor: ActorOption = None,
    reason: Annotated[str | None, typer.Option(metavar="R", help="Why it may stand.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    as_json: JsonOption = False,
) -> None:
    """Acknowledge an open breach: somebody has seen it, and it stands.

    The act lands as a row of desk_actions, and counts from the next cycle on.
    """
    from margin_assets.desk.acts import Where, land_act, time_of_act
    from margin_assets.desk.breaches import acknowledgement, breach

    as_of, scan = _sealed(lake)
    act = acknowledgement(breach(scan, breach_id), reason)
    path = land_act(act, Where(landing, actor), time_of_act(as_of, datetime.now(UTC)))
    if as_json:
        output.answer({"action_id": act.action_id, "breach_id": act.subject, "path": str(path)})
        return
    output.say(f"landed {path}; the next cycle reads it")


def _sealed(lake: str) -> "tuple[datetime | None, Scan]":
    """At which instant the lake stands, and its tables as sealed last."""
    from margin_assets.lake.ledger.sealed import SealedTables

    held = opened_lake(lake)
    sealed = chosen_cycle(held)
    return None if sealed is None else sealed.as_of, SealedTables(held, sealed).scan
