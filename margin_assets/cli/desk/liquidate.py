"""The verb that plans the orders which cure an account."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    DEFAULT_LANDING,
    ActorOption,
    CycleOption,
    JsonOption,
    LakeOption,
    LandingOption,
    chosen_cycle,
    example,
    opened_lake,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.kernels.liquidation.plan import Request
    from margin_assets.lake.store.store import Lake

_POLICIES = ("least_cost", "highest_beta")
_PPM = 1_000_000
_MOST_BUFFER = 10.0
Document = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Adds the verb of this module."""
    app.command(
        epilog=example(
            "margin liquidate NVDA-SEED",
            "margin liquidate NVDA-SEED --cycle 6 --buffer 0.10 --json",
            "margin liquidate --document portfolio.json --keep XOM --policy highest_beta",
            'margin liquidate NVDA-SEED --propose --as mary --reason "call is overdue"',
        )
    )(liquidate)


def _policy(text: str) -> str:
    if text not in _POLICIES:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(_POLICIES)}")
    return text


def liquidate(  # noqa: PLR0913 (the options of the interface)
    *,
    account: Annotated[str | None, typer.Argument(help="Id of the account.")] = None,
    document: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A portfolio document in place of a lake.")
    ] = None,
    policy: Annotated[
        str,
        typer.Option(metavar="P", callback=_policy, help=f"One of {', '.join(_POLICIES)}."),
    ] = _POLICIES[0],
    buffer: Annotated[
        float | None,
        typer.Option(
            metavar="B",
            min=0.0,
            max=_MOST_BUFFER,
            help="Excess to leave, as a part of the deficiency; else the rulebook's.",
        ),
    ] = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(metavar="SYMBOL", help="Do not liquidate it, nor options on it; repeatable."),
    ] = None,
    propose: Annotated[
        bool, typer.Option("--propose", help="Land it as a proposal.", show_default=False)
    ] = False,
    actor: ActorOption = None,
    reason: Annotated[str | None, typer.Option(metavar="R", help="Why it is proposed.")] = None,
    lake: LakeOption = DEFAULT_LAKE,
    landing: LandingOption = DEFAULT_LANDING,
    cycle: CycleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan the least costly orders that cure an account.

    The account of a portfolio document, or as sealed last in a lake, or in cycle N. Every set of
    orders is struck again by the rules in force. Nothing is ordered; what is proposed lands as a
    row of desk_actions, for another person to approve.
    """
    from margin_assets.kernels.liquidation.plan import Request

    if (account is None) == (document is None):
        raise Refusal("name an account, or a portfolio document with --document")
    if propose and (account is None or cycle is not None):
        raise Refusal("only a plan of an account as sealed last can be proposed")
    parts = None if buffer is None else round(buffer * _PPM)
    request = Request(policy, parts, frozenset(keep or ()))
    found = (
        _of_document(document, request)
        if document is not None
        else _of_lake(opened_lake(lake), cycle, str(account), request)
    )
    _refuse_unknown(keep or [], found.pop("symbols"))
    landed = _proposed(opened_lake(lake), found, landing, actor, reason) if propose else {}
    if as_json:
        output.answer(found | landed)
        return
    _show(found)
    if landed:
        output.say(f"landed {landed['path']}; the next cycle reads it")


def _proposed(
    lake: "Lake", found: Document, landing: str, actor: str | None, reason: str | None
) -> Document:
    """Lands a plan as a proposal; returns its id and where."""
    from margin_assets.desk.acts import Where, land_act, time_of_act
    from margin_assets.desk.plans import answered, proposal
    from margin_assets.lake.ledger.sealed import SealedTables

    sealed = chosen_cycle(lake, found["cycle"])
    scan = SealedTables(lake, sealed).scan
    act = proposal(found, answered(scan, found["account_id"]), reason)
    at = time_of_act(None if sealed is None else sealed.as_of, datetime.now(UTC))
    path = land_act(act, Where(landing, actor), at)
    return {"plan_id": act.subject, "action_id": act.action_id, "path": str(path)}


def _of_document(file: Path, request: "Request") -> Document:
    from margin_assets.whatif import parse_document
    from margin_assets.whatif.liquidation import liquidation

    return liquidation(parse_document(file.read_bytes()), request)


def _of_lake(lake: "Lake", cycle: int | None, account: str, request: "Request") -> Document:
    from margin_assets.desk.planning import plans_as_sealed

    sealed = chosen_cycle(lake, cycle)
    if sealed is None:
        raise Refusal("no cycle is sealed yet: `margin live` processes what lands")
    if sealed.as_of is None:
        raise Refusal(f"cycle {sealed.cycle} has no snapshot: nothing had happened by then")
    found = plans_as_sealed(lake, sealed, [account], request)
    if account not in found:
        raise Refusal(f"unknown account {account!r} in cycle {sealed.cycle}")
    return found[account]


def _refuse_unknown(keep: list[str], symbols: list[str]) -> None:
    """A name on the list to keep that is not held is a slip: it would keep nothing."""
    if unknown := sorted(set(keep) - set(symbols)):
        raise Refusal(f"--keep {', '.join(unknown)}: not held")


def _show(found: Document) -> None:
    when, status = output.instant(found["as_of"]), found["status"].replace("_", " ")
    output.say(f"{found['account_id']} as of {when}: {status}")
    output.say(
        f"deficiency {output.shown(found['deficiency'])}, excess to reach "
        f"{output.shown(found['target'])}, {found['policy'].replace('_', ' ')}"
    )
    if found["orders"]:
        names = ("side", "quantity", "symbol", "price", "value", *_COSTS, "flags")
        rows = [[_cell(order[name]) for name in names] for order in found["orders"]]
        output.table([name.replace("_", " ") for name in names], rows)
    sides = [(name, *found[name].values()) for name in ("before", "after")]
    output.table(("", "equity", "requirement", "excess"), sides)
    if found["status"] == "cannot_cure":
        output.say(f"missing after all that can be sold: {output.shown(found['remaining'])}")
    after = output.shown(found["excess_after_costs"])
    output.say(f"cost {output.shown(found['cost'])}{_proof(found)}; excess after costs {after}")
    for left in found["left_alone"]:
        output.say(f"left alone: {left['symbol']}: {left['reason'].replace(';', ', ')}")
    output.say(f"rulebook: {found['rulebook']}")


def _proof(found: Document) -> str:
    """What is known of the least cost, as a clause."""
    how, bound = found["proof"].replace("_", " "), found["lower_bound"]
    if found["is_least"]:
        return f", the least by {how}"
    if bound is None or found["status"] == "not_deficient":
        return ""
    return f", and no cure costs less than {output.shown(bound)} ({how})"


_COSTS = ("half_spread", "impact", "commission", "cost")


def _cell(value: object) -> object:
    return ", ".join(value) if isinstance(value, list) else value
