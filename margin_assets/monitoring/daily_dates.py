"""Business dates that the daily run has made, as the lake alone shows them."""

from datetime import date

import polars as pl

from margin_assets.lake.store.declared import BUSINESS_DATE, DAILY
from margin_assets.lake.store.store import Lake
from margin_assets.monitoring.health import Daily
from schemas import TABLES

_LAST = "firm_risk"
"""Written last, and only where no blocking check of the others has failed."""
_OF_EVERY_ACCOUNT = ("account_state", "margin_summary")


def daily_dates(lake: Lake) -> Daily:
    """Dates whose run was finished, and those of which a run wrote some tables and not the last.

    Rows name the cycle that they were made from. A run that was begun again from a later one and
    did not come to its end has older rows in the last table. One begun again from the same cycle
    leaves no trace.
    """
    begun: set[date] = set()
    for table in TABLES.values():
        if table.is_daily and table.in_cycle:
            begun |= _dates(lake, DAILY + table.name)
    if not begun:
        return Daily()
    finished = _cycles(lake, _LAST)
    for name in _OF_EVERY_ACCOUNT:
        for day, cycle in _cycles(lake, name).items():
            if finished.get(day, cycle) < cycle:
                del finished[day]
    return Daily(tuple(sorted(finished)), tuple(sorted(begun - set(finished))))


def last_close(lake: Lake) -> date | None:
    """The newest date of which a run came to its end; None where none did."""
    if not lake.has_table(DAILY + _LAST):
        return None
    return max(_dates(lake, DAILY + _LAST), default=None)


def _dates(lake: Lake, twin: str) -> set[date]:
    """Dates that a twin has rows of, from its commit log."""
    held = lake.held(twin).open().partitions()
    return {date.fromisoformat(part[BUSINESS_DATE]) for part in held}


def _cycles(lake: Lake, name: str) -> dict[date, int]:
    """Newest cycle of each date's rows."""
    rows = lake.scan(DAILY + name).group_by(BUSINESS_DATE).agg(pl.col("cycle").max())
    return dict(lake.read(DAILY + name, lambda: rows).iter_rows())
