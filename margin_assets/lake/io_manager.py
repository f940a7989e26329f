"""Frames between assets and the lake's daily twins, partition by partition."""

from collections.abc import Iterable
from datetime import date

import dagster as dg
import polars as pl

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.divisions import hashes_in
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store import declared
from margin_assets.lake.store.declared import BUSINESS_DATE, DAILY, SchemaMismatch
from margin_assets.lake.store.division import Division
from margin_assets.lake.store.store import Lake
from schemas import FEEDS


class DailyIOManager(dg.ConfigurableIOManager):
    """Stores an asset in `daily/<asset>`, replacing exactly the partitions of the run."""

    lake_uri: str
    storage_options: dict[str, str] = {}  # noqa: RUF012 (a field of the configuration)

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame | pl.LazyFrame) -> None:
        """Replace the run's business dates, one or a range, in one commit.

        Raises:
            SchemaMismatch: no business date, one of another type, or a row outside the run.
            TypeError: not a frame.
        """
        if not isinstance(obj, pl.DataFrame | pl.LazyFrame):
            raise TypeError(f"a frame is expected, not {type(obj).__name__}")
        table, days = context.asset_key.path[-1], _days(context.asset_partition_keys)
        frame = obj.lazy().collect()
        _refuse_other_days(table, frame, days)
        version = self.lake().replace_days(table, frame, days)
        context.add_output_metadata(
            {
                "dagster/row_count": frame.height,
                "dagster/column_schema": column_schema(DAILY + table),
                "table_version": version,
                "last_close": str(max(_stored_days(self.lake(), table))),
            }
        )

    def load_input(self, context: dg.InputContext) -> pl.LazyFrame:
        """The run's business dates of a daily table, or the whole of any other.

        The latter is read as the last sealed cycle left it, landed rows in landing order.

        Raises:
            LookupError: no cycle is sealed yet.
        """
        table, lake = context.asset_key.path[-1], self.lake()
        if not declared.table_of(table).is_daily:
            tables = SealedTables(lake, _last_sealed(lake, table))
            return tables.in_landing_order(table) if table in FEEDS else tables.scan(table)
        rows = lake.scan(DAILY + table)
        if not context.has_asset_partitions:
            return rows
        return rows.filter(pl.col(BUSINESS_DATE).is_in(_days(context.asset_partition_keys)))

    def lake(self) -> Lake:
        """The lake of the daily twins."""
        return Lake(self.lake_uri, self.storage_options or None)


def _stored_days(lake: Lake, table: str) -> Iterable[str]:
    """Business dates that a twin has rows of, from its commit log."""
    found = [part[BUSINESS_DATE] for part in lake.held(DAILY + table).open().partitions()]
    return found or ["none"]


def column_schema(name: str) -> dg.TableSchema:
    """Columns of a table or daily twin, as Dagster shows them."""
    columns = declared.schema_of(name).columns()
    types = pl.Schema(declared.schema_of(name))
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column,
                str(types[column]),
                description=found.description,
                constraints=dg.TableColumnConstraints(nullable=found.nullable),
            )
            for column, found in columns.items()
        ]
    )


def _days(keys: Iterable[str]) -> list[date]:
    return [date.fromisoformat(key) for key in keys]


def _refuse_other_days(table: str, frame: pl.DataFrame, days: list[date]) -> None:
    # A partition column of another type makes the predicate meaningless, and an overwrite
    # with it can take the whole table (dagster issue 34064).
    if frame.schema.get(BUSINESS_DATE) != pl.Date:
        given = frame.schema.get(BUSINESS_DATE, "missing")
        raise SchemaMismatch(f"{table}.{BUSINESS_DATE}: Date is expected, not {given}")
    other = frame.filter(~pl.col(BUSINESS_DATE).is_in(days, nulls_equal=True))
    if not other.is_empty():
        raise SchemaMismatch(
            f"{table}: {other.height} rows outside the run's partitions, such as "
            f"{other[BUSINESS_DATE][0]}"
        )


def _last_sealed(lake: Lake, wanted: str) -> Sealed:
    sealed = Ledger(lake).last_sealed()
    if sealed is None:
        raise LookupError(f"{wanted}: no cycle is sealed yet; run `margin live` first")
    if hashes_in(sealed) or not Division.of(sealed.manifest).is_whole:
        # What lands is the whole firm's there, and what was settled and accrued is not.
        raise LookupError(f"{wanted}: a firm in divisions has no daily tables")
    return sealed
