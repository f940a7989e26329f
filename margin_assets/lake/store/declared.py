"""What Delta is told of a declared table: properties, bounds, the daily twin's schema.

Also the one cast between a frame and its table. Nothing here touches storage.
"""

from decimal import Decimal
from functools import cache

import dataframely as dy
import polars as pl

from margin_assets.lake.store.shards import SHARD, SHARD_COLUMN
from schemas import TABLES, Mode, Table

DAILY = "daily/"
BUSINESS_DATE = "business_date"
_LIMITS = {"min": ">=", "min_exclusive": ">", "max": "<=", "max_exclusive": "<"}


class SchemaMismatch(ValueError):
    """A frame that does not fit its table without loss."""


def names() -> list[str]:
    """Name of every table and daily twin; the ledger last, so that it stands for the rest."""
    twins = [DAILY + table.name for table in TABLES.values() if table.is_daily]
    return [*(name for name in TABLES if name != "cycles"), *twins, "cycles"]


def table_of(name: str) -> Table:
    """Declaration behind `name`, which may be a daily twin.

    Raises:
        KeyError: no such table, or it has no daily twin.
    """
    table = TABLES[name.removeprefix(DAILY)]
    if name.startswith(DAILY) and not table.is_daily:
        raise KeyError(name)
    return table


def schema_of(name: str) -> type[dy.Schema]:
    """Schema of a table, or of a daily twin: the table's columns and the business date."""
    table = table_of(name)
    if not name.startswith(DAILY):
        return table.schema
    day = dy.Date(primary_key=True, description="Session whose close the row describes.")
    return type(f"Daily{table.schema.__name__}", (table.schema,), {BUSINESS_DATE: day})


@cache
def empty(name: str) -> pl.DataFrame:
    """No row of a table or daily twin, in its declared columns."""
    columns = schema_of(name).columns()
    return pl.DataFrame(schema={column: told.dtype for column, told in columns.items()})


def stored_schema(name: str) -> type[dy.Schema]:
    """Schema as stored: a state table also has the shard that each row is in."""
    schema = schema_of(name)
    if not is_sharded(name):
        return schema
    return type(schema.__name__, (schema,), {SHARD: SHARD_COLUMN})


def is_sharded(name: str) -> bool:
    """Whether a table is stored by shard: those of the state are, their daily twins are not."""
    return table_of(name).mode is Mode.STATE and not name.startswith(DAILY)


def partition_columns(name: str) -> list[str] | None:
    """Columns that Delta partitions by."""
    if name.startswith(DAILY):
        return [BUSINESS_DATE]
    return [SHARD] if is_sharded(name) else None


def configuration(name: str) -> dict[str, str | None]:
    """Delta table properties: retention and, for append tables, the refusal of rewriting.

    A daily twin is replaced by partition, so it is never append-only.
    """
    table = table_of(name)
    keep = f"interval {table.retention_days} days"
    found: dict[str, str | None] = {
        "delta.logRetentionDuration": keep,
        # Other engines must not drop what a sealed cycle names: upkeep knows what that is.
        "delta.enableExpiredLogCleanup": "false",
        # Every checkpoint repeats what was removed for so long. A state table is replaced every
        # second, and upkeep goes by the log, not by these.
        "delta.deletedFileRetentionDuration": "interval 1 hours"
        if table.mode is Mode.STATE and not name.startswith(DAILY)
        else keep,
    }
    if is_sharded(name):
        # Readers choose by shard, and by account. Statistics of every column would be read anew
        # from every file of every shard with each commit: a third of what it costs.
        found["delta.dataSkippingStatsColumns"] = "account_id"
    if table.mode is Mode.APPEND and not name.startswith(DAILY):
        found["delta.appendOnly"] = "true"
    return found


def constraints(name: str) -> dict[str, str]:
    """CHECK constraints by name: the declared bounds, and that every float is finite."""
    found: dict[str, str] = {}
    for column, declared in schema_of(name).columns().items():
        terms = _terms(column, declared)
        if terms:
            check = " AND ".join(terms)
            found[f"{column}_bounds"] = (
                f"{column} IS NULL OR ({check})" if declared.nullable else check
            )
    return found


def _terms(column: str, declared: dy.Column) -> list[str]:
    # delta-rs 1.6 stores a decimal bound multiplied by 10**scale, which then lets everything
    # through; comparing as a double keeps the bound. Compare directly once that is fixed.
    value = f"CAST({column} AS DOUBLE)" if isinstance(declared, dy.Decimal) else column
    limits = [
        f"{value} {operator} {_literal(limit)}"
        for attribute, operator in _LIMITS.items()
        if isinstance(limit := getattr(declared, attribute, None), int | float | Decimal)
    ]
    # NaN passes a lower bound; a finite number is one that differs from itself by nothing.
    finite = [f"{column} - {column} = 0"] if isinstance(declared, dy.Float32 | dy.Float64) else []
    return limits + finite


def _literal(limit: float | Decimal) -> str:
    return format(Decimal(str(limit)), "f")


def conform(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with exactly the declared columns, in declared order and type.

    Undeclared columns are dropped.

    Raises:
        SchemaMismatch: a column is missing, cannot be cast, or would be rounded by the cast.
    """
    # Most frames are as declared, and are asked a few times a cycle: lists compare the fastest.
    if (frame.columns, frame.dtypes) == _columns(name):
        return frame
    expected, given = _dtypes(name), frame.schema
    missing = [column for column in expected if column not in given]
    if missing:
        raise SchemaMismatch(f"{name}: missing columns {', '.join(missing)}")
    others = [column for column, declared in expected.items() if given[column] != declared]
    for column in others:
        _refuse_rounding(f"{name}.{column}", given[column], expected[column])
    try:
        # Most columns are as declared, and are handed on: a cast of all is a query over each.
        cast = frame.with_columns(pl.col(c).cast(expected[c]) for c in others) if others else frame
        return pl.DataFrame([cast.get_column(column) for column in expected])
    except pl.exceptions.PolarsError as error:
        raise SchemaMismatch(f"{name}: {error}") from error


@cache
def _dtypes(name: str) -> pl.Schema:
    return pl.Schema(schema_of(name))


@cache
def _columns(name: str) -> tuple[list[str], list[pl.DataType]]:
    return _dtypes(name).names(), _dtypes(name).dtypes()


def _refuse_rounding(column: str, given: pl.DataType, declared: pl.DataType) -> None:
    if not isinstance(declared, pl.Decimal):
        return
    if given.is_float() or (isinstance(given, pl.Decimal) and given.scale > declared.scale):
        raise SchemaMismatch(f"{column}: {given} would be rounded to {declared}")
