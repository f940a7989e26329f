"""Tables as a sealed cycle left them, and landed rows in the order in which they landed."""

from collections.abc import Mapping

import polars as pl

from margin_assets.lake.store import Lake
from schemas import TABLES


class SealedTables:
    """Reads tables as of a sealed cycle; what it never wrote is empty."""

    def __init__(self, lake: Lake, table_versions: Mapping[str, int]) -> None:
        self._lake = lake
        self._versions = table_versions

    def __call__(self, table: str, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows of a table that fulfil the conditions."""
        return self._lake.read(table, lambda: self.scan(table).filter(*conditions))

    def scan(self, table: str) -> pl.LazyFrame:
        """All rows of a table."""
        if table not in self._versions:
            return TABLES[table].schema.create_empty().lazy()
        return self._lake.scan(table, self._versions[table])

    def in_landing_order(self, feed: str) -> pl.LazyFrame:
        """Rows of a landed table, first landed first: of two at one time the later one stands."""
        files = self.scan("landed_files").filter(
            pl.col("status") == "accepted", pl.col("feed") == feed
        )
        numbers = files.select("cycle", "file_id", "file_number")
        return (
            self.scan(feed)
            .join(numbers, on=["cycle", "file_id"], how="left", validate="m:1")
            .sort("cycle", "file_number", "file_row")
        )
