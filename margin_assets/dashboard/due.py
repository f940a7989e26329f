"""When each account's open margin calls are due, kept up to date from what each cycle adds."""

from typing import NamedTuple

import polars as pl

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake

_TABLE = "margin_calls"
_COLUMNS = (
    "call_id",
    "version",
    "account_id",
    "call_type",
    "state",
    "is_open",
    "house_due_at",
    "extended_until",
    "legal_due_at",
    "cycle",
)


class Deadlines(NamedTuple):
    """What is known of deadlines, and how far; replaced whole."""

    by_account: pl.DataFrame
    """Earliest deadline of open calls, microseconds; an account without one has no row."""
    cycle: int
    """The cycle that they are of; 0 where none was read yet."""
    number: int
    """Grows whenever they change."""
    trouble: str
    """Why those of a later cycle cannot be read; empty if they can."""

    def is_as(self, other: "Deadlines") -> bool:
        """Whether a page shows the same of both."""
        # The cycle that they are of is shown beside a trouble alone.
        return (self.number, self.trouble) == (other.number, other.trouble)


class Due:
    """The earliest deadline of each account's open calls. One writer, many readers."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._calls: pl.DataFrame | None = None
        self._cycle = self._number = 0
        self.by_account = pl.DataFrame(schema={"account_id": pl.String, "due": pl.Int64})

    def take(self, sealed: Sealed) -> None:
        """Reads what was added since: nothing of a lake that keeps no calls."""
        if sealed.cycle <= self._cycle:
            return
        if _TABLE in sealed.table_versions:
            self._add(sealed)
        self._cycle = sealed.cycle

    def known(self, trouble: str = "") -> Deadlines:
        """What was read by now, and why no more."""
        return Deadlines(self.by_account, self._cycle, self._number, trouble)

    def _add(self, sealed: Sealed) -> None:
        scan = SealedTables(self._lake, sealed)
        new = scan(_TABLE, pl.col("cycle") > self._cycle, columns=_COLUMNS)
        if new.is_empty():
            return
        known = new if self._calls is None else pl.concat([self._calls, new])
        newest = known.sort("call_id", "version").unique("call_id", keep="last")
        # No payment lifts a freeze any more once its period is over: that is no deadline.
        is_over = (pl.col("call_type") == "free_riding") & (pl.col("state") == "expired")
        self._calls = newest.filter(pl.col("is_open"))
        owed = self._calls.filter(~is_over)
        house = pl.max_horizontal("house_due_at", "extended_until")
        due = pl.min_horizontal(house, "legal_due_at").dt.epoch("us")
        self._number += 1
        self.by_account = owed.group_by("account_id").agg(due=due.min())
