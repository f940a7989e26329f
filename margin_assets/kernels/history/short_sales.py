"""Opening sales where fills are corrected: told again from all fills of the position."""

from collections.abc import Callable, Iterable

import polars as pl

from margin_assets.kernels.book.fills import FillRow, fill_rows
from margin_assets.kernels.book.sales import UNTOLD, sales_after
from margin_assets.kernels.corporate.tapes import entries_of
from margin_assets.kernels.numeric.arrays import Int64Array

Tape = tuple[pl.DataFrame, Int64Array]
"""Landed fills, each with the point it counts from."""
_KEY = ("account_id", "symbol")


def with_sales(effects: pl.DataFrame, tape_of: Callable[[pl.DataFrame], Tape]) -> pl.DataFrame:
    """Effects with the opening sales of positions at every point where a correction acts.

    A correction stands in its original's place, so that they are told from all fills of the
    position: `tape_of` finds those of some accounts and symbols.
    """
    is_correction = (pl.col("undone_quantity") != 0) | (pl.col("undone_price") != 0)
    corrected = effects.filter(is_correction).select(*_KEY, "point").unique(maintain_order=True)
    if not corrected.height:
        return effects
    keys = corrected.select(_KEY).unique(maintain_order=True)
    fills, points = tape_of(keys)
    placed = fills.with_columns(_point=pl.Series(points)).join(keys, on=_KEY, how="semi")
    tapes: dict[tuple[str, str], list[FillRow]] = {}
    for row in fill_rows(placed, placed["_point"].to_numpy()):
        tapes.setdefault((row.account_id, row.symbol), []).append(row)
    told = [_sales(tapes[account, symbol], at) for account, symbol, at in corrected.iter_rows()]
    names = ("sale_quantity", "sale_proceeds")
    sums = pl.DataFrame(told, schema=dict.fromkeys(names, pl.Int64), orient="row")
    found = pl.concat([corrected, sums], how="horizontal")
    joined = effects.drop(names).join(
        found, on=[*_KEY, "point"], how="left", maintain_order="left", validate="m:1"
    )
    return joined.with_columns(pl.col(names).fill_null(UNTOLD)).select(effects.columns)


def _sales(rows: Iterable[FillRow], point: int) -> tuple[int, int]:
    """Opening sales of one position at a point, each fill as it stands then."""
    held = sold = proceeds = 0
    for now in sorted(entries_of(rows, point), key=lambda e: (e.point, e.time, e.name)):
        held, sold, proceeds = sales_after(held, sold, proceeds, now.quantity, now.price)
    return int(sold), int(proceeds)
