"""Opening balances: what an account brings along, as rows that move its positions like fills."""

from functools import cache
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.book.fills import plain_effects
from schemas import empty_feed

_AS_A_FILL = ("fill_id", "account_id", "symbol", "quantity", "price", "event_time")


def opening_fills(rows: pl.DataFrame) -> pl.DataFrame:
    """Positions of `opening_balances` as fills at their cost: the first rows of their tapes.

    With the `point` that each counts from where the rows have one. They move no cash.
    """
    held = rows.filter(pl.col("symbol").is_not_null())
    named = held.with_columns(
        fill_id=pl.format("opening of {} in {}", "symbol", "account_id"),
        price="cost",
        event_time="as_of",
        corrects_fill_id=pl.lit(None, pl.String),
    )
    return named.select(*_AS_A_FILL, "corrects_fill_id", *_points(rows))


class Opened(NamedTuple):
    """Opening balances of a cycle as what they move."""

    fills: pl.DataFrame
    effects: pl.DataFrame
    cash: pl.DataFrame


def opened(rows: pl.DataFrame | None) -> Opened:
    """Landed `opening_balances`, each with its `point`; None where none have landed."""
    if rows is None:
        return _nothing()
    fills = opening_fills(rows)
    return Opened(fills, opening_effects(fills), opening_cash(rows))


@cache
def _nothing() -> Opened:
    return opened(empty_feed("opening_balances"))


def opening_effects(fills: pl.DataFrame) -> pl.DataFrame:
    """Effects of opening balances told as fills: no cash moves."""
    effects = plain_effects(fills, fills["point"].to_numpy())
    return effects.with_columns(cash=pl.lit(0, pl.Int64))


def opening_cash(rows: pl.DataFrame) -> pl.DataFrame:
    """Cash of `opening_balances` by `account_id`: its `amount`, in landing order."""
    return rows.filter(pl.col("cash").is_not_null()).select(
        "account_id", pl.col("cash").alias("amount"), *_points(rows), event_time="as_of"
    )


def _points(rows: pl.DataFrame) -> list[str]:
    return ["point"] if "point" in rows.columns else []
