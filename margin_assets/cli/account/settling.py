"""When an account's trades settle, and what a cash account sold before it had paid for it."""

from datetime import date, datetime
from decimal import Decimal

import polars as pl

from margin_assets.calendar import sessions
from margin_assets.cli.account.rows import Document, Tables
from margin_assets.kernels.calls.free_riding import entries_of, standing
from margin_assets.kernels.day_trading.held_deposits import held_deposits
from margin_assets.kernels.rules.grid import new_york_day
from margin_assets.kernels.rules.settling import settles_on, trade_dates

_CENT_PLACES = -2


def with_settlement(fills: list[Document]) -> list[Document]:
    """Fills, each with the day on which it settles; null before the first rule that is known."""
    days = trade_dates(pl.Series([row["event_time"] for row in fills], dtype=_INSTANT))
    return [row | {"settles_on": _settles_on(day)} for row, day in zip(fills, days, strict=True)]


def cash_account(
    tables: Tables, state: Document, mine: pl.Expr, at: datetime | None
) -> Document | None:
    """Free riding of a cash account and until when it is frozen; null for another account."""
    if state["account_type"] != "cash" or at is None:
        return None
    on = new_york_day(int(at.timestamp() * 1e6))
    fills = tables.landed("fills", mine, pl.col("event_time") <= at)
    dealt = pl.col("symbol").is_in(fills["symbol"].unique().implode())
    paid = tables.landed("cash_movements", mine, pl.col("event_time") <= at)
    entries = entries_of(fills, paid, tables.landed("instruments", dealt))
    found = standing(entries.get(state["account_id"], ()), sessions().days, on)
    until = found.frozen_until(on)
    return {
        "free_riding": until is not None,
        "frozen_until": until,
        "settled_funds": Decimal(found.settled_funds).scaleb(_CENT_PLACES),
        "free_rides": [
            ride._asdict() | {"unpaid": Decimal(ride.unpaid).scaleb(_CENT_PLACES)}
            for ride in found.rides
        ],
    }


def deposits_on_hold(
    tables: Tables, day_trading: list[Document], mine: pl.Expr, at: datetime | None
) -> list[Document]:
    """Deposits of a pattern day trader that stay for two business days; of nobody else any.

    `day_trading`: its business days under the rule, newest first.
    """
    if not day_trading or not day_trading[0]["is_pattern_day_trader"] or at is None:
        return []
    paid = tables.landed("cash_movements", mine, pl.col("event_time") <= at)
    found = held_deposits(paid, sessions().days, new_york_day(int(at.timestamp() * 1e6)))
    return [
        one._asdict()
        | {name: Decimal(getattr(one, name)).scaleb(_CENT_PLACES) for name in _AMOUNTS}
        for one in found
    ]


def _settles_on(day: date) -> date | None:
    try:
        return settles_on(sessions().days, day)
    except ValueError:
        return None


_AMOUNTS = ("amount", "withdrawn")
_INSTANT = pl.Datetime("us", "UTC")
