"""Verbs over the rates book: rates show, export, var, par."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from margin_assets.cli import output
from margin_assets.cli.options import (
    DEFAULT_LAKE,
    CycleOption,
    JsonOption,
    LakeOption,
    chosen_cycle,
    example,
    group,
    opened_lake,
)
from margin_assets.cli.output import Refusal
from margin_assets.cli.written import Format, write, write_workbook

if TYPE_CHECKING:
    from margin_assets.lake.ledger.cycles import Sealed
    from margin_assets.lake.ledger.sealed import SealedTables

_SHOWN = (
    *("account_id", "desk", "legal_entity", "currency", "positions", "unpriced", "stale"),
    *("npv", "dv01", "cs01", "gamma", "npv_reporting", "dv01_reporting", "requirement"),
)


class Sheets(StrEnum):
    """How sheets are written: a folder of files, or one workbook."""

    CSV = "csv"
    PARQUET = "parquet"
    XLSX = "xlsx"


rates = group(
    "The rates book: what its desks come to, exports, losses by past moves of curves.",
    "margin rates show",
    "margin rates export --format xlsx --output rates.xlsx",
)


def register(app: typer.Typer) -> None:
    """Adds the verbs of this module."""
    rates.command("show", epilog=example("margin rates show", "margin rates show --json"))(show)
    rates.command(
        "export",
        epilog=example(
            "margin rates export --format xlsx --output rates.xlsx",
            "margin rates export --format csv --output ./rates --cycle 12",
        ),
    )(export)
    rates.command("var", epilog=example("margin rates var", "margin rates var --tail 0.05 --json"))(
        tail_losses
    )
    rates.command("par", epilog=example("margin rates par", "margin rates par --json"))(par)
    app.add_typer(rates, name="rates")


def show(
    *, lake: LakeOption = DEFAULT_LAKE, cycle: CycleOption = None, as_json: JsonOption = False
) -> None:
    """Value and risk by account, desk, legal entity and currency."""
    from margin_assets.desk.rates import newest

    rows = newest(_tables(lake, cycle).scan, "desk_risk").select(_SHOWN)
    if as_json:
        output.answer(rows.to_dicts())
        return
    output.table(_SHOWN, rows.iter_rows())


def export(
    *,
    target: Annotated[
        Path, typer.Option("--output", metavar="PATH", help="A workbook, or a folder of files.")
    ],
    form: Annotated[Sheets, typer.Option("--format", help="How to write it.")] = Sheets.XLSX,
    lake: LakeOption = DEFAULT_LAKE,
    cycle: CycleOption = None,
) -> None:
    """Write summary, instruments and sensitivities: a sheet, or a file, each."""
    from margin_assets.desk.rates import sheets

    found = sheets(_tables(lake, cycle).scan)
    if form is Sheets.XLSX:
        write_workbook(found, str(target))
        output.note(f"{', '.join(found)} in {target}")
        return
    target.mkdir(parents=True, exist_ok=True)
    for name, rows in found.items():
        write(rows, Format(form.value), target / f"{name}.{form.value}")


def tail_losses(
    *,
    tail: Annotated[
        float, typer.Option(metavar="Q", min=1e-6, max=0.5, help="Share of days that are worse.")
    ] = 0.01,
    lake: LakeOption = DEFAULT_LAKE,
    cycle: CycleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Value at risk and expected shortfall by past days' moves of the curves.

    The present book, valued in full under each move that its curves made from one of their days to
    the next. In the reporting currency; positive is a loss.
    """
    from margin_assets.desk.rates import tail_losses as found

    sealed, tables = _sealed(lake, cycle)
    if sealed.as_of is None:
        raise Refusal("no cycle has evaluated anything yet")
    rows = found(tables, sealed.as_of, tail)
    if as_json:
        output.answer(rows.to_dicts())
        return
    output.table(rows.columns, rows.iter_rows())


def par(
    *, lake: LakeOption = DEFAULT_LAKE, cycle: CycleOption = None, as_json: JsonOption = False
) -> None:
    """DV01 by quote: what books gain if what is quoted falls by a basis point.

    In the book's currency; by the curves as sealed, moved quote by quote.
    """
    from margin_assets.desk.rates import by_quote

    rows = by_quote(_tables(lake, cycle).scan)
    if as_json:
        output.answer(rows.to_dicts())
        return
    output.table(rows.columns, rows.iter_rows())


def _tables(lake: str, cycle: int | None) -> "SealedTables":
    return _sealed(lake, cycle)[1]


def _sealed(lake: str, cycle: int | None) -> "tuple[Sealed, SealedTables]":
    from margin_assets.lake.ledger.sealed import SealedTables

    held = opened_lake(lake)
    sealed = chosen_cycle(held, cycle)
    if sealed is None:
        raise Refusal("no cycle is sealed yet")
    return sealed, SealedTables(held, sealed)
