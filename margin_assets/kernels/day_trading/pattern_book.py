"""The pattern day trader's book: the business days of accounts that their rule still needs.

Moved on by what a day's trades come to, by deposits, and by the ends of business days. It serves
the live day and the history by date alike.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.day_trading.day_trade_counts import MOST
from margin_assets.kernels.day_trading.day_trades import DayTradeRules, day_trade_rules
from margin_assets.kernels.day_trading.pattern_rows import (
    ACTIVITY,
    BEFORE,
    OPEN,
    ROWS,
    UNMET,
    day_rows,
    restricted_until,
    settled,
)
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.rules.instants import UNSET
from margin_assets.kernels.rules.timelines import BusinessDays


class Closing(NamedTuple):
    """Figures of accounts at the end of a business day, cents."""

    equity: Int64Array
    maintenance: Int64Array
    is_known: BoolArray


ClosingOf = Callable[[Int64Array, BoolArray], Closing]
"""Of accounts by place, and whether each is designated: what is asked of it depends on them."""
LegacyOf = Callable[[Int64Array], BoolArray]
"""Which of some accounts, by place, the rule applies to on the day at work."""


class PatternBook:
    """Rows of past business days, and what accounts did on the one at work (`day`)."""

    def __init__(self, days: BusinessDays) -> None:
        self.days = days
        self.day = UNSET
        self.past = pl.DataFrame(schema=ROWS)
        """Rows of days that ended: the window's, and those whose call is not settled."""
        self._activity = pl.DataFrame(schema=ACTIVITY)
        self._before = pl.DataFrame(schema=BEFORE)

    @property
    def is_idle(self) -> bool:
        """Whether ends of days have nothing to do."""
        return self.past.is_empty() and self._activity.is_empty()

    def load(self, rows: pl.DataFrame, day: int) -> None:
        """Takes rows of days before one, and begins that one."""
        self.past = rows.filter(pl.col("day") < day)
        self.begin(day)

    def begin(self, day: int) -> None:
        """Begins a business day: nobody has traded, and what has left the window is dropped."""
        self.day = day
        self._activity = self._activity.clear()
        if self.past.is_empty():
            self._before = self._before.clear()
            return
        rules, first = self._rules(), self.day - self._rules().in_business_days + 1
        until = restricted_until(self.days, rules)
        is_unmet = (pl.col("special_call_status") == UNMET) & (until >= self.days.days[day])
        is_open = (pl.col("special_call_status") == OPEN) | is_unmet
        self.past = self.past.filter((pl.col("day") >= first) | is_open)
        in_window, is_last = pl.col("day") >= first, pl.col("day") == day - 1
        self._before = self.past.group_by("account", maintain_order=True).agg(
            earlier_day_trades=pl.col("day_trades").filter(in_window).sum(),
            earlier_trades=pl.col("trades").filter(in_window).sum(),
            pattern_since=pl.col("pattern_since").min(),
            cash_only_until=until.filter(is_unmet).max(),
            equity_before=pl.col("equity").filter(is_last).first(),
            maintenance_before=pl.col("maintenance_requirement").filter(is_last).first(),
        )

    def trade(self, accounts: Int64Array, activity: pl.DataFrame) -> None:
        """Takes what trades of the day come to, in the place of what was known of accounts."""
        others = self._activity.filter(~pl.col("account").is_in(pl.Series(accounts).implode()))
        self._activity = pl.concat([others, activity.select(list(ACTIVITY))])

    def pay(self, accounts: Int64Array, cents: Int64Array) -> None:
        """Takes deposits less withdrawals: they count for the calls of earlier days."""
        is_waiting = self.past["special_call_status"].is_in([OPEN, UNMET])
        if not is_waiting.any():
            return
        paid = pl.DataFrame({"account": accounts, "cents": cents})
        sums = paid.group_by("account").agg(pl.col("cents").sum())
        net = self.past.join(sums, on="account", how="left", maintain_order="left")["cents"]
        more = self.past["special_call_paid"] + net.fill_null(0).clip(-MOST, MOST)
        now = pl.when(is_waiting).then(more.clip(-MOST, MOST)).otherwise("special_call_paid")
        self.past = self.past.with_columns(special_call_paid=now)

    def today(self, legacy: LegacyOf, of: Int64Array | None = None) -> pl.DataFrame:
        """Rows of the day at work (of some accounts)."""
        activity, before = self._activity, self._before
        if of is not None:
            chosen = pl.col("account").is_in(pl.Series(of).implode())
            activity, before = activity.filter(chosen), before.filter(chosen)
        rows = day_rows(activity, before, self.day, self._rules())
        return rows.filter(pl.Series(legacy(rows["account"].to_numpy()), dtype=pl.Boolean))

    def special_calls(self) -> pl.DataFrame:
        """Rows of past days with a special call; one unmet says until when it restricts."""
        called = self.past.filter(pl.col("special_call") > 0)
        return called.with_columns(cash_only_until=restricted_until(self.days, self._rules()))

    def end_day(self, legacy: LegacyOf, closing: ClosingOf) -> Int64Array:
        """Ends the day and begins the next; returns whose rows changed, the old ones aside.

        Of accounts that the rule does not apply to nothing is kept: who comes back begins anew.
        """
        rows = self.today(legacy)
        stays = legacy(self.past["account"].to_numpy())
        gone = self.past.filter(pl.Series(~stays, dtype=pl.Boolean))["account"]
        is_designated = rows["pattern_since"].is_not_null().to_numpy()
        ended = rows.with_columns(_figures(closing(rows["account"].to_numpy(), is_designated)))
        kept = self.past.filter(pl.Series(stays, dtype=pl.Boolean))
        self.past = pl.concat([settled(kept, self.day), ended])
        self.begin(self.day + 1)
        return np.union1d(rows["account"].to_numpy(), gone.to_numpy())

    def _rules(self) -> DayTradeRules:
        return day_trade_rules(self.days.date_of(self.day))


def _figures(found: Closing) -> list[pl.Series]:
    """Figures of the rows; what is not known, or beyond all bounds, is null."""
    is_known = found.is_known & (np.abs(found.equity) < MOST) & (found.maintenance < MOST)
    unknown = pl.Series(~is_known, dtype=pl.Boolean)
    return [
        pl.Series("equity", found.equity, dtype=pl.Int64).set(unknown, None),
        pl.Series("maintenance_requirement", found.maintenance, dtype=pl.Int64).set(unknown, None),
    ]
