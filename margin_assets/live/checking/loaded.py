"""The monitor of a sealed cycle, of every account or of one."""

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from margin_assets.calendar import calendar
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.division import Division
from margin_assets.lake.store.store import Lake
from margin_assets.live.acceptance.held import HeldRows
from margin_assets.live.acceptance.sealed_points import sealed_points
from margin_assets.live.books.restating import Restating
from margin_assets.live.firm.monitor import Monitor
from margin_assets.live.session.loading import load_monitor

_OF_ACCOUNTS = frozenset(
    {
        "account_state",
        "accounts",
        "enforcement_state",
        "intraday_deficits",
        "intraday_state",
        "margin_calls",
        "pattern_day_traders",
        "positions",
        "reg_t_calls",
        "special_memorandum_accounts",
    }
)
"""Tables read of one account alone; of fills those in landing order are everyone's, since the last
of a symbol without a price marks it."""


class _OfOne(SealedTables):
    """Tables of a sealed cycle with the rows of one account."""

    def __init__(self, lake: Lake, sealed: Sealed, account: str) -> None:
        super().__init__(lake, sealed, HeldRows(sealed.manifest).since)
        self._account = account

    def __call__(
        self, table: str, *conditions: pl.Expr, columns: Sequence[str] = ()
    ) -> pl.DataFrame:
        mine = (pl.col("account_id") == self._account,) if table == "fills" else ()
        return super().__call__(table, *conditions, *mine, columns=columns)

    def scan(self, table: str) -> pl.LazyFrame:
        rows = super().scan(table)
        return rows.filter(pl.col("account_id") == self._account) if table in _OF_ACCOUNTS else rows


def tables_of(lake: Lake, sealed: Sealed) -> SealedTables:
    """Tables of a sealed cycle, without the rows that it holds back."""
    return SealedTables(lake, sealed, HeldRows(sealed.manifest).since)


def loaded(lake: Lake, sealed: Sealed, as_of: datetime, account: str | None = None) -> Monitor:
    """The firm as a cycle left it; with an account, nothing is known of any other."""
    ledger = Ledger(lake)
    tables = tables_of(lake, sealed)
    scan = tables if account is None else _OfOne(lake, sealed, account)
    mine = scan if account is not None else tables.of(Division.of(sealed.manifest))

    def points_of(rows: pl.DataFrame) -> Int64Array:
        return sealed_points(rows, ledger.ends)

    days = calendar()
    monitor = Monitor(days, Restating(lambda _before: tables, points_of, days), lambda: scan)
    at = int(instants(pl.Series([as_of]))[0])
    load_monitor(monitor, (scan, mine), at, points_of, sealed.manifest["rulebooks"])
    return monitor
