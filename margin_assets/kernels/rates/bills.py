"""Treasury bills: price, discount rate and investment rate (coupon equivalent).

Source: 31 CFR part 356, appendix B, sections IV and V. Prices are per 100 of face.
"""

import math
from calendar import isleap
from datetime import date
from typing import NamedTuple

DISCOUNT_YEAR = 360


class Bill(NamedTuple):
    """From settlement to maturity."""

    days: int
    year_days: int
    """Days of the year after settlement, 365 or 366: the basis of the investment rate."""

    @property
    def is_short(self) -> bool:
        """Whether it runs for half a year at most: its investment rate is then simple."""
        return 2 * self.days <= self.year_days


def bill(settlement: date, maturity: date) -> Bill:
    """The days that count: a year is 366 if it has a 29 February after settlement.

    Raises:
        ValueError: it has matured by then.
    """
    days = (maturity - settlement).days
    if days <= 0:
        raise ValueError("has matured")
    leap_year = settlement.year + (settlement.month > 2)
    ends = _year_later(settlement)
    has_leap_day = isleap(leap_year) and settlement < date(leap_year, 2, 29) <= ends
    return Bill(days, 366 if has_leap_day else 365)


def _year_later(day: date) -> date:
    if (day.month, day.day) == (2, 29):
        return date(day.year + 1, 2, 28)
    return day.replace(year=day.year + 1)


def price_at_discount(terms: Bill, rate: float) -> float:
    """Price at a discount rate, on a year of 360 days."""
    return 100.0 * (1.0 - rate * terms.days / DISCOUNT_YEAR)


def discount_rate(terms: Bill, price: float) -> float:
    """Discount rate at a price."""
    return (1.0 - price / 100.0) * DISCOUNT_YEAR / terms.days


def price_at_investment(terms: Bill, rate: float) -> float:
    """Price at an investment rate: simple to half a year, with one coupon's compounding beyond."""
    if terms.is_short:
        return 100.0 / (1.0 + rate * terms.days / terms.year_days)
    rest = terms.days - terms.year_days / 2.0
    return 100.0 / ((1.0 + rest * rate / terms.year_days) * (1.0 + rate / 2.0))


def investment_rate(terms: Bill, price: float) -> float:
    """Investment rate at a price."""
    share = terms.days / terms.year_days
    if terms.is_short:
        return (100.0 - price) / price / share
    a, b, c = share / 2.0 - 0.25, share, (price - 100.0) / price
    return 2.0 * -c / (b + math.sqrt(b * b - 4.0 * a * c))
