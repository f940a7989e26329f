"""When the time of an option ends, and how many hours of it are left.

An option's time runs to the close of its last trading day: the last session at or before its
expiry, or the session before that where it settles on the opening.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants, to_instants
from margin_assets.kernels.rules.instants import NEVER
from margin_assets.rulebooks import in_force, remembered

NEW_YORK = "America/New_York"
HOUR = 3_600_000_000
DAY_HOURS = 24
_DAY = DAY_HOURS * HOUR
_USUAL_CLOSE = 16
"""Hour in New York, on days that the calendar does not reach."""
_WEEK = 7
_NO_HOURS_END = np.iinfo(np.int32).max


class SessionTimes(NamedTuple):
    """Opening and closing of every session in order, microseconds UTC."""

    opens: Int64Array
    closes: Int64Array


def opening_days(days: pl.Series) -> pl.Series:
    """Of some days those of the standard expiration, on which options on an index settle at open.

    Each by the rulebook `index_options` in force on it.
    """
    known = days.drop_nulls().unique()
    return known.filter(pl.Series(map(_is_standard, known), dtype=pl.Boolean))


@remembered
def _is_standard(day: date) -> bool:
    told = in_force("index_options", day).numbers["opening_settlement"]
    week = (day.day - 1) // _WEEK + 1
    return bool(day.isoweekday() == told["weekday"] and week == told["week"])


def last_instants(expiry: pl.Series, on_opening: pl.Series, times: SessionTimes) -> pl.Series:
    """Close of the last trading day of options with these expiries; null without one.

    `on_opening`: whether each settles at the opening of its expiry, and so is traded no longer
    than to the close of the session before.
    """
    days = times.opens // _DAY  # the exchange opens on one day in New York and in Greenwich
    day = expiry.cast(pl.Int32).fill_null(-1).to_numpy().astype(np.int64)
    before = on_opening.to_numpy().astype(np.int64)
    place = np.searchsorted(days, day, side="right") - 1 - before
    is_known = (place >= 0) & (day <= days.max(initial=-1))
    found = np.full(len(day), -1, dtype=np.int64)
    found[is_known] = times.closes[place[is_known]]
    shifted = pl.Series(day - before, dtype=pl.Int64).cast(pl.Int32).cast(pl.Date)
    elsewhere = ~is_known & expiry.is_not_null().to_numpy()
    found[elsewhere] = instants(_usual_closes(shifted))[elsewhere]
    return to_instants(found)


def _usual_closes(days: pl.Series) -> pl.Series:
    noon = days.cast(pl.Datetime("us")).dt.offset_by(f"{_USUAL_CLOSE}h")
    return noon.dt.replace_time_zone(NEW_YORK).dt.convert_time_zone("UTC")


class Time(NamedTuple):
    """Time that is left of each symbol: without an end, as many hours as there may be."""

    hours: npt.NDArray[np.int32]
    is_over: npt.NDArray[np.bool_]


def time_left(ends: pl.Series, at: pl.Series) -> Time:
    """Hours from instants to ends: of whole days before the last one, on it rounded up.

    Never 0 before the end, and 0 from it on.
    """
    end, now = instants(ends), instants(at)
    days = (_new_york(ends) - _new_york(at)).dt.total_days().fill_null(0).to_numpy()
    whole = days.astype(np.int64) * DAY_HOURS
    hours = np.where(days > 0, whole, -((now - end) // HOUR))
    hours = np.where(end < 0, _NO_HOURS_END, np.maximum(hours, 0))
    return Time(hours.astype(np.int32), (end >= 0) & (now >= end))


def _new_york(moments: pl.Series) -> pl.Series:
    return moments.dt.convert_time_zone(NEW_YORK).dt.date()


def first_hours(ends: pl.Series) -> Int64Array:
    """First instant in New York of the day of each end: from then on hours are counted."""
    midnight = _new_york(ends).cast(pl.Datetime("us")).dt.replace_time_zone(NEW_YORK)
    return instants(midnight.dt.convert_time_zone("UTC"))


def next_turns(ends: Int64Array, first: Int64Array, after: int) -> Int64Array:
    """Next instant at which each has another hour left on its last day; `NEVER` if none.

    The last one is the end itself; `ends` are negative where there is none.
    """
    turn = ends - (ends - after - 1) // HOUR * HOUR
    turn = np.where(after < first, first, turn)
    over: Int64Array = np.where(after >= ends, NEVER, turn)
    return over
