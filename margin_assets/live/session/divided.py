"""Rows of a cycle as one division of a firm takes them: its own accounts, and the market of all.

What the market shows is the same in every division, so that a mark is: a fill of another's account
may mark a symbol without a price. And every row that lands makes a grid point for all of them.
"""

from collections.abc import Mapping

import polars as pl

from margin_assets.lake.store.division import Division
from margin_assets.live.firm.intake import TRADED
from schemas.firm import RATES_METRICS

_ELSEWHERE = "elsewhere"
"""Events: grid points at which rows of other divisions count."""
_OWN = ("account_id", "landed_at", "file_id")


def divided(events: Mapping[str, pl.DataFrame], division: Division) -> dict[str, pl.DataFrame]:
    """A division's part of events, each with its grid `point`; of the whole firm they stay."""
    if division.is_whole:
        return dict(events)
    mine = {name: division.part(rows) for name, rows in events.items()}
    if "limits" in mine:
        mine["limits"] = limits_of(mine["limits"], division)
    if "effects" in events:
        mine[TRADED] = events["effects"].drop(_OWN, strict=False)
    points = [rows.select(pl.col("point").cast(pl.Int64)) for rows in events.values()]
    if points:
        mine[_ELSEWHERE] = pl.concat(points).unique().sort("point")
    return {name: rows for name, rows in mine.items() if rows.height}


def limits_of(rows: pl.DataFrame, division: Division) -> pl.DataFrame:
    """Limits that a division strikes: the first those of the rates book, none those of a firm."""
    if division.is_whole:
        return rows
    return rows.filter(pl.col("metric").is_in(RATES_METRICS) & pl.lit(division.is_first))
