"""Verbs over margin calls: calls list, show, extend."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    SHORT_ID,
    ActorOption,
    IdArgument,
    JsonOption,
    LakeOption,
    LandingOption,
    chosen_cycle,
    example,
    group,
    moment,
    opened_lake,
)

if TYPE_CHECKING:
    from margin_assets.lake.ledger.cycles import Sealed
    from margin_assets.lake.store.store import Lake

_SHOWN = (
    *("call_id", "account_id", "call_type", "state", "amount", "first_amount"),
    *("due_at", "legal_due_at", "consequence", "opened_at"),
)
_LIFE = (
    *("version", "changed_at", "change", "state", "amount", "met_by_deposits", "met_by_trades"),
    *("met_by_market", "house_due_at", "legal_due_at", "extended_until", "extended_by"),
    *("consequence", "cycle"),
)
_FROZEN = (
    *("account_id", "frozen_until", "settled_funds", "symbol", "bought_on", "sold_on"),
    *("unpaid", "due_on", "fill_id"),
)

calls = group(
    "List, show, extend margin calls; list frozen cash accounts.", "margin calls list --due today"
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    calls.command(
        "list",
        epilog=example("margin calls list --due today", "margin calls list --account A1 --all"),
    )(list_calls)
    calls.command("show", epilog=example("margin calls show 3f2a9c"))(show)
    calls.command(
        "extend",
        epilog=example(
            'margin calls extend 3f2a9c --until 2026-12-04 --reason "wire is under way" --as mary'
        ),
    )(extend)
    calls.command("frozen", epilog=example("margin calls frozen"))(frozen_accounts)
    app.add_typer(calls, name="calls")


def list_calls(  # noqa: PLR0913 (the options of the interface)
    *,
    lake: LakeOption = DEFAULT_LAKE,
    due: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="Due by this day: a date, or `today`, the lake's own."),
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="A", help="Only of this account.")] = None,
    call_type: Annotated[str | None, typer.Option("--type", metavar="T", help="Only such.")] = None,
    ended_too: Annotated[
        bool, typer.Option("--all", help="Also those that have ended.", show_default=False)
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Open margin calls: who owes what, by when, under which rule; the most urgent first."""
    from margin_assets.desk.calls import Choice, today
    from margin_assets.desk.calls import calls as found
    from margin_assets.lake.ledger.sealed import SealedTables
    from schemas.desk.calls import CALL_TYPES

    if call_type is not None and call_type not in CALL_TYPES:
        raise typer.BadParameter(f"--type is one of {', '.join(CALL_TYPES)}, not {call_type!r}")
    held = opened_lake(lake)
    sealed = chosen_cycle(held)
    day = None
    if due is not None:
        day = today(None if sealed is None else sealed.as_of) if due == "today" else _day(due)
    scan = SealedTables(held, sealed).scan
    rows = found(scan, Choice(day, account, call_type, ended_too)).to_dicts()
    if as_json:
        output.answer(rows)
        return
    short = [row | {"call_id": row["call_id"][:SHORT_ID]} for row in rows]
    output.table(_SHOWN, ([row[name] for name in _SHOWN] for row in short))
    owed = sum(row["amount"] for row in rows)
    stands = "nothing is sealed yet" if sealed is None else f"as of {output.shown(sealed.as_of)}"
    output.note(f"{len(rows)} calls, {owed:,} USD owed, {stands}")


def frozen_accounts(*, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False) -> None:
    """Cash accounts that sold what they had not paid for: they buy with settled cash alone."""
    held = opened_lake(lake)
    sealed = chosen_cycle(held)
    rows = [] if sealed is None or sealed.as_of is None else _frozen(held, sealed, sealed.as_of)
    if as_json:
        output.answer(rows)
        return
    output.table(_FROZEN, ([row[name] for name in _FROZEN] for row in rows))
    output.note(f"{len(rows)} purchases sold before they were paid for, 12 CFR 220.8(c)")


def _frozen(held: "Lake", sealed: "Sealed", as_of: datetime) -> list[dict[str, Any]]:
    """A row for each sale that freezes an account, the longest freeze last."""
    import polars as pl

    from margin_assets.kernels.rules.grid import new_york_day
    from margin_assets.lake.ledger.adoptions import decided_as
    from margin_assets.live.checking import frozen, tables_of

    tables, on = tables_of(held, sealed), new_york_day(int(as_of.timestamp() * 1e6))
    accounts = tables("account_state", pl.col("account_type") == "cash", columns=["account_id"])
    with decided_as(held, sealed):
        found = frozen(tables, accounts["account_id"].to_list(), as_of)
    rows = [
        {
            "account_id": account,
            **ride._asdict(),
            "unpaid": Decimal(ride.unpaid).scaleb(-2),
            "settled_funds": Decimal(stands.settled_funds).scaleb(-2),
        }
        for account, stands in found.items()
        for ride in stands.rides
        if ride.freezes(on)
    ]
    return sorted(rows, key=lambda row: (row["frozen_until"], row["account_id"], row["fill_id"]))


def show(
    *, call_id: IdArgument, lake: LakeOption = DEFAULT_LAKE, as_json: JsonOption = False
) -> None:
    """The whole life of one call: every version, what met it, who extended it."""
    rows = _versions(lake, call_id)[1]
    if as_json:
        output.answer({"call": rows[-1], "versions": rows})
        return
    for name in ("call_id", "account_id", "call_type", "rule", "opened_at", "first_amount"):
        output.say(f"{name:14} {output.shown(rows[-1][name])}")
    output.table(_LIFE, ([row[name] for name in _LIFE] for row in rows))


def extend(  # noqa: PLR0913 (the options of the interface)
    *,
    call_id: IdArgument,
    until: Annotated[
        str, typer.Option(metavar="D", help="An instant, or a date: the end of its business day.")
    ],
    reason: Annotated[str, typer.Option(metavar="R", help="Why, for whoever asks later.")],
    actor: ActorOption = None,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    as_json: JsonOption = False,
) -> None:
    """Extend a call, as far as its rule allows.

    The act lands as a row of desk_actions, and counts from the next cycle on.
    """
    from margin_assets.desk.acts import Where, land_act, time_of_act
    from margin_assets.desk.calls import end_of, extension

    as_of, rows = _versions(lake, call_id)
    new = moment(until) if "T" in until else end_of(_day(until))
    act = extension(rows[-1], new, reason)
    path = land_act(act, Where(landing, actor), time_of_act(as_of, datetime.now(UTC)))
    if as_json:
        output.answer({"action_id": act.action_id, "call_id": act.subject, "path": str(path)})
        return
    output.say(f"landed {path}; the next cycle reads it")


def _versions(lake: str, call_id: str) -> tuple[datetime | None, list[dict[str, Any]]]:
    """At which instant the lake stands, and every version of a call."""
    from margin_assets.desk.calls import versions
    from margin_assets.lake.ledger.sealed import SealedTables

    held = opened_lake(lake)
    sealed = chosen_cycle(held)
    scan = SealedTables(held, sealed).scan
    as_of = None if sealed is None else sealed.as_of
    return as_of, versions(scan, call_id).to_dicts()


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no date such as 2026-12-04") from None
