"""What the pattern day trader rule asks of accounts on a business day: the rows of its table.

Source: FINRA Rule 4210(f)(8)(B)(ii) to (iv). Days are indices of business days, money is cents.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl

from margin_assets.kernels.day_trading.day_trade_counts import MOST
from margin_assets.kernels.day_trading.day_trades import DayTradeRules
from margin_assets.kernels.intraday.intraday import rulebook_of
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import PPM, bounded, to_decimal, whole
from margin_assets.kernels.rules.timelines import BusinessDays, date_series
from schemas import empty

OPEN, MET, UNMET = "open", "met", "unmet"
ACTIVITY = {name: pl.Int64() for name in ("account", "day", "day_trades", "trades", "commitment")}
"""What `day_trades` gives; a commitment may be null."""
BEFORE = {
    name: pl.Int64()
    for name in (
        "account",
        "earlier_day_trades",
        "earlier_trades",
        "pattern_since",
        "cash_only_until",
        "equity_before",
        "maintenance_before",
    )
}
"""What an account brings into a day: counts of the days that its window still holds, the day of
its designation, how long it is restricted to cash (days since 1970), and its last figures."""
_DATES = ("day", "pattern_since", "special_call_due")
_AMOUNTS = (
    "minimum_equity_shortfall",
    "buying_power",
    "commitment",
    "special_call",
    "special_call_paid",
    "equity",
    "maintenance_requirement",
)
ROWS: dict[str, pl.DataType] = {
    **dict.fromkeys(("account", "day", "day_trades", "trades"), pl.Int64()),
    **dict.fromkeys(("window_day_trades", "window_trades", "pattern_since"), pl.Int64()),
    **dict.fromkeys((*_AMOUNTS, "special_call_due", "cash_only_until"), pl.Int64()),
    "special_call_status": pl.String(),
    "is_determinate": pl.Boolean(),
}


def day_rows(
    activity: pl.DataFrame, before: pl.DataFrame, day: int, rules: DayTradeRules
) -> pl.DataFrame:
    """Rows of a day, by account: of those who traded on it or were designated before it.

    What an account was at the start of the day decides its minimum equity, buying power and
    special call. Where its figures at the end of the day before are not known, or the size of a
    fill is not, these are null and it is not determinate. A designation stays.
    """
    if activity.is_empty() and before.is_empty():
        return pl.DataFrame(schema=ROWS)
    quiet = before.filter(pl.col("pattern_since").is_not_null()).join(
        activity, on="account", how="anti"
    )
    nothing = quiet.select("account", **dict.fromkeys(("day_trades", "trades", "commitment"), _0))
    traded = activity.select("account", "day_trades", "trades", "commitment")
    rows = pl.concat([traded, nothing]).join(before, on="account", how="left", validate="1:1")
    return (
        rows.with_columns(
            day=pl.lit(day, pl.Int64),
            window_day_trades=pl.col("day_trades") + pl.col("earlier_day_trades").fill_null(0),
            window_trades=pl.col("trades") + pl.col("earlier_trades").fill_null(0),
        )
        .with_columns(pattern_since=_designated(rules), **_asked(rules))
        .with_columns(_called(rules))
        .with_columns(**_outcome(day, rules))
        .select(pl.col(name).cast(dtype) for name, dtype in ROWS.items())
        .sort("account")
    )


_0 = pl.lit(0, pl.Int64)


def _designated(rules: DayTradeRules) -> pl.Expr:
    """Day of the designation, by the end of the day; null if there is none."""
    is_many = pl.col("window_day_trades") >= rules.day_trades
    is_much = pl.col("window_day_trades") * PPM > pl.col("window_trades") * rules.share
    return pl.coalesce("pattern_since", pl.when(is_many & is_much).then("day"))


def _asked(rules: DayTradeRules) -> dict[str, pl.Expr]:
    """What is asked of those who were designated at the start of the day."""
    was = pl.col("pattern_since").is_not_null()
    equity = pl.when(was).then("equity_before")
    power = rules.multiple * (equity - pl.col("maintenance_before")).clip(lower_bound=0)
    is_known = equity.is_not_null() & pl.col("commitment").is_not_null()
    return {
        "minimum_equity_shortfall": (rules.minimum_equity - equity).clip(lower_bound=0),
        "buying_power": power,
        "is_determinate": ~was | is_known,
    }


def _called(rules: DayTradeRules) -> pl.Expr:
    """A quarter of what was committed beyond the buying power, rounded up to the cent."""
    over = (pl.col("commitment") - pl.col("buying_power")).clip(lower_bound=0)
    return (-((-over) // rules.multiple)).alias("special_call")


def _outcome(day: int, rules: DayTradeRules) -> dict[str, pl.Expr | None]:
    is_called = pl.when(pl.col("special_call") > 0)
    nothing = pl.lit(None, pl.Int64)
    return {
        "special_call_due": is_called.then(pl.lit(day + rules.call_after, pl.Int64)),
        "special_call_paid": is_called.then(_0),
        "special_call_status": is_called.then(pl.lit(OPEN)),
        "equity": nothing,
        "maintenance_requirement": nothing,
    }


def settled(rows: pl.DataFrame, day: int) -> pl.DataFrame:
    """Rows of earlier days with their calls decided at the end of a day.

    A call is met when deposits less withdrawals since the end of its own day reach it, on time or
    later; unmet at the end of its last day it restricts the account until then.
    """
    status, is_paid = pl.col("special_call_status"), pl.col("special_call_paid") >= pl.col(_CALL)
    is_late = (status == OPEN) & (pl.col("special_call_due") <= day)
    found = (
        pl.when(status.is_in([OPEN, UNMET]) & is_paid)
        .then(pl.lit(MET))
        .when(is_late)
        .then(pl.lit(UNMET))
        .otherwise(status)
    )
    return rows.with_columns(special_call_status=found)


_CALL = "special_call"


def restricted_until(days: BusinessDays, rules: DayTradeRules) -> pl.Expr:
    """Last day (since 1970) of the restriction to cash of a call unmet; null of all others."""
    due = pl.col("special_call_due").replace_strict(
        np.arange(len(days.days)), days.days, default=None, return_dtype=pl.Int64
    )
    return pl.when(pl.col("special_call_status") == UNMET).then(due + rules.restricted_days)


def pattern_frame(rows: pl.DataFrame, days: BusinessDays, names: Sequence[str]) -> pl.DataFrame:
    """Rows as `pattern_day_traders`, by account and day; without `as_of` and cycle."""
    if not rows.height:
        return empty("pattern_day_traders")
    places = rows["account"].to_list()
    dates = {name: date_series(days, _or_none(rows[name])) for name in _DATES}
    amounts = {name: _usd(rows[name]) for name in _AMOUNTS}
    counts = ("day_trades", "trades", "window_day_trades", "window_trades")
    frame = rows.select(
        *counts,
        "special_call_status",
        "is_determinate",
        pl.col("cash_only_until").cast(pl.Int32).cast(pl.Date),
        account_id=pl.Series([names[place] for place in places], dtype=pl.String),
    ).with_columns(**dates, **amounts)
    return (
        frame.rename({"day": "business_date"})
        .with_columns(
            is_pattern_day_trader=pl.col("pattern_since").is_not_null(),
            rulebook=_rulebooks(dates["day"]),
        )
        .sort("account_id", "business_date")
    )


def rows_of(
    saved: pl.DataFrame, days: BusinessDays, place: Callable[[pl.Series], Int64Array]
) -> pl.DataFrame:
    """Rows of a saved `pattern_day_traders`; the names in it must have their places."""
    if not saved.height:
        return pl.DataFrame(schema=ROWS)
    found: dict[str, Any] = {name: _cents(saved[name]) for name in _AMOUNTS}
    dates = saved.rename({"business_date": "day"})
    found |= {name: _indices(dates[name], days) for name in _DATES}
    found["cash_only_until"] = saved["cash_only_until"].cast(pl.Int32).cast(pl.Int64)
    found["account"] = pl.Series(place(saved["account_id"]), dtype=pl.Int64)
    return saved.with_columns(**found).select(
        pl.col(name).cast(dtype) for name, dtype in ROWS.items()
    )


def _or_none(series: pl.Series) -> Int64Array:
    return whole(series, -1)


def _usd(series: pl.Series) -> pl.Series:
    return to_decimal(whole(series, 0), 2, series.is_null().to_numpy())


def _cents(series: pl.Series) -> pl.Series:
    return pl.Series(bounded(series, MOST)).set(series.is_null(), None)


def _indices(dates: pl.Series, days: BusinessDays) -> pl.Series:
    index = np.searchsorted(days.days, whole(dates, 0))
    return pl.Series(index, dtype=pl.Int64).set(dates.is_null(), None)


def _rulebooks(days: pl.Series) -> pl.Series:
    found = {day: rulebook_of("pattern_day_trader", day) for day in days.unique()}
    return days.replace_strict(list(found), list(found.values()), return_dtype=pl.Date)
