"""Special memorandum accounts at past closes, recomputed from everything landed.

The balance depends on every close before, so the path is walked from the first transaction on,
through the same book as in the live day.
"""

from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels import history
from margin_assets.kernels.book import Int64Array
from margin_assets.kernels.expiry import SessionTimes
from margin_assets.kernels.figures import Figures
from margin_assets.kernels.history import Booked, Landed, day_of
from margin_assets.kernels.intraday import BoolArray
from margin_assets.kernels.money import to_instants
from margin_assets.kernels.reg_t_book import RegTBook
from margin_assets.kernels.revaluation import revalue
from margin_assets.kernels.rules import rules_in_force
from margin_assets.kernels.settlement import settled_book_of
from margin_assets.kernels.sma import Standing, standing
from margin_assets.kernels.sma_frames import memorandum_frame
from margin_assets.kernels.sma_past import past_entries
from margin_assets.kernels.terms import latest
from margin_assets.kernels.timelines import BusinessDays


class Calendar(NamedTuple):
    """Sessions, as microseconds and as business days."""

    opens: Int64Array
    closes: Int64Array
    days: BusinessDays

    @property
    def times(self) -> SessionTimes:
        """Openings and closings of the sessions."""
        return SessionTimes(self.opens, self.closes)


class _Walk(NamedTuple):
    """What the walk reads at each close."""

    landed: Landed
    booked: Booked
    calendar: Calendar
    names: pl.Series


def memoranda_at(
    landed: Landed, booked: Booked, closes: pl.DataFrame, calendar: Calendar
) -> pl.DataFrame:
    """SMA of every margin account at each business date's close (`as_of`, microseconds)."""
    wanted = dict(closes.select("as_of", "business_date").iter_rows())
    walk = _Walk(landed, booked, calendar, _names(booked))
    entries = past_entries(landed, booked, calendar.times, (walk.names, max(wanted)))
    book, found, taken = RegTBook(calendar.days), [], -1
    book.grow(len(walk.names))
    for close, end in _days(calendar, [*entries["point"].head(1), *wanted]):
        _enter(book, entries, taken, close)
        now = _at(walk, close)
        everyone = np.arange(len(walk.names), dtype=np.int64)
        book.credit(close, everyone, now.standing, now.is_margin)
        if close in wanted:
            date = pl.lit(wanted[close], pl.Date).alias("business_date")
            found.append(_shown(book, walk, now, close).select(date, pl.all()))
        _enter(book, entries, close, end)
        book.end_day(end, _is_margin(walk, end))
        taken = end
    return pl.concat(found)


def _days(calendar: Calendar, instants: list[int]) -> list[tuple[int, int]]:
    """Close and end of every business day that instants lie between."""
    first, last = np.searchsorted(calendar.days.ends, [min(instants), max(instants)])
    span = slice(int(first), int(last) + 1)
    return list(zip(calendar.closes[span].tolist(), calendar.days.ends[span].tolist(), strict=True))


def _enter(book: RegTBook, entries: pl.DataFrame, after: int, until: int) -> None:
    """Enters what counts in a stretch of time: of others than margin accounts what meets calls."""
    taken = entries.filter((pl.col("point") > after) & (pl.col("point") <= until))
    is_owed = pl.Series(book.owed[taken["place"].to_numpy()] > 0, dtype=pl.Boolean)
    book.enter(taken.filter(taken["is_margin"] | is_owed))


class _Now(NamedTuple):
    standing: Standing
    is_margin: BoolArray
    is_there: BoolArray
    """Accounts that had landed by then."""


def _names(booked: Booked) -> pl.Series:
    frames = (booked.fills, booked.movements, booked.accounts)
    return pl.concat([frame["account_id"] for frame in frames]).unique().sort()


def _at(walk: _Walk, close: int) -> _Now:
    """Standing of all accounts at a close; of those not there yet, nothing."""
    day = pl.DataFrame({"business_date": [day_of(close)], "as_of": [close]})
    positions = history.positions_at(walk.landed, day, walk.calendar.times).drop("business_date")
    accounts = history.account_state_at(walk.booked, day).drop("business_date")
    rules = rules_in_force(day_of(close))
    book, series = settled_book_of(positions, accounts, rules)
    figures: Figures = revalue(book, series, rules)
    everyone = np.arange(accounts.height, dtype=np.int64)
    place = walk.names.search_sorted(accounts["account_id"]).to_numpy()
    now = standing(book, series, rules, figures, everyone)
    is_there = np.zeros(len(walk.names), dtype=np.bool_)
    is_there[place] = True
    is_margin = np.zeros(len(walk.names), dtype=np.bool_)
    is_margin[place] = (accounts["account_type"] == "reg_t").to_numpy()
    return _Now(Standing._make(_spread(c, place, len(is_there)) for c in now), is_margin, is_there)


def _spread(column: np.ndarray, place: np.ndarray, count: int) -> np.ndarray:
    wide = np.zeros(count, dtype=column.dtype)
    wide[place] = column
    return wide


def _is_margin(walk: _Walk, at: int) -> BoolArray:
    """Which accounts are margin accounts at an instant; what has no row is taken for one."""
    kinds = latest(walk.booked.accounts, "account_id", at)
    others = kinds.filter(pl.col("account_type") != "reg_t")["account_id"]
    return ~walk.names.is_in(others.implode()).to_numpy()


def _shown(book: RegTBook, walk: _Walk, now: _Now, close: int) -> pl.DataFrame:
    is_asked = book.has_row(now.is_margin)
    places = np.flatnonzero(now.is_there & is_asked).astype(np.int64)
    chosen = Standing._make(column[places] for column in now.standing)
    rules = rules_in_force(day_of(close))
    frame = memorandum_frame(book, walk.names.to_list(), places, chosen, rules)
    as_of = to_instants(np.full(frame.height, close, dtype=np.int64))
    return frame.with_columns(as_of=as_of)
