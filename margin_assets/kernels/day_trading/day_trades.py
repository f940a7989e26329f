"""Day trades: the trades of a business day as they stand, and what of them is day trading.

Source: FINRA Rule 4210(f)(8)(B), deleted 2026-06-04; a member may apply it account by account
until the phase-in ends (Regulatory Notice 26-10).
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import REG_T
from margin_assets.kernels.day_trading.day_trade_counts import MOST, Counts, Tape, at_rest, count
from margin_assets.kernels.intraday.intraday import IntradayRules, rulebook_of
from margin_assets.kernels.numeric.arrays import BoolArray, Int8Array, Int64Array
from margin_assets.kernels.numeric.money import BEYOND, CENTS, MICRO, PPM
from margin_assets.kernels.rules.timelines import BusinessDays
from margin_assets.rulebooks import in_force, remembered

_DAY = ["account", "day"]
_PAIR = ["account", "day", "symbol"]


class DayTradeRules(NamedTuple):
    """Numbers of the pattern day trader rule; money in cents, the share in ppm."""

    day_trades: int
    in_business_days: int
    share: int
    minimum_equity: int
    multiple: int
    call_after: int
    restricted_days: int
    """Calendar days."""
    leveraged_long: int
    """What a day trade of a leveraged fund needs, times its leverage, in ppm of its cost; 0 while
    leverage did not count. As `leveraged_short`."""
    leveraged_long_most: int
    leveraged_short: int


@remembered
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
        restricted_days=int(numbers["cash_only_calendar_days"]),
        leveraged_long=round(numbers.get("leveraged_long", 0) * PPM),
        leveraged_long_most=round(numbers.get("leveraged_long_most", 0) * PPM),
        leveraged_short=round(numbers.get("leveraged_short", 0) * PPM),
    )


def is_legacy(
    account_type: Int8Array, chosen: Int64Array, day: int, rules: IntradayRules
) -> BoolArray:
    """Whether each account is under the rule on a business day (since 1970).

    Margin accounts until their switch to intraday margin: the day chosen for it, within the
    phase-in; the first of the phase-in where none was chosen (negative).
    """
    switch = np.where(chosen < 0, rules.first_day, chosen)
    is_before = day < np.clip(switch, rules.first_day, rules.last_switch)
    found: BoolArray = (account_type == REG_T) & is_before
    return found


def standing_trades(effects: pl.DataFrame, days: BusinessDays) -> pl.DataFrame:
    """Trades that stand of each account and business day (`day`, by its index), in order.

    A correction stands in the place of its original while the business day of the trade lasts:
    a bust takes the trade out. One that comes later leaves what was counted.
    `effects`: those of `kernels.fills` in order of application, with `account` by place.
    """
    day, now = (np.searchsorted(days.ends, effects[name]) for name in ("traded", "point"))
    versions = effects.with_columns(
        pl.col("quantity") + pl.col("undone_quantity"), day=pl.Series(day, dtype=pl.Int64)
    )
    of_its_day = versions.filter(pl.Series(now == day, dtype=pl.Boolean))
    firsts = ("account", "day", "symbol", "traded", "original_time")
    standing = of_its_day.group_by("original", maintain_order=True).agg(
        pl.col(firsts).first(), pl.col("quantity", "price").last()
    )
    return standing.filter(pl.col("quantity") != 0).sort(
        "account", "traded", "original_time", "original"
    )


def weighed(trades: pl.DataFrame, days: BusinessDays) -> pl.DataFrame:
    """Trades with the `weight` of each: what it needs, by what one without leverage needs, ppm.

    Buying power is a multiple of the excess for what needs one part in that multiple. So a fund of
    twice the daily return, which needs twice as much when bought, takes twice its cost of it.
    `trades`: with the `leverage` of each in ppm, and its business `day` by index.
    """
    distinct, place = np.unique(trades["day"].to_numpy(), return_inverse=True)
    known = [day_trade_rules(days.date_of(day)) for day in distinct.tolist()]
    multiple, long, most, short = (
        np.array([getattr(rules, name) for rules in known], dtype=np.int64)[place]
        for name in ("multiple", "leveraged_long", "leveraged_long_most", "leveraged_short")
    )
    leverage = np.abs(trades["leverage"].to_numpy())
    needs = np.where(
        trades["quantity"].to_numpy() > 0,
        np.minimum(long * leverage // PPM, most),
        short * leverage // PPM,
    )
    weight = np.where((leverage == PPM) | (long == 0), PPM, multiple * needs)
    return trades.with_columns(weight=pl.Series(weight, dtype=pl.Int64))


def day_trades(trades: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    """Day trades, trades and day-trading commitment of each account and business day.

    `trades` stand and are in order; quantities in micro-units, prices in micro-dollars, each with
    the `multiplier` it was traded in (micro-units a contract; null where that is not known).
    `weight`: as `weighed` gives it.
    `held`: quantity of each account, day and symbol with the last of them taken.

    Counted by changes of direction (Regulatory Notice 21-13, interpretation /02 of
    (f)(8)(B)(ii)): fills of one security in one direction in a row are one trade, and those that
    close what was opened that day are one day trade, however many they are. Today's openings are
    closed before what was held overnight, so a sale before any purchase of the day is none. The
    commitment is the largest cost (cents, by the weights) of what was opened that day and still
    open; null where a multiplier is not known.
    """
    groups = trades.group_by(_DAY, maintain_order=True).agg(
        is_sized=pl.col("multiplier").is_not_null().all()
    )
    pairs = trades.group_by(_PAIR, maintain_order=True).agg(traded=pl.col("quantity").sum())
    after = pairs.join(held, on=_PAIR, how="left", validate="1:1", maintain_order="left")
    tape = Tape(
        group=_places(trades, groups.select(_DAY)),
        pair=_places(trades, pairs.select(_PAIR)),
        quantity=trades["quantity"].to_numpy(),
        price=trades["price"].to_numpy(),
        multiplier=trades["multiplier"].fill_null(MICRO).to_numpy(),
        weight=trades["weight"].to_numpy(),
    )
    before = after["quantity"].fill_null(0).clip(-BEYOND, BEYOND) - after["traded"]
    counts = Counts(*(np.zeros(groups.height, dtype=np.int64) for _ in Counts._fields))
    count(tape, at_rest(before.to_numpy(), trades.height), counts)
    is_known = pl.col("is_sized") & (pl.Series(counts.commitment) < MOST)
    return groups.select(
        *_DAY,
        day_trades=pl.Series(counts.day_trades),
        trades=pl.Series(counts.trades),
        commitment=pl.when(is_known).then(pl.Series(counts.commitment)),
    )


def _places(rows: pl.DataFrame, keys: pl.DataFrame) -> Int64Array:
    """Place of each row's key among the keys."""
    numbered = keys.with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64))
    joined = rows.select(keys.columns).join(
        numbered, on=keys.columns, how="left", validate="m:1", maintain_order="left"
    )
    return joined["place"].to_numpy()
