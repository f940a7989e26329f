"""Pattern day traders by business date, recomputed from everything landed.

A designation stays, so the path is walked from the first trade on, through the same book as in
the live day. Accounts are valued only where a date that is asked for depends on it.
"""

from collections.abc import Iterator
from datetime import date
from functools import partial
from typing import NamedTuple, cast

import dataframely as dy
import numpy as np
import polars as pl

from margin_assets.kernels.book.book import CASH, PORTFOLIO, REG_T
from margin_assets.kernels.book.fills import history_effects
from margin_assets.kernels.book.multipliers import (
    multiplier_versions,
    traded_leverage,
    traded_multiplier,
)
from margin_assets.kernels.book.states import INDETERMINATE
from margin_assets.kernels.day_trading.day_trades import (
    day_trade_rules,
    day_trades,
    is_legacy,
    standing_trades,
    weighed,
)
from margin_assets.kernels.day_trading.pattern_book import Closing, PatternBook
from margin_assets.kernels.day_trading.pattern_rows import ACTIVITY, pattern_frame
from margin_assets.kernels.history import history
from margin_assets.kernels.history.accrued import with_accrued
from margin_assets.kernels.history.history import Booked, Landed
from margin_assets.kernels.history.moved import moved
from margin_assets.kernels.intraday.intraday import intraday_rules
from margin_assets.kernels.margin.revaluation import revalue
from margin_assets.kernels.margin.settlement import settled_book_of
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import instants, to_instants, to_scaled
from margin_assets.kernels.rules.grid import day_of, rules_at
from margin_assets.kernels.rules.timelines import BusinessDays, Calendar
from schemas.intraday import PatternDayTraders
from schemas.landed import ACCOUNT_TYPES

_TRANSFERS = ("deposit", "withdrawal")
_SOME_DAYS = 30
"""Calendar days that no special call is open for, weekends and holidays included."""


class _Firm(NamedTuple):
    landed: Landed
    booked: Booked
    calendar: Calendar
    names: pl.Series
    """Accounts, sorted; an account's place is its place here."""


def pattern_day_traders_at(
    landed: Landed, booked: Booked, closes: pl.DataFrame, calendar: Calendar
) -> dy.DataFrame[PatternDayTraders]:
    """Day trading under the rule before intraday margin, as of the end of each business date."""
    firm, days = _Firm(landed, booked, calendar, _names(booked)), calendar.days
    wanted = np.searchsorted(days.days, closes["business_date"].to_physical())
    found = [book.past.filter(pl.col("day") == day) for day, book in _walk(firm, set(wanted))]
    rows = pl.concat([PatternBook(days).past, *found])
    frame = pattern_frame(rows, days, firm.names.to_list())
    index = np.searchsorted(days.days, frame["business_date"].to_physical())
    return cast(
        "dy.DataFrame[PatternDayTraders]", frame.with_columns(as_of=to_instants(days.ends[index]))
    )


def _names(booked: Booked) -> pl.Series:
    frames = (booked.fills, booked.movements, booked.accounts, booked.opening_balances)
    return pl.concat([frame["account_id"] for frame in frames]).unique().sort()


def _walk(firm: _Firm, wanted: set[int]) -> Iterator[tuple[int, PatternBook]]:
    """The book just after the end of each wanted day."""
    days, last = firm.calendar.days, max(wanted)
    activity, deposits = _by_day(_activity(firm, last)), _by_day(_deposits(firm))
    book, kinds = PatternBook(days), _Kinds(firm)
    for day in range(min(activity, default=last + 1), last + 1):
        if book.is_idle and day not in activity:
            continue
        if book.day != day:
            book.begin(day)
        if day in deposits:
            book.pay(deposits[day]["account"].to_numpy(), deposits[day]["cents"].to_numpy())
        if day in activity:
            book.trade(activity[day]["account"].to_numpy(), activity[day])
        kinds.pass_to(int(days.ends[day]))
        legacy = partial(kinds.legacy, on=days.date_of(day))
        book.end_day(legacy, partial(_closing_of, firm, day, wanted))
        if day in wanted:
            yield day, book


def _closing_of(
    firm: _Firm, day: int, wanted: set[int], places: Int64Array, is_designated: BoolArray
) -> Closing:
    """Figures of accounts at the end of a day that a row of a wanted day may depend on.

    Itself; of designated accounts also the day after, and special calls not settled by then.
    """
    days, first = firm.calendar.days, min(wanted)
    reach = day_trade_rules(days.date_of(first)).restricted_days + _SOME_DAYS
    is_near = bool(days.days[first] - days.days[day] <= reach)
    is_asked = is_designated & is_near if day not in wanted else np.ones_like(is_designated)
    nothing = np.zeros(len(places), dtype=np.int64)
    found = Closing(nothing, nothing.copy(), np.zeros_like(is_designated))
    if is_asked.any():
        valued = _valued(firm, int(days.ends[day]), places[is_asked])
        for mine, theirs in zip(found, valued, strict=True):
            mine[is_asked] = theirs
    return found


def _by_day(rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
    parts = rows.partition_by("day", as_dict=True, maintain_order=True)
    return {int(str(key[0])): part for key, part in parts.items()}


def _placed(rows: pl.DataFrame, names: pl.Series) -> pl.Series:
    return names.search_sorted(rows["account_id"]).cast(pl.Int64).alias("account")


def _activity(firm: _Firm, last: int) -> pl.DataFrame:
    """What the trades of each day come to, up to a day."""
    days, names = firm.calendar.days, firm.names
    found = history_effects(firm.landed.fills)
    effects = found.filter(pl.col("point") <= int(days.ends[last]))
    effects = effects.with_columns(_placed(effects, names))
    trades = standing_trades(effects, days)
    if trades.is_empty():
        return pl.DataFrame(schema=ACTIVITY)
    path = moved(firm.landed, firm.calendar)
    path = path.with_columns(_placed(path, names))
    return day_trades(weighed(_sized(trades, firm), days), _held(trades, path, days))


def _sized(trades: pl.DataFrame, firm: _Firm) -> pl.DataFrame:
    """Trades with multiplier (null where none was known when the day ended) and leverage."""
    instruments, ends = firm.landed.instruments, firm.calendar.days.ends
    versions = multiplier_versions(instruments, instants(instruments["event_time"]))
    first = versions.group_by("symbol").agg(known_from=pl.col("point").min())
    return (
        trades.with_columns(
            multiplier=pl.Series(traded_multiplier(trades, versions), dtype=pl.Int64),
            leverage=pl.Series(traded_leverage(trades, versions), dtype=pl.Int64),
            ends=pl.Series(ends[trades["day"].to_numpy()], dtype=pl.Int64),
        )
        .join(first, on="symbol", how="left", maintain_order="left", validate="m:1")
        .with_columns(multiplier=pl.when(pl.col("known_from") <= pl.col("ends")).then("multiplier"))
    )


def _held(trades: pl.DataFrame, effects: pl.DataFrame, days: BusinessDays) -> pl.DataFrame:
    """What is held at the end of each day of the securities traded on it."""
    pairs = trades.select("account", "day", "symbol").unique(maintain_order=True)
    at = pl.Series(days.ends[pairs["day"].to_numpy()], dtype=pl.Int64)
    path = effects.select(
        "account",
        "symbol",
        "point",
        quantity=pl.col("quantity").cum_sum().over("account", "symbol"),
    )
    ordered = pairs.with_columns(point=at).sort("point")
    return ordered.join_asof(
        path, on="point", by=["account", "symbol"], check_sortedness=False
    ).drop("point")


def _deposits(firm: _Firm) -> pl.DataFrame:
    """Deposits less withdrawals of each account and business day."""
    moved = firm.booked.movements.filter(pl.col("kind").is_in(_TRANSFERS))
    day = np.searchsorted(firm.calendar.days.ends, instants(moved["event_time"]))
    return (
        moved.select(
            _placed(moved, firm.names),
            day=pl.Series(day, dtype=pl.Int64),
            cents=pl.Series(to_scaled(moved["amount"]), dtype=pl.Int64),
        )
        .group_by("account", "day")
        .agg(pl.col("cents").sum())
        .sort("account", "day")
    )


class _Kinds:
    """What each account is, as time passes; without a row of its own one of margin."""

    def __init__(self, firm: _Firm) -> None:
        rows = firm.booked.accounts.sort("event_time", maintain_order=True)
        self._place = _placed(rows, firm.names).to_numpy()
        self._time = instants(rows["event_time"])
        codes = dict(zip(ACCOUNT_TYPES, (CASH, REG_T, PORTFOLIO), strict=True))
        self._code = rows["account_type"].replace_strict(codes, return_dtype=pl.Int8).to_numpy()
        self._from = rows["intraday_margin_from"].cast(pl.Int32).fill_null(-1).to_numpy()
        self._taken = 0
        self._kind = np.full(len(firm.names), REG_T, dtype=np.int8)
        self._chosen = np.full(len(firm.names), -1, dtype=np.int64)

    def pass_to(self, at: int) -> None:
        """Takes the versions up to an instant; of one account the last stands."""
        rows = slice(self._taken, int(np.searchsorted(self._time, at, side="right")))
        self._kind[self._place[rows]] = self._code[rows]
        self._chosen[self._place[rows]] = self._from[rows]
        self._taken = rows.stop

    def legacy(self, places: Int64Array, on: date) -> BoolArray:
        """Which accounts the rule applies to on a business day."""
        day = (on - date(1970, 1, 1)).days
        return is_legacy(self._kind[places], self._chosen[places], day, intraday_rules(on))


def _valued(firm: _Firm, at: int, places: Int64Array) -> Closing:
    """Figures of accounts at an instant, from their own rows alone."""
    whose = pl.col("account_id").is_in(firm.names.gather(places).implode())
    fills = firm.landed.fills.filter(whose)
    movements, kinds = firm.booked.movements.filter(whose), firm.booked.accounts.filter(whose)
    day = pl.DataFrame({"business_date": [day_of(at)], "as_of": [at]})
    positions = history.positions_at(firm.landed, day, firm.calendar.times, fills).drop(
        "business_date"
    )
    mine = firm.booked.opening_balances.filter(whose)
    settled = firm.booked.settlements.filter(whose)
    booked = firm.booked._replace(
        fills=fills,
        movements=movements,
        accounts=kinds,
        opening_balances=mine,
        settlements=settled,
    )
    state = history.account_state_at(booked, day, firm.calendar.times)
    accounts = with_accrued(state, booked.accrued_dividends).drop("business_date")
    # The end of a day may be the first instant of the next one in UTC.
    rules = rules_at(at - 1)
    figures = revalue(*settled_book_of(positions, accounts, rules), rules)
    row = accounts["account_id"].search_sorted(firm.names.gather(places)).to_numpy()
    is_known = figures.states[row] & INDETERMINATE == 0
    return Closing(figures.reg_t_equity[row], figures.maintenance[row], is_known)
