"""Due dates in business days, counted in the exchange's sessions that the caller gives."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.expiry import SessionTimes
from margin_assets.rulebooks import in_force, remembered

_EPOCH = date(1970, 1, 1).toordinal()


class TimelineRules(NamedTuple):
    """Numbers of business days."""

    maintenance_latest: int
    portfolio_due: int
    portfolio_net_capital: int
    payment_period: int


class BusinessDays(NamedTuple):
    """Business days in order; a day holds the instants after the end before it, up to its own."""

    days: Int64Array
    """Days since 1970."""
    ends: Int64Array
    """Microseconds UTC."""

    def date_of(self, index: int) -> date:
        """The business day at an index."""
        return date.fromordinal(_EPOCH + int(self.days[index]))


class Calendar(NamedTuple):
    """Sessions, as microseconds and as business days."""

    opens: Int64Array
    closes: Int64Array
    days: BusinessDays

    @property
    def times(self) -> SessionTimes:
        """Openings and closings of the sessions."""
        return SessionTimes(self.opens, self.closes)


def business_days(
    sessions: Sequence[date], closes: Int64Array, ends_after_close: int
) -> BusinessDays:
    """Business days of sessions, each ending so many microseconds after its close."""
    days = np.array([day.toordinal() - _EPOCH for day in sessions], dtype=np.int64)
    return BusinessDays(days, closes + ends_after_close)


def date_series(days: BusinessDays, indices: Int64Array) -> pl.Series:
    """Business days at indices as dates; null at a negative one."""
    dates = pl.Series(days.days[indices], dtype=pl.Int64).cast(pl.Int32).cast(pl.Date)
    return dates.set(pl.Series(indices < 0), None)


@remembered
def timeline_rules(on: date) -> TimelineRules:
    """Numbers of the timelines rulebook in force on a day."""
    numbers = in_force("timelines", on).numbers
    portfolio, payment = numbers["portfolio_deficiency"], numbers["payment_period"]
    return TimelineRules(
        maintenance_latest=int(numbers["maintenance_call"]["latest_business_days"]),
        portfolio_due=int(portfolio["due_business_days"]),
        portfolio_net_capital=int(portfolio["net_capital_business_days"]),
        payment_period=int(payment["settlement_business_days"])
        + int(payment["after_settlement_business_days"]),
    )


def nth_business_day(sessions: Sequence[date], after: date, n: int) -> date:
    """The n-th session after a day, which need not be one itself; n is 1 or more.

    Raises:
        ValueError: If n is below 1, or the sessions do not reach from the day to the n-th after.
    """
    place = bisect_right(sessions, after) + n - 1
    if n < 1 or place >= len(sessions) or (sessions[0] > after):
        msg = f"no {n}th business day after {after} among the sessions given"
        raise ValueError(msg)
    return sessions[place]


def maintenance_call_latest(sessions: Sequence[date], deficient_on: date) -> date:
    """Last day to meet a maintenance deficiency. Source: FINRA Rule 4210(f)(6)."""
    n = timeline_rules(deficient_on).maintenance_latest
    return nth_business_day(sessions, deficient_on, n)


def portfolio_deficiency_due(sessions: Sequence[date], deficient_on: date) -> date:
    """Last day to meet a portfolio margin deficiency. Source: FINRA Rule 4210(g)(10)(A)."""
    return nth_business_day(sessions, deficient_on, timeline_rules(deficient_on).portfolio_due)


def portfolio_net_capital_date(sessions: Sequence[date], deficient_on: date) -> date:
    """Day at whose close an unmet portfolio deficiency is deducted from net capital.

    Source: FINRA Rule 4210(g)(10)(A).
    """
    n = timeline_rules(deficient_on).portfolio_net_capital
    return nth_business_day(sessions, deficient_on, n)
