"""Verbs of backtests: a policy through years of real days, and what hurt most."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from margin_assets.cli import output
from margin_assets.cli.backtest import backtest_rows
from margin_assets.cli.backtest.backtest_rows import show_rates
from margin_assets.cli.backtest.landed_books import as_lake
from margin_assets.cli.options import (
    AddressOption,
    EngineOption,
    JsonOption,
    chosen_engine,
    cluster_kept,
    example,
)
from margin_assets.cli.output import Refusal

if TYPE_CHECKING:
    from margin_assets.backtest.asking import Asked, Done
    from margin_assets.backtest.policy import Policy
    from margin_assets.engines import Engine


class _RunsByDefault(TyperGroup):
    """`margin backtest POLICY` runs it: what is no verb of the group is a policy."""

    def resolve_command(
        self,
        ctx: Any,  # noqa: ANN401 (typer keeps its parser's types to itself)
        args: list[str],
    ) -> tuple[str | None, Any, list[str]]:
        words = args if args and args[0] in self.commands else ["run", *args]
        return super().resolve_command(ctx, words)


backtest = typer.Typer(
    cls=_RunsByDefault,
    help="What rules, house policy and ladder would have done: years of real days.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
PolicyArgument = Annotated[
    str,
    typer.Argument(metavar="POLICY", help="`built-in`, or a TOML file of changes to rulebooks."),
]
FromOption = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], metavar="DAY", help="First day."),
]
ToOption = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], metavar="DAY", help="Last day."),
]


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    backtest.command(
        "run",
        epilog=example(
            "margin backtest built-in --report report.html",
            "margin backtest built-in --history us_daily --data ./data --from 2007-01-01",
            "margin backtest built-in --history us_daily --data ./data --bars --from 2020-02-19",
            "margin backtest built-in --history us_daily --data ./data --options"
            " --book option_writers --from 2014-06-06 --to 2014-06-20",
            "margin backtest built-in --sweep house.margin_status.warning=0.03,0.05,0.08",
        ),
    )(run)
    backtest_rows.register(backtest)
    app.add_typer(backtest, name="backtest")


def run(  # noqa: PLR0913 (the options of the interface)
    *,
    policy: PolicyArgument,
    book: Annotated[
        str,
        typer.Option(
            "--book",
            help="`tempers`, `option_writers`, a TOML file like them, a landing folder or a lake.",
        ),
    ] = "tempers",
    history: Annotated[
        list[str] | None,
        typer.Option("--history", help="Known name, folder or document; given twice, both."),
    ] = None,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIR", help="Folder of the history's files.")
    ] = None,
    bars: Annotated[
        bool, typer.Option("--bars", help="Evaluate at the ends of the history's bars too.")
    ] = False,
    options: Annotated[
        bool, typer.Option("--options", help="Read the history's option quotes too.")
    ] = False,
    first: FromOption = None,
    last: ToOption = None,
    accounts: Annotated[
        int | None, typer.Option("--accounts", min=1, help="Seats, in place of the book's.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            "--sweep", metavar="KEY=A,B,C", help="Once for each value; of two keys, all pairs."
        ),
    ] = None,
    compare: Annotated[
        str | None, typer.Option("--compare", metavar="POLICY", help="Another policy beside it.")
    ] = None,
    work: Annotated[
        Path | None,
        typer.Option(
            "--work", metavar="DIR", help="Keep each quarter here: a run that stops goes on."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--report", metavar="FILE")] = None,
    lake: Annotated[
        str | None, typer.Option("--lake", metavar="URI", help="Write the rows to this lake too.")
    ] = None,
    engine: EngineOption = "local",
    address: AddressOption = "",
    as_json: JsonOption = False,
) -> None:
    """Walk a book through a history under a policy, and tell what came of it.

    The same history, book, policy and range give the same figures to the last cent.
    """
    from margin_assets.backtest.asking import Asked
    from margin_assets.backtest.faults import BacktestError

    days = (first.date() if first else None, last.date() if last else None)
    names = dict.fromkeys(history or ["sp500"])
    try:
        policies = _policies(policy, compare, sweep or [])
        with as_lake(book) as held:
            asked = [
                Asked(name, data, held, *days, accounts, seed, bars, options) for name in names
            ]
            chosen = None if engine == "local" else chosen_engine(engine, address)
            done = _all_runs(asked, policies, work, chosen)
    except BacktestError as error:
        raise Refusal(str(error)) from None
    if lake is not None:
        _store(lake, done)
    if out is not None:
        _write_page(done, out)
    rows = [one.tables["backtest_runs"].row(0, named=True) for one in done]
    if as_json:
        output.answer({"runs": [_document(one) for one in done]})
        return
    _show(rows)
    if len(done) == 2:
        show_rates(*(one.tables for one in done))
    for one in done:
        _show_coverage(one)


def _policies(policy: str, compare: str | None, sweep: list[str]) -> "list[Policy]":
    from margin_assets.backtest.policy import policy_of, swept

    grid = {}
    for told in sweep:
        key, sign, values = told.partition("=")
        if not sign or not values:
            raise typer.BadParameter(f"{told!r}: write KEY=A,B,C", param_hint="--sweep")
        grid[key.strip()] = tuple(value.strip() for value in values.split(","))
    named = [policy_of(name) for name in dict.fromkeys([policy, *([compare] if compare else [])])]
    return [point for one in named for point in (swept(one, grid) if grid else [one])]


def _all_runs(
    asked: "list[Asked]", policies: "list[Policy]", work: Path | None, engine: "Engine | None"
) -> "list[Done]":
    from margin_assets.backtest.asking import runs

    with output.progress() as bar, cluster_kept():
        task = bar.add_task("loading", total=None)

        def tell(name: str, done: int, of: int) -> None:
            bar.update(task, completed=done, total=of, description=name)

        return runs(asked, policies, work, tell, engine)


def _document(done: "Done") -> dict[str, Any]:
    row = done.tables["backtest_runs"].row(0, named=True)
    return row | {
        "policy_changes": json.loads(row["policy_changes"]),
        "faults": json.loads(row["faults"]),
        "coverage": done.tables["backtest_coverage"].drop("run_id").to_dicts(),
        "walked_from": done.walked_from,
    }


def _store(uri: str, done: "list[Done]") -> None:
    from margin_assets.backtest.results.difference import days_unlike
    from margin_assets.backtest.results.storing import store_tables
    from margin_assets.cli.options import created_lake

    lake = created_lake(uri)[0]
    for one in done:
        for run_id, (day, same) in days_unlike(lake, one.tables).items():
            told = "no session differs" if day is None else f"differs from {day} on"
            output.note(f"run {run_id}: {told}, {same:,} sessions before it are the same")
    written = {name for one in done for name in store_tables(lake, one.tables)}
    output.note(f"written to {uri}: {', '.join(sorted(written)) or 'nothing new'}")


def _write_page(done: "list[Done]", out: Path) -> None:
    from margin_assets.backtest.report.page import page

    notes = {one.tables["backtest_runs"]["history"][0]: one.note for one in done}
    out.write_text(page([one.tables for one in done], notes), encoding="utf-8")
    output.note(f"the report is in {out}")


def _show(rows: list[dict[str, Any]]) -> None:
    columns = ("policy", "history", "accounts", "required", "calls", "false", "missed", "sold out")
    told = [
        (
            row["policy"],
            row["history"],
            f"{row['accounts']:,}",
            f"{row['mean_required']:,.0f}",
            f"{row['calls']:,}",
            f"{row['false_calls']:,}",
            f"{row['missed_sessions']:,}",
            f"{row['liquidations']:,}",
            f"{row['lost']:,.0f}",
            f"{row['avoided']:,.0f}",
            row["run_id"],
        )
        for row in rows
    ]
    output.table((*columns, "lost", "avoided", "run"), told)


def _show_coverage(done: "Done") -> None:
    import polars as pl

    row = done.tables["backtest_runs"].row(0, named=True)
    found = done.tables["backtest_coverage"].filter(pl.col("group_kind") == "all")
    told = [
        (
            one["method"],
            one["horizon_days"],
            f"{one['account_days']:,}",
            f"{one['breaches']:,}",
            f"{one['breach_share']:.3%}",
            f"{one['expected']:,.0f}",
            f"{one['kupiec_p']:.3f}",
            "-" if one["independence_p"] is None else f"{one['independence_p']:.3f}",
        )
        for one in found.iter_rows(named=True)
    ]
    columns = ("requirement", "sessions", "windows", "breaches", "share", "expected", "Kupiec p")
    title = f"{row['policy']} on {row['history']}, {row['first_date']} to {row['last_date']}"
    output.table((*columns, "independence p"), told, title=title)
