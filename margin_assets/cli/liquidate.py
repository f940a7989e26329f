"""The verb that plans the orders which cure an account."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    CycleOption,
    JsonOption,
    LakeOption,
    chosen_cycle,
    example,
    opened_lake,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.kernels.liquidation.plan import Request
    from margin_assets.lake.ledger.ledger import Sealed
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
    lake: LakeOption = DEFAULT_LAKE,
    cycle: CycleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Plan the least costly orders that cure an account.

    The account of a portfolio document, or as sealed last in a lake, or in cycle N. Every set of
    orders is struck again by the rules in force. Nothing is ordered and nothing is stored.
    """
    from margin_assets.kernels.liquidation.plan import Request

    if (account is None) == (document is None):
        raise Refusal("name an account, or a portfolio document with --document")
    parts = None if buffer is None else round(buffer * _PPM)
    request = Request(policy, parts, frozenset(keep or ()))
    found = (
        _of_document(document, request)
        if document is not None
        else _of_lake(opened_lake(lake), cycle, str(account), request)
    )
    _refuse_unknown(keep or [], found.pop("symbols"))
    if as_json:
        output.answer(found)
    else:
        _show(found)


def _of_document(file: Path, request: "Request") -> Document:
    from margin_assets.whatif import parse_document
    from margin_assets.whatif.liquidation import liquidation

    return liquidation(parse_document(file.read_bytes()), request)


def _of_lake(lake: "Lake", cycle: int | None, account: str, request: "Request") -> Document:
    from margin_assets.rulebooks import planned_under

    sealed = chosen_cycle(lake, cycle)
    if sealed is None:
        raise Refusal("no cycle is sealed yet: `margin live` processes what lands")
    if sealed.as_of is None:
        raise Refusal(f"cycle {sealed.cycle} has no snapshot: nothing had happened by then")
    with planned_under(sealed.cycle, sealed.manifest["rulebooks"]):
        return _as_sealed(lake, sealed, account, request) | {"cycle": sealed.cycle}


def _as_sealed(lake: "Lake", sealed: "Sealed", account: str, request: "Request") -> Document:
    import polars as pl

    from margin_assets.kernels.margin.margined import Margined
    from margin_assets.kernels.numeric.money import instants
    from margin_assets.kernels.rules.grid import day_of
    from margin_assets.kernels.rules.rules import rules_in_force
    from margin_assets.lake.ledger.sealed import SealedTables
    from margin_assets.whatif.liquidation import latest_volumes, liquidation_of

    table, mine = SealedTables(lake, sealed.table_versions), pl.col("account_id") == account
    accounts = table("account_state", mine)
    if accounts.is_empty():
        raise Refusal(f"unknown account {account!r} in cycle {sealed.cycle}")
    positions = table("positions", mine).sort("class_group", "symbol")
    day = day_of(int(instants(accounts["as_of"])[0]))
    names = pl.concat([positions["symbol"], positions["underlying"].drop_nulls()])
    landed = table.in_landing_order("volumes").filter(pl.col("symbol").is_in(names.implode()))
    era = Margined(positions, accounts, rules_in_force(day))
    return liquidation_of(era, latest_volumes(landed.collect(), day), day, request)


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
