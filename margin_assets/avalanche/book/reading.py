"""A folder of CSV or Parquet files as the tables of a book, or every row that cannot be one."""

from collections.abc import Iterator
from pathlib import Path

import dataframely as dy
import polars as pl

from margin_assets.avalanche.book.faults import BookError, refuse
from schemas.avalanche.book import BOOK, REQUIRED

BESIDE = {"snapshot_id": pl.String, "valid_from": pl.Date, "source": pl.String}
"""Columns that any file may bring; of several versions of a row the newest `valid_from` counts."""
LINE = "_line"
_BOOLEAN = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_SHOWN = 40
_WORDS = {
    "nullability": "is missing",
    "primary_key": "is there twice",
    "min_length": "is empty",
    "max_length": "is too long",
    "regex": "is not one of its words or not printable ASCII",
    "min": "is too small",
    "max": "is too large",
    "min_exclusive": "must be larger",
    "inf": "is not finite",
    "nan": "is not a number",
}

Tables = dict[str, pl.DataFrame]


def read_folder(folder: Path) -> Tables:
    """Every table of the book, typed; those without a file are empty.

    Rows keep their line of a CSV file (its header is line 1), or row of a Parquet file from 1, in
    the column `_line`.

    Raises:
        BookError: A file is missing, unknown or unreadable, or a row breaks its declaration.
    """
    if not folder.is_dir():
        raise BookError([f"{folder} is no folder"])
    files = _files(folder)
    refuse(f"{name}.csv (or .parquet) is missing" for name in REQUIRED if name not in files)
    tables: Tables = {}
    faults: list[str] = []
    for name, schema in BOOK.items():
        if name not in files:
            tables[name] = schema.create_empty().with_columns(pl.lit(0, pl.Int64).alias(LINE))
            continue
        try:
            tables[name] = table_of(_raw(files[name]), schema, files[name].name)
        except BookError as error:
            faults += error.faults
    refuse(faults)
    return tables


def _files(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix not in (".csv", ".parquet"):
            continue
        if path.stem not in BOOK:
            raise BookError([f"{path.name} is none of the tables of a book: {', '.join(BOOK)}"])
        if path.stem in found:
            raise BookError([f"{path.name} and {found[path.stem].name} are the same table"])
        found[path.stem] = path
    return found


def _raw(path: Path) -> pl.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise BookError([f"{path.name} cannot be read: {reason}"]) from None


def table_of(raw: pl.DataFrame, schema: type[dy.Schema], file: str) -> pl.DataFrame:
    """Rows as their schema declares them, with defaults filled in and old versions left out.

    Raises:
        BookError: Every column that is unknown or missing, or else every value that cannot be.
    """
    columns = schema.columns()
    refuse(_strange_columns(raw, columns, file))
    first = 2 if file.endswith(".csv") else 1
    numbered = raw.with_row_index(LINE, offset=first).with_columns(pl.col(LINE).cast(pl.Int64))
    wanted = dict(pl.Schema(schema)) | dict(pl.Schema(BESIDE))
    faults: list[str] = []
    typed = numbered.select(LINE)
    for name, dtype in wanted.items():
        if name not in raw.columns and name not in columns:
            continue
        values = _typed(numbered, name, dtype)
        faults += _lost(numbered, name, values, file)
        default = _default(columns.get(name))
        if default is not None:
            values = values.fill_null(pl.lit(default, values.dtype))
        typed = typed.with_columns(values.alias(name))
    refuse(faults)
    refuse(_broken_rules(typed, columns, file))
    return _newest(typed, schema, file).select(LINE, *columns)


def _strange_columns(raw: pl.DataFrame, columns: dict[str, dy.Column], file: str) -> Iterator[str]:
    for name in raw.columns:
        if name not in columns and name not in BESIDE:
            yield f"{file} has an unknown column {name[:_SHOWN]!r}"
    for name, column in columns.items():
        is_needed = not column.nullable and _default(column) is None
        if is_needed and name not in raw.columns:
            yield f"{file} has no column {name!r}"


def _lost(frame: pl.DataFrame, name: str, values: pl.Series, file: str) -> Iterator[str]:
    """What was given and is not of the column's type."""
    if name not in frame.columns:
        return
    held = frame[name]
    is_given = held.is_not_null()
    if held.dtype == pl.String:
        is_given &= held.str.strip_chars() != ""
    for line, value in frame.filter(values.is_null() & is_given).select(LINE, name).rows():
        shown = repr(str(value)[:_SHOWN])
        yield f"{file} line {line}, column {name}: {shown} is no {_kind(values.dtype)}"


def _default(column: dy.Column | None) -> object:
    return None if column is None else (column.metadata or {}).get("default")


def _typed(frame: pl.DataFrame, name: str, dtype: pl.DataType) -> pl.Series:
    """The column in its type; null where it is empty or cannot be."""
    if name not in frame.columns:
        return pl.repeat(None, frame.height, dtype=dtype, eager=True)
    held = frame[name]
    if isinstance(held.dtype, pl.List):
        return held.cast(pl.List(pl.String)).list.join(";")
    if held.dtype != pl.String:
        return held.cast(dtype, strict=False)
    text = held.str.strip_chars()
    text = text.set(text == "", None)
    if dtype == pl.Boolean:
        return text.str.to_lowercase().replace_strict(_BOOLEAN, default=None, return_dtype=dtype)
    if dtype == pl.Date:
        return text.str.to_date("%Y-%m-%d", strict=False)
    return text.cast(dtype, strict=False)


def _kind(dtype: pl.DataType) -> str:
    kinds = {pl.Boolean: "true or false", pl.Date: "day (YYYY-MM-DD)", pl.Int64: "whole number"}
    return kinds.get(type(dtype), "number")


def _broken_rules(typed: pl.DataFrame, columns: dict[str, dy.Column], file: str) -> Iterator[str]:
    for name, column in columns.items():
        for rule, keeps in column.validation_rules(pl.col(name)).items():
            broken = typed.filter(keeps.not_())
            for line, value in broken.select(LINE, name).rows():
                shown = "" if value is None else f" {value!r}"[: _SHOWN + 3]
                yield f"{file} line {line}, column {name}:{shown} {_WORDS.get(rule, rule)}"


def _newest(typed: pl.DataFrame, schema: type[dy.Schema], file: str) -> pl.DataFrame:
    keys = list(schema.primary_key())
    if not keys:
        return typed
    if "valid_from" in typed.columns:
        newest = pl.col("valid_from").fill_null(pl.date(1, 1, 1))
        typed = typed.filter(newest == newest.max().over(keys))
    twice = typed.filter(pl.struct(keys).is_duplicated())
    refuse(
        f"{file} line {line}: {', '.join(map(str, key))} is there twice"
        for line, *key in twice.select(LINE, *keys).rows()[1:]
    )
    return typed
