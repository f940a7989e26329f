"""Holidays of venues and currencies, and venues that take securities, as a book names them.

A calendar is one of the table `holiday`, or an exchange's by its code in `exchange_calendars`.
"""

from collections.abc import Iterator
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from margin_assets.avalanche.book.reading import LINE, Tables
from margin_assets.avalanche.book.settings import BookSettings
from margin_assets.kernels.numeric.arrays import BoolArray

_AFTER = 10
"""Business days after the run in which calls of its last day may still fall due."""
_ALL = "*"
_NAMING = ("venue", "cash_balance")


def calendar_faults(tables: Tables, settings: BookSettings) -> Iterator[str]:
    """Calendars that nobody knows, and holidays without a day 0."""
    dated = tables["holiday"].height and settings.as_of is None
    if dated:
        yield "settings: holiday has dates, so `as_of` must say which day is day 0"
    own = set(tables["holiday"]["calendar_id"])
    for table in _NAMING:
        for line, name in _named(tables, table):
            if settings.as_of is not None and name not in own | _exchanges():
                yield (
                    f"{table} line {line}, column holiday_calendar: {name!r} is neither in holiday "
                    "nor the code of an exchange's calendar"
                )


def calendar_warnings(tables: Tables, settings: BookSettings) -> list[str]:
    """What is said where no day of the run has a date."""
    if settings.as_of is not None or not any(_named(tables, table) for table in _NAMING):
        return []
    return ["settings: without `as_of` no day has a date, and no holiday is kept"]


def venue_faults(tables: Tables, _: BookSettings) -> Iterator[str]:
    """Venues that are to take securities and are not there."""
    known = {*tables["venue"]["venue_id"], _ALL}
    rows = tables["collateral_holding"].select(LINE, "eligible_venues").rows()
    for line, text in rows:
        for name in _venues(text):
            if name not in known:
                yield (
                    f"collateral_holding line {line}, column eligible_venues: "
                    f"{name!r} is not in venue"
                )


def closed_at(tables: Tables, calendars: pl.Series, settings: BookSettings) -> BoolArray:
    """[row, business day]: whether the row's calendar has a holiday."""
    count = settings.days + _AFTER
    found = np.zeros((len(calendars), count), np.bool_)
    if settings.as_of is None:
        return found
    first = np.busday_offset(settings.as_of, 0, roll="forward")
    days = tuple(np.busday_offset(first, np.arange(count)).astype(object).tolist())
    own = tables["holiday"]
    for row, name in enumerate(calendars):
        if not name:
            continue
        held = set(own.filter(pl.col("calendar_id") == name)["date"])
        closed = held if held else set(_holidays(name, days))
        found[row] = [day in closed for day in days]
    return found


def posted_at(tables: Tables) -> BoolArray:
    """[asset, venue]: whether the venue takes the asset for initial margin."""
    venues = tables["venue"]["venue_id"].to_list()
    named = [_venues(text) for text in tables["collateral_holding"]["eligible_venues"]]
    rows = [[_ALL in held or venue in held for venue in venues] for held in named]
    return np.array(rows, np.bool_).reshape(len(named), len(venues))


def _named(tables: Tables, table: str) -> list[tuple[int, str]]:
    rows = tables[table].select(LINE, "holiday_calendar").drop_nulls()
    return rows.filter(pl.col("holiday_calendar") != "").rows()


def _venues(text: str | None) -> set[str]:
    return {part for part in (text or "").replace(",", ";").replace(" ", ";").split(";") if part}


@cache
def _exchanges() -> frozenset[str]:
    import exchange_calendars  # loads pandas, which a book without holidays does not need

    return frozenset(exchange_calendars.get_calendar_names())


@cache
def _holidays(name: str, days: tuple[date, ...]) -> frozenset[date]:
    """Business days on which an exchange has no session."""
    import exchange_calendars

    calendar = exchange_calendars.get_calendar(name, start=days[0], end=days[-1])
    sessions = {stamp.date() for stamp in calendar.sessions}
    return frozenset(day for day in days if day not in sessions)
