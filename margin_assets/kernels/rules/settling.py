"""When trades settle: business days after the trade date, by the rule in force on it.

Margin is struck on trade date. The settlement date is kept for what Regulation T asks of it:
payment periods, and what a cash account has paid for. Source: SEA Rule 15c6-1(a), by way of the
rulebooks of `timelines`.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from margin_assets.kernels.rules.expiry import NEW_YORK
from margin_assets.kernels.rules.timelines import nth_business_day, timeline_rules
from margin_assets.rulebooks import in_force


def settles_on(sessions: Sequence[date], traded_on: date) -> date:
    """Day on which a trade of a day settles; one made on no business day is the next one's.

    Raises:
        ValueError: the sessions do not reach it, or it is before the first rulebook.
    """
    numbers = in_force("timelines", traded_on).numbers["payment_period"]
    return nth_business_day(sessions, traded_on, int(numbers["settlement_business_days"]))


def payment_due(sessions: Sequence[date], traded_on: date) -> date:
    """Last day of the payment period of a purchase, 12 CFR 220.2."""
    return nth_business_day(sessions, traded_on, timeline_rules(traded_on).payment_period)


def trade_dates(event_time: pl.Series) -> pl.Series:
    """Dates in New York of instants."""
    return event_time.dt.convert_time_zone(NEW_YORK).dt.date()
