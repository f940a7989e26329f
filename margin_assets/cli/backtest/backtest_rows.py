"""Verbs over runs that a lake holds: the worst of one, one opened, two compared, the page again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from margin_assets.cli import output
from margin_assets.cli.options import DEFAULT_LAKE, JsonOption, LakeOption, example, opened_lake
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

_SHOWN = 10
KindOption = Annotated[str, typer.Option("--kind", help="`uncovered` or `lost`.", metavar="KIND")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="Its id, or the start of it.")]


def register(backtest: typer.Typer) -> None:
    """Adds the verbs of this module."""
    backtest.command("worst", epilog=example("margin backtest worst RUN --lake ./lake"))(worst)
    backtest.command(
        "explain", epilog=example("margin backtest explain RUN 1 --kind lost --lake ./lake")
    )(explain)
    backtest.command(
        "difference", epilog=example("margin backtest difference RUN OTHER --lake ./lake")
    )(difference)
    backtest.command(
        "report", epilog=example("margin backtest report RUN --out report.html --lake ./lake")
    )(report)


def worst(
    *,
    run_id: RunArgument,
    lake: LakeOption = DEFAULT_LAKE,
    limit: Annotated[int, typer.Option("--limit", min=1)] = _SHOWN,
    as_json: JsonOption = False,
) -> None:
    """The account sessions of a run that hurt most."""
    import polars as pl

    rows = _of_run(lake, run_id, "backtest_worst").filter(pl.col("rank") <= limit)
    found = rows.sort("kind", "rank").drop("held").to_dicts()
    if as_json:
        output.answer(found)
        return
    output.table(
        ("kind", "rank", "session", "account", "amount", "loss", "required", "equity"),
        [
            (
                *(row["kind"], row["rank"], row["business_date"], row["account_id"]),
                *(f"{row[name]:,.2f}" for name in ("amount", "loss", "required", "equity")),
            )
            for row in found
        ],
    )


def explain(
    *,
    run_id: RunArgument,
    rank: Annotated[int, typer.Argument(metavar="RANK", min=1)],
    kind: KindOption = "uncovered",
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """One of them: what was held, what was asked for it by each rule, and what it came to."""
    import polars as pl

    rows = _of_run(lake, run_id, "backtest_worst").filter(
        (pl.col("kind") == kind) & (pl.col("rank") == rank)
    )
    if rows.is_empty():
        raise Refusal(f"run {run_id} has no {kind} session of rank {rank}")
    row = rows.row(0, named=True)
    told = _explained(row, _of_run(lake, run_id, "backtest_accounts"))
    if as_json:
        output.answer(told)
        return
    output.say(
        f"{row['account_id']} ({told['temper']}, {told['account_type']}), {row['business_date']}: "
        f"{row['amount']:,.2f} USD {'owed after the sale' if kind == 'lost' else 'uncovered'}"
    )
    output.table(
        ("symbol", "quantity", "price", "next price", "gain"),
        [
            (
                p["symbol"],
                f"{p['quantity']:,.0f}",
                f"{p['price']:,.2f}",
                f"{p['next']:,.2f}",
                f"{p['gain']:,.2f}",
            )
            for p in told["positions"]
        ],
    )
    output.say(
        f"equity {row['equity']:,.2f}, required {row['required']:,.2f}, lost {row['loss']:,.2f}"
    )
    output.say(
        f"over its life: {told['calls']} calls, {told['restrictions']} restrictions, "
        f"{told['liquidations']} liquidations, {told['lost']:,.2f} lost"
    )


def _explained(row: dict[str, Any], accounts: "pl.DataFrame") -> dict[str, Any]:
    import polars as pl

    owner = accounts.filter(pl.col("account_id") == row["account_id"]).row(0, named=True)
    positions = []
    for symbol, quantity, price, after in json.loads(row["held"]):
        units, now, then = quantity / 1e6, price / 1e6, after / 1e6
        gain = units * (then - now)
        positions.append(
            {"symbol": symbol, "quantity": units, "price": now, "next": then, "gain": gain}
        )
    of_life = ("temper", "account_type", "calls", "restrictions", "liquidations", "lost")
    told = {name: value for name, value in row.items() if name != "held"}
    return told | {"positions": positions} | {name: owner[name] for name in of_life}


def difference(
    *,
    run_id: RunArgument,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another run.")],
    lake: LakeOption = DEFAULT_LAKE,
    as_json: JsonOption = False,
) -> None:
    """What differs between two runs: the first session, totals, and accounts."""
    from margin_assets.backtest.results.difference import difference as difference_of
    from margin_assets.backtest.results.storing import RUN_TABLES

    both = [{name: _of_run(lake, one, name) for name in RUN_TABLES} for one in (run_id, other)]
    found = difference_of(*both)
    if as_json:
        told = found._asdict() | {"accounts": found.accounts.to_dicts()}
        output.answer(told)
        return
    if found.first_day is None:
        output.say("no session differs")
    else:
        output.say(
            f"{found.sessions:,} sessions differ, from {found.first_day} on; "
            f"{found.untouched:,} before it are the same to the cent"
        )
    output.table(
        ("figure", "run", "other"),
        [(name, f"{one:,}", f"{two:,}") for name, (one, two) in found.figures.items()],
    )
    output.say(f"{found.accounts.height:,} accounts came to something else")
    show_rates(*both)


def show_rates(one: "Mapping[str, pl.DataFrame]", other: "Mapping[str, pl.DataFrame]") -> None:
    """Two runs in figures that do not hang on their size, and the difference."""
    from margin_assets.backtest.results.rates import headings, rates_of

    told = [
        (f"{rate.name}, USD" if rate.unit == "USD" else rate.name, *rate.written())
        for rate in rates_of(one, other)
    ]
    title = "For a million sessions of accounts, and shares"
    output.table(("figure", *headings([one, other]), "difference"), told, title=title)


def report(
    *,
    run_ids: Annotated[list[str], typer.Argument(metavar="RUN...", help="Ids of runs.")],
    lake: LakeOption = DEFAULT_LAKE,
    out: Annotated[Path, typer.Option("--out", metavar="FILE")] = Path("backtest.html"),
) -> None:
    """The page of runs that a lake holds."""
    from margin_assets.backtest.report.page import page
    from margin_assets.backtest.results.storing import RUN_TABLES

    runs = [{name: _of_run(lake, one, name) for name in RUN_TABLES} for one in run_ids]
    out.write_text(page(runs, {}), encoding="utf-8")
    output.note(f"the report is in {out}")


def _of_run(uri: str, run_id: str, table: str) -> "pl.DataFrame":
    from margin_assets.backtest.faults import BacktestError
    from margin_assets.backtest.results.storing import stored

    try:
        return stored(opened_lake(uri), run_id, table)
    except BacktestError as error:
        raise Refusal(str(error)) from None
