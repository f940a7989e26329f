"""What the pattern day trader rule leaves of the business day at work, account by account."""

from typing import Any

import numpy as np
import polars as pl

from margin_assets.kernels.day_trading.day_trades import day_trades, weighed
from margin_assets.kernels.numeric.money import CENTS
from margin_assets.kernels.pretrade.legs import Held, Legs
from margin_assets.kernels.pretrade.reasons import DayTrading
from margin_assets.live.firm.monitor import Monitor

Row = dict[str, Any]


class TradedToday:
    """Rows of `pattern_day_traders` of the day at work, of those designated before it."""

    def __init__(self, monitor: Monitor) -> None:
        self._market, book = monitor.market, monitor.day_trades.book
        self._leverage = monitor.market.series(monitor.point, monitor.rules(monitor.point)).leverage
        self._days, self._day = book.days, book.day
        self._rows: dict[int, Row] = {}
        rows = monitor.day_trades.frame(None)
        if rows.is_empty():
            return
        self._today = self._days.date_of(self._day)
        designated = rows.filter(
            pl.col("business_date") == self._today, pl.col("pattern_since") < self._today
        )
        places = monitor.holdings.accounts.places(designated["account_id"])
        self._rows = dict(zip(places.tolist(), designated.to_dicts(), strict=True))

    def is_cash_only(self, place: int) -> bool:
        """Whether a special call unmet when the day began restricts the account to its cash."""
        row = self._rows.get(place)
        until = None if row is None else row["cash_only_until"]
        return until is not None and until >= self._today

    def after(self, place: int, held: Held, legs: Legs) -> DayTrading | None:
        """Buying power, and the commitment with what the legs would open on top: a bound.

        What was opened today and closed again before counts as if it were open still.
        """
        row = self._rows.get(place)
        if row is None:
            return None
        known, opened = row["commitment"], self._cost(held, legs)
        commitment = None if known is None or opened is None else int(known * CENTS) + opened
        power = row["buying_power"]
        return DayTrading(None if power is None else int(power * CENTS), commitment)

    def _cost(self, held: Held, legs: Legs) -> int | None:
        """Cost of what the legs open, cents by the weights; None where a size is not known."""
        market = self._market
        trades = pl.DataFrame(
            {
                "symbol": legs.series,
                "quantity": legs.quantity,
                "price": legs.price,
                "multiplier": pl.Series(market.multiplier[legs.series]).set(
                    pl.Series(~market.is_known[legs.series]), None
                ),
                "leverage": self._leverage[legs.series],
            }
        ).with_columns(account=pl.lit(0, pl.Int64), day=pl.lit(self._day, pl.Int64))
        before = pl.DataFrame({"symbol": held.series.astype(np.int64), "quantity": held.quantity})
        moved = pl.concat([before, trades.select("symbol", "quantity")])
        after = moved.group_by("symbol").agg(pl.col("quantity").sum())
        named = after.with_columns(account=pl.lit(0, pl.Int64), day=pl.lit(self._day, pl.Int64))
        cost: int | None = day_trades(weighed(trades, self._days), named)["commitment"].item()
        return cost
