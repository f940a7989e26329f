"""The tables as a cycle left them, and the landed file of their rows."""

from typing import Any

import polars as pl

from margin_assets.lake.ledger.moment import Moment

Document = dict[str, Any]
WHERE = ("path", "file_row", "landed_at", "cycle")
_FILE = ["cycle", "file_id", "landed_at"]


class Tables:
    """The tables as the cycle left them, and the landed path of their rows."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self.scan = moment.scan
        files = self.scan("landed_files").select(*_FILE, "path", "file_number")
        # A file that came twice at a time has two rows; the first is the one that was read.
        first = files.sort("file_number").unique(_FILE, keep="first")
        self._files = first.drop("file_number")

    def rows(self, name: str, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows that fulfil the conditions."""
        return self.scan(name).filter(*conditions).collect()

    def has(self, name: str) -> bool:
        """Whether the lake has the table: one made before it was declared may not."""
        return self._moment.lake.has_table(name)

    def landed(self, name: str, *conditions: pl.Expr) -> pl.DataFrame:
        """Rows of a landed table with the `path` they came from, by event time and landing."""
        rows = self.scan(name).filter(*conditions)
        found = rows.join(self._files, on=_FILE, how="left").collect()
        times = ("event_time", "effective_on", "as_of", "as_of_date")
        time = next(name for name in times if name in found.columns)
        return found.sort(time, "cycle", "landed_at", "path", "file_row")


def dicts(rows: pl.DataFrame) -> list[Document]:
    """Rows without what the whole story shares."""
    return rows.drop(("account_id", "as_of"), strict=False).to_dicts()
