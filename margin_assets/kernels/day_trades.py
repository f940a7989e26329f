"""Day trades and pattern day traders: the regime before intraday margin, and during its phase-in.

Source: FINRA Rule 4210(f)(8)(B), deleted 2026-06-04; a member may apply it account by account
until the phase-in ends (Regulatory Notice 26-10).
"""

from datetime import date
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book import Int64Array
from margin_assets.kernels.day_trade_counts import Counts, Tape, at_rest, count
from margin_assets.kernels.intraday import intraday_rules, rulebook_of, switch_dates
from margin_assets.kernels.money import CENTS, PPM, bounded, instants, to_decimal
from margin_assets.kernels.timelines import BusinessDays, date_series
from margin_assets.rulebooks import in_force

_MOST = 10**18  # cents: four times it still fits
_ACCOUNT = ["account_id", "business_date"]
_COLUMNS = (
    "day_trades",
    "trades",
    "window_day_trades",
    "window_trades",
    "is_pattern_day_trader",
    "pattern_since",
    "is_determinate",
    "minimum_equity_shortfall",
    "buying_power",
    "commitment",
    "special_call",
    "special_call_due",
)


class DayTradeRules(NamedTuple):
    """Numbers of the pattern day trader rule; money in cents, the share in ppm."""

    day_trades: int
    in_business_days: int
    share: int
    minimum_equity: int
    multiple: int
    call_after: int


@cache
def day_trade_rules(on: date) -> DayTradeRules:
    """Numbers of the day-trading rulebook in force on a day, or last in force before it."""
    version = rulebook_of("pattern_day_trader", on)
    numbers = in_force("intraday", version).numbers["pattern_day_trader"]
    return DayTradeRules(
        day_trades=int(numbers["day_trades"]),
        in_business_days=int(numbers["in_business_days"]),
        share=round(numbers["more_than_share_of_trades"] * PPM),
        minimum_equity=round(numbers["minimum_equity_usd"] * CENTS),
        multiple=int(numbers["buying_power_multiple"]),
        call_after=int(numbers["special_call_business_days"]),
    )


def day_trades(fills: pl.DataFrame, held: pl.DataFrame, days: BusinessDays) -> pl.DataFrame:
    """Day trades, trades and day-trading commitment of each account and business day with fills.

    `fills` are those that stand; `held` the positions (`account_id`, `symbol`, `quantity`) before
    the first of them. Counted by changes of direction (Regulatory Notice 21-13, interpretation
    /02 of (f)(8)(B)(ii)): fills of one security in one direction in a row are one trade, and
    those that close what was opened that day are one day trade, however many they are. Today's
    openings are closed before what was held overnight, so a sale before any purchase of the day
    is none. The commitment is the largest cost (USD) of what was opened that day and still open.

    Raises:
        ValueError: If a fill or a position lacks a value.
    """
    _refuse_missing(fills)
    _refuse_missing(held)
    taken = _dated(fills, days)
    groups = taken.select(_ACCOUNT).unique(maintain_order=True)
    pairs = taken.select("account_id", "symbol").unique(maintain_order=True)
    before = pairs.join(
        held, on=["account_id", "symbol"], how="left", validate="1:1", maintain_order="left"
    )
    tape = Tape(
        group=_places(taken, groups),
        pair=_places(taken, pairs),
        quantity=bounded(taken["quantity"], _MOST),
        price=bounded(taken["price"], _MOST),
    )
    counts = Counts(*(np.zeros(groups.height, dtype=np.int64) for _ in Counts._fields))
    count(tape, at_rest(bounded(before["quantity"], _MOST), taken.height), counts)
    return groups.with_columns(
        day_trades=pl.Series(counts.day_trades),
        trades=pl.Series(counts.trades),
        commitment=to_decimal(counts.commitment, 2),
    ).sort(_ACCOUNT)


def pattern_day_traders(
    activity: pl.DataFrame, accounts: pl.DataFrame, days: BusinessDays, rules: DayTradeRules
) -> pl.DataFrame:
    """Where each account of the legacy regime stands at the end of each business day.

    `activity` is what `day_trades` returns; `accounts` has one row an account and business day,
    margin accounts only: `equity` and `maintenance_requirement` at the close (USD),
    `intraday_margin_from` (null: from the day that rule takes effect) and `pattern_since`
    (designated before these rows; null if not). Days under intraday margin have no row. What an
    account was at the start of the day decides its minimum equity, buying power and special
    call; where the business day before has no row they are null and `is_determinate` is false.
    A designation stays.

    Raises:
        ValueError: If an account traded on a day it has no row for, or an amount is missing.
    """
    _refuse_missing(accounts.select(*_ACCOUNT, "equity", "maintenance_requirement"))
    if activity.join(accounts, on=_ACCOUNT, how="anti").height:
        msg = "an account traded on a day that it has no row for"
        raise ValueError(msg)
    rows = _with_designations(_with_windows(activity, accounts, days, rules), rules)
    switch = switch_dates(rows["intraday_margin_from"], intraday_rules(date.max))
    legacy = rows.with_columns(_amounts(rows, days, rules)).filter(pl.col("business_date") < switch)
    return legacy.select(*_ACCOUNT, *_COLUMNS)


def _refuse_missing(frame: pl.DataFrame) -> None:
    missing = [name for name in frame.columns if frame[name].has_nulls()]
    if missing:
        msg = f"missing values in {', '.join(missing)}"
        raise ValueError(msg)


def _dated(fills: pl.DataFrame, days: BusinessDays) -> pl.DataFrame:
    """Fills by account and time, each with its business day."""
    taken = fills.filter(pl.col("quantity") != 0).sort("account_id", "event_time", "fill_id")
    index = np.searchsorted(days.ends, instants(taken["event_time"])).astype(np.int64)
    return taken.with_columns(business_date=date_series(days, index))


def _places(rows: pl.DataFrame, keys: pl.DataFrame) -> Int64Array:
    """Place of each row's key among the keys."""
    numbered = keys.with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64))
    joined = rows.select(keys.columns).join(
        numbered, on=keys.columns, how="left", validate="m:1", maintain_order="left"
    )
    return joined["place"].to_numpy().astype(np.int64)


def _with_windows(
    activity: pl.DataFrame, accounts: pl.DataFrame, days: BusinessDays, rules: DayTradeRules
) -> pl.DataFrame:
    """Counts of the day and of the business days that end with it."""
    counted = activity.select(*_ACCOUNT, "day_trades", "trades", "commitment")
    rows = accounts.join(counted, on=_ACCOUNT, how="left", validate="1:1").with_columns(
        pl.col("day_trades", "trades", "commitment").fill_null(0)
    )
    index = np.searchsorted(days.days, rows["business_date"].to_physical().to_numpy())
    rows = rows.with_columns(day=pl.Series(index, dtype=pl.Int64)).sort("account_id", "day")
    if (days.days[rows["day"].to_numpy()] != rows["business_date"].to_physical().to_numpy()).any():
        msg = "a business date is not among the business days"
        raise ValueError(msg)
    window = rows.rolling("day", period=f"{rules.in_business_days}i", group_by="account_id").agg(
        window_day_trades=pl.col("day_trades").sum(), window_trades=pl.col("trades").sum()
    )
    return rows.join(window, on=["account_id", "day"], how="left", validate="1:1").sort(
        "account_id", "day"
    )


def _with_designations(rows: pl.DataFrame, rules: DayTradeRules) -> pl.DataFrame:
    """Since when each account has been a pattern day trader, by the end of each day."""
    is_many = pl.col("window_day_trades") >= rules.day_trades
    is_much = pl.col("window_day_trades") * PPM > pl.col("window_trades") * rules.share
    found = pl.when(is_many & is_much).then("business_date")
    since = pl.min_horizontal("pattern_since", found).cum_min().forward_fill().over("account_id")
    return rows.with_columns(pattern_since=since).with_columns(
        is_pattern_day_trader=pl.col("pattern_since").is_not_null()
    )


def _amounts(rows: pl.DataFrame, days: BusinessDays, rules: DayTradeRules) -> list[pl.Series]:
    """What is asked of those who were pattern day traders at the start of the day."""
    before = rows.select(
        pl.col("equity", "maintenance_requirement").shift(1).over("account_id"),
        was=(pl.col("pattern_since") < pl.col("business_date")).fill_null(value=False),
        is_next=(pl.col("day").diff().over("account_id") == 1).fill_null(value=False),
    )
    was, is_next = before["was"].to_numpy(), before["is_next"].to_numpy()
    equity = bounded(before["equity"], _MOST)
    excess = equity - bounded(before["maintenance_requirement"], _MOST)
    power = rules.multiple * np.maximum(excess, 0)
    over = np.maximum(bounded(rows["commitment"], _MOST) - power, 0)
    call = -(-over // rules.multiple)
    due = date_series(days, np.where(call > 0, rows["day"].to_numpy() + rules.call_after, -1))
    figures = {
        "minimum_equity_shortfall": to_decimal(np.maximum(rules.minimum_equity - equity, 0), 2),
        "buying_power": to_decimal(power, 2),
        "special_call": to_decimal(call, 2),
        "special_call_due": due,
    }
    is_asked = pl.Series(was & is_next)
    shown = [pl.when(is_asked).then(series).alias(name) for name, series in figures.items()]
    return [pl.Series("is_determinate", ~was | is_next), *pl.select(shown).get_columns()]
