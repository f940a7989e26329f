"""Openings and closings of the exchange's sessions, from the calendar library."""

from datetime import date, datetime
from functools import cache
from typing import NamedTuple

import exchange_calendars
import numpy as np

from margin_assets.kernels.intraday.intraday import intraday_rules
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.expiry import SessionTimes
from margin_assets.kernels.rules.timelines import Calendar, business_days

EXCHANGE = "XNYS"
# Stated, so that no clock decides how far the calendar reaches.
_FIRST, _LAST = "1970-01-02", "2051-12-31"
LAST_YEAR = 2050
"""Last year that anything may land in: every deadline that begins in it has its day."""


class Sessions(NamedTuple):
    """Sessions in order: day, opening and closing in microseconds UTC."""

    days: list[date]
    opens: Int64Array
    closes: Int64Array

    @property
    def times(self) -> SessionTimes:
        """Openings and closings, as the kernels take them."""
        return SessionTimes(self.opens, self.closes)


@cache
def sessions() -> Sessions:
    """All sessions of the exchange from 1970 to 2051."""
    schedule = exchange_calendars.get_calendar(EXCHANGE, start=_FIRST, end=_LAST).schedule
    opens, closes = (
        schedule[name].astype("int64").to_numpy() // 1000 for name in ("open", "close")
    )
    days = [stamp.date() for stamp in schedule.index]
    return Sessions(days, opens.astype(np.int64), closes.astype(np.int64))


@cache
def calendar() -> Calendar:
    """Sessions, and the business days that end some hours after them, by intraday margin."""
    known = sessions()
    ends_after = intraday_rules(known.days[-1]).day_ends_after_close
    days = business_days(known.days, known.closes, ends_after)
    return Calendar(known.opens, known.closes, days)


def is_open(at: datetime) -> bool:
    """Whether the exchange is in session at an instant."""
    known, micros = sessions(), int(at.timestamp() * 1e6)
    place = int(np.searchsorted(known.opens, micros, side="right")) - 1
    return place >= 0 and micros < int(known.closes[place])
