"""Cash accounts that must pay in advance, and what they have for it: 12 CFR 220.8(c)."""

from collections.abc import Collection
from datetime import datetime, timedelta

import polars as pl

from margin_assets.calendar import sessions
from margin_assets.kernels.calls.free_riding import CashAccount, entries_of, standing
from margin_assets.kernels.rules.grid import new_york_day
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.rulebooks import in_force

_SLACK_DAYS = 2
"""A trade date is a day of New York, an event time one of UTC."""


def frozen(
    tables: SealedTables, accounts: Collection[str], as_of: datetime
) -> dict[str, CashAccount]:
    """Those of some cash accounts that have no delayed payment at an instant, by id.

    Only who sold, or corrected a trade, within the freeze can be without it: nobody else is read.
    """
    if not accounts:
        return {}
    on = new_york_day(int(as_of.timestamp() * 1e6))
    freeze = in_force("cash_account", on).numbers["freeze"]["calendar_days"]
    since = as_of - timedelta(days=freeze + _SLACK_DAYS)
    is_past = pl.col("event_time") <= as_of
    may_sell = (pl.col("quantity") < 0) | pl.col("corrects_fill_id").is_not_null()
    sold = tables(
        "fills",
        pl.col("account_id").is_in(pl.Series(accounts).implode()),
        is_past & (pl.col("event_time") >= since) & may_sell,
        columns=["account_id"],
    )["account_id"].unique()
    if sold.is_empty():
        return {}
    is_theirs = pl.col("account_id").is_in(sold.implode())
    fills, paid = (
        tables.in_landing_order(feed).filter(is_theirs & is_past).collect()
        for feed in ("fills", "cash_movements")
    )
    is_dealt = pl.col("symbol").is_in(fills["symbol"].unique().implode())
    terms = tables.in_landing_order("instruments").filter(is_dealt).collect()
    found = {
        account: standing(entries, sessions().days, on)
        for account, entries in entries_of(fills, paid, terms).items()
    }
    return {name: stands for name, stands in found.items() if stands.frozen_until(on) is not None}
