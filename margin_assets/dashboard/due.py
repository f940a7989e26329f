"""When each account's open margin calls are due, kept up to date from what each cycle adds."""

import polars as pl

from margin_assets.lake.ledger.ledger import Sealed
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake

_TABLE = "margin_calls"
_COLUMNS = (
    "call_id",
    "version",
    "account_id",
    "is_open",
    "house_due_at",
    "extended_until",
    "legal_due_at",
    "cycle",
)


class Due:
    """The earliest deadline of each account's open calls. One writer, many readers."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._calls: pl.DataFrame | None = None
        self._cycle = 0
        self.by_account = pl.DataFrame(schema={"account_id": pl.String, "due": pl.Int64})
        """Microseconds; an account without an open call has no row."""

    def take(self, sealed: Sealed) -> None:
        """Reads what was added since: nothing of a lake that keeps no calls."""
        if _TABLE not in sealed.table_versions or sealed.cycle <= self._cycle:
            return
        scan = SealedTables(self._lake, sealed.table_versions)
        new = scan(_TABLE, pl.col("cycle") > self._cycle, columns=_COLUMNS)
        self._cycle = sealed.cycle
        if new.is_empty():
            return
        known = new if self._calls is None else pl.concat([self._calls, new])
        newest = known.sort("call_id", "version").unique("call_id", keep="last")
        self._calls = newest.filter("is_open")
        house = pl.max_horizontal("house_due_at", "extended_until")
        due = pl.min_horizontal(house, "legal_due_at").dt.epoch("us")
        self.by_account = self._calls.group_by("account_id").agg(due=due.min())
