"""Answers in rows: as a table for a person, or as a file for the next program."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from margin_assets.cli import output

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl
    import xlsxwriter

_SHOWN_ROWS = 1_000


class Format(StrEnum):
    """How an answer in rows is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"


_FILES = (Format.PARQUET, Format.XLSX)
FormatOption = Annotated[Format, typer.Option("--format", help="How to write it.")]
TargetOption = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write there, not to stdout.")
]


def file_for(form: Format, target: Path | None, name: str) -> Path | None:
    """Where an answer goes: what is named, else of a form of bytes `name` in this folder.

    A file that nobody named replaces none.
    """
    if form is Format.TABLE and target is not None:
        raise typer.BadParameter("--output takes --format json, csv, xlsx or parquet")
    if form not in _FILES or target is not None:
        return target
    usual = Path(f"{name}.{form}")
    if usual.exists():
        raise typer.BadParameter(f"{usual} is there already: name a file by --output")
    return usual


def write(rows: "pl.DataFrame", form: Format, target: Path | None) -> None:
    """Rows on stdout or in a file; of a table the first thousand."""
    match form:
        case Format.PARQUET:
            rows.write_parquet(str(target))
        case Format.XLSX:
            write_workbook({"Sheet1": rows}, str(target))
        case Format.JSON:
            _emit(_json(rows), target)
        case Format.CSV:
            _emit(_csv(rows), target)
        case Format.TABLE:
            output.table(rows.columns, rows.head(_SHOWN_ROWS).iter_rows())
    if target is not None:
        output.note(f"{rows.height} rows in {target}")
    elif form is Format.TABLE and rows.height > _SHOWN_ROWS:
        output.note(f"first {_SHOWN_ROWS} of {rows.height} rows; --format csv or json has all")


def _json(rows: "pl.DataFrame") -> str:
    lines = map(output.json_text, rows.iter_rows(named=True))
    return "[\n" + ",\n".join(lines) + "\n]\n" if rows.height else "[]\n"


def _csv(rows: "pl.DataFrame") -> str:
    import polars as pl

    plain = rows.with_columns(pl.selectors.binary().bin.encode("hex"))
    inert = plain.with_columns(_inert(column) for column in plain if column.dtype == pl.String)
    return inert.rename(output.inert).write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")


def _inert(texts: "pl.Series") -> "pl.Series":
    """Landed text as cells that nothing obeys; what is plain already is not looked at singly."""
    risky = texts.filter(texts.str.contains(r"^[=+\-@]|[^\x20-\x7e]")).unique()
    safe = [output.inert(text) for text in risky]
    return texts.replace(risky, safe) if safe else texts


def _emit(text: str, target: Path | None) -> None:
    if target is not None:
        target.write_text(text, encoding="utf-8")
    elif sys.stdout.isatty():
        sys.stdout.writelines(output.printable(line) + "\n" for line in text.splitlines())
    else:
        sys.stdout.write(text)


def write_workbook(sheets: "Mapping[str, pl.DataFrame]", target: str) -> None:
    """Sheets that compute nothing: instants in UTC, without the zone that workbooks lack."""
    import xlsxwriter

    quiet = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    with xlsxwriter.Workbook(target, quiet) as book:
        for name, rows in sheets.items():
            _write_sheet(book, name, rows)


def _write_sheet(book: "xlsxwriter.Workbook", name: str, rows: "pl.DataFrame") -> None:
    import polars as pl

    zoned = [name for name, kind in rows.schema.items() if isinstance(kind, pl.Datetime)]
    plain = rows.with_columns(
        pl.selectors.binary().bin.encode("hex"),
        pl.selectors.decimal().cast(pl.Float64),
        *(pl.col(column).dt.replace_time_zone(None) for column in zoned),
    )
    money = [name for name, kind in rows.schema.items() if kind == pl.Decimal(38, 2)]
    plain.rename({name: f"{name} (UTC)" for name in zoned}).write_excel(
        book,
        worksheet=name,
        column_formats=dict.fromkeys(money, "#,##0.00"),
        dtype_formats={pl.Datetime: "yyyy-mm-dd hh:mm:ss", pl.Date: "yyyy-mm-dd"},
        autofit=True,
        freeze_panes=(1, 0),
    )
