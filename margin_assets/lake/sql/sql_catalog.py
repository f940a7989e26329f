"""What SQL calls the tables of the lake, and the schema that tells it of them."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import dataframely as dy
import polars as pl

from margin_assets.lake.sql.views import VIEWS, schema_of_view
from margin_assets.lake.store import declared
from margin_assets.nearest import did_you_mean

CATALOG, DB_SCHEMA = "datafusion", "public"
"""As the engine names them, so that a qualified name in SQL is the one listed."""
INFORMATION = "information_schema"
_SOME = 12


def sql_names() -> dict[str, str]:
    """Every table and daily twin by the name that SQL has for it."""
    return {name.replace("/", "_"): name for name in declared.names()}


def sql_schemas() -> dict[str, type[dy.Schema]]:
    """What can be asked, by the name that SQL has for it: tables, daily twins and views, sorted."""
    found = {name: declared.schema_of(behind) for name, behind in sql_names().items()}
    return dict(sorted((found | {name: schema_of_view(name) for name in VIEWS}).items()))


def not_found(name: str) -> str:
    """What there is instead of a table, the nearest names first."""
    known = list(sql_schemas())
    near = difflib.get_close_matches(name.lower(), known, n=3)
    if near:
        return f"table {name} not found: did you mean {' or '.join(near)}? SHOW TABLES lists all"
    return f"table {name} not found. There are {', '.join(known)}"


def no_column(name: str, known: Sequence[str]) -> str:
    """What there is instead of a column: the nearest name, or some of them where none is near."""
    asked = name.replace('"', "")
    plain = list(dict.fromkeys(column.replace('"', "").rsplit(".", 1)[-1] for column in known))
    if near := did_you_mean(asked.rsplit(".", 1)[-1], plain):
        return f"No field named {asked}{near}"
    more = f" and {len(plain) - _SOME} more: DESCRIBE lists them" if len(plain) > _SOME else ""
    return f"No field named {asked}; there are {', '.join(plain[:_SOME])}{more}"


def add_information_schema(execute: Callable[[str], Any]) -> None:
    """Makes `information_schema.tables` and `.columns` known to an engine."""
    execute(f"CREATE SCHEMA {INFORMATION}")
    tables: list[tuple[object, ...]] = []
    columns: list[tuple[object, ...]] = []
    for name, schema in sql_schemas().items():
        place = (CATALOG, DB_SCHEMA, name)
        tables.append((*place, "VIEW" if name in VIEWS else "BASE TABLE", _grain(name)))
        types = pl.Schema(schema)
        for number, (column, declaration) in enumerate(schema.columns().items(), 1):
            nullable = "YES" if declaration.nullable else "NO"
            columns.append((*place, column, number, nullable, _sql_type(types[column])))
    place_names = ("table_catalog", "table_schema", "table_name")
    execute(_view("tables", (*place_names, "table_type", "grain"), tables))
    heads = (*place_names, "column_name", "ordinal_position", "is_nullable", "data_type")
    execute(_view("columns", heads, columns))


def _grain(name: str) -> str:
    if name in VIEWS:
        return (schema_of_view(name).__doc__ or "").splitlines()[0]
    return declared.table_of(sql_names()[name]).grain


_TYPES: dict[type[pl.DataType], str] = {
    pl.Binary: "BYTEA",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Datetime: "TIMESTAMP WITH TIME ZONE",
    pl.Float64: "DOUBLE PRECISION",
    pl.Int64: "BIGINT",
    pl.String: "VARCHAR",
}


def _sql_type(dtype: pl.DataType) -> str:
    """A column's type in the words of the SQL standard."""
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision}, {dtype.scale})"
    return _TYPES.get(type(dtype), str(dtype).upper())


def _view(name: str, heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    values = ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)
    return (
        f"CREATE VIEW {INFORMATION}.{name} AS "
        f"SELECT * FROM (VALUES {values}) AS listed({', '.join(heads)})"
    )


def _literal(value: object) -> str:
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"
