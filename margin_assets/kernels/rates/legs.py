"""Legs laid out: dates, accruals and payment days of each period, and the flows they make.

Schedules and accruals are QuantLib's, read once; what is paid and what it is worth is ours.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.rates.conventions import (
    QlObject,
    convention,
    day_count,
    of_ql,
    period,
    quantlib,
    rule,
    to_ql,
)
from margin_assets.kernels.rates.flows import AVERAGED, COMPOUNDED, TERM, Flows, known_cash

MOST_PERIODS = 4_000
"""More than any leg has: bounds the work on hostile terms."""


class Timetable(NamedTuple):
    """When a leg accrues and pays."""

    start: date
    end: date
    frequency: str
    """Tenor or name of a frequency; `once` for a single period."""
    day_count: str
    calendar: QlObject
    convention: str = "unadjusted"
    end_convention: str | None = None
    """Of the last day; none: that of the others."""
    rule: str = "backward"
    end_of_month: bool = False
    first: date | None = None
    """End of an irregular first period."""
    next_to_last: date | None = None
    """Start of an irregular last period."""
    payment_convention: str = "following"
    payment_lag: int = 0
    payment_calendar: QlObject = None
    ex_days: int = 0
    """Business days before a coupon from which on it is not passed on."""
    ex_calendar: QlObject = None
    dates: tuple[date, ...] = ()
    """Unadjusted period ends in order, in place of a generated schedule."""


class Period(NamedTuple):
    """One period of a leg, as QuantLib's coupons have it; days of QuantLib."""

    start: QlObject
    end: QlObject
    reference_start: QlObject
    reference_end: QlObject
    pay: QlObject
    ex: QlObject
    accrual: float
    """Years by the leg's day count."""


class TermIndex(NamedTuple):
    """An index of deposits of one tenor."""

    number: int
    tenor: str
    day_count: str
    calendar: QlObject
    fixing_days: int
    convention: str = "modified_following"
    end_of_month: bool = False
    fixing_calendar: QlObject = None
    """On which days it is fixed; none: the calendar of its deposits."""

    def fixing_day(self, start: QlObject, lag: int | None = None) -> QlObject:
        """Day on which the rate of a period from that day is fixed; by a leg's own lag if any."""
        days, back = self.fixing_days if lag is None else lag, convention("preceding")
        return self._fixed_by().advance(start, -days, quantlib().Days, back)

    def deposit(self, fixing: QlObject) -> tuple[QlObject, QlObject]:
        """First and last day of the deposit fixed on that day."""
        first = self.calendar.adjust(self.spot(fixing))
        roll, length = convention(self.convention), period(self.tenor)
        return first, self.calendar.advance(first, length, roll, self.end_of_month)

    def spot(self, fixing: QlObject) -> QlObject:
        """Day that the fixing days lead to."""
        return self._fixed_by().advance(fixing, self.fixing_days, quantlib().Days)

    def _fixed_by(self) -> QlObject:
        return self.calendar if self.fixing_calendar is None else self.fixing_calendar


class OvernightIndex(NamedTuple):
    """An index of deposits from one business day to the next."""

    number: int
    day_count: str
    calendar: QlObject


class Payments(NamedTuple):
    """What a leg pays, signed as received."""

    notionals: tuple[float, ...]
    """One a period; the last one repeats."""
    rates: tuple[float, ...] = (0.0,)
    """Fixed rates or spreads; one a period, the last one repeats."""
    is_averaged: bool = False
    compounded_a_year: int = 0
    """Times a year that fixed coupons compound within their period; 0: simple interest."""
    is_over_accrual: bool = False
    """A term rate to where the next period's begins, in place of the index's own tenor."""
    fixing_days: int | None = None
    """Days from fixing to the start of a period; none: the index's."""


def schedule(terms: Timetable) -> QlObject:
    """The dates of a leg.

    Raises:
        ValueError: the terms make no schedule.
    """
    ql = quantlib()
    roll = convention(terms.convention)
    last_roll = convention(terms.end_convention or terms.convention)
    try:
        if terms.dates:
            days = ql.DateVector([to_ql(day) for day in terms.dates])
            return ql.Schedule(days, terms.calendar, roll)
        length = period(terms.frequency)
        made = ql.Schedule(
            to_ql(terms.start),
            to_ql(terms.end),
            length,
            terms.calendar,
            roll,
            last_roll,
            rule("zero" if length.length() == 0 else terms.rule),
            terms.end_of_month,
            to_ql(terms.first) if terms.first else ql.Date(),
            to_ql(terms.next_to_last) if terms.next_to_last else ql.Date(),
        )
    except RuntimeError as error:
        raise ValueError(f"no schedule: {error}") from None
    if len(made) > MOST_PERIODS:
        raise ValueError(f"no schedule: more than {MOST_PERIODS} periods")
    return made


def periods(terms: Timetable) -> list[Period]:
    """The periods of a leg in order.

    Raises:
        ValueError: the terms make no schedule.
    """
    ql = quantlib()
    dates = schedule(terms)
    paid_on = terms.calendar if terms.payment_calendar is None else terms.payment_calendar
    ex_calendar = terms.calendar if terms.ex_calendar is None else terms.ex_calendar
    leg = ql.FixedRateLeg(
        schedule=dates,
        dayCount=day_count(terms.day_count),
        nominals=[1.0],
        couponRates=[1.0],
        paymentAdjustment=convention(terms.payment_convention),
        exCouponPeriod=ql.Period(terms.ex_days, ql.Days),
        exCouponCalendar=ex_calendar,
        exCouponConvention=ql.Preceding,
        paymentCalendar=paid_on,
        paymentLag=terms.payment_lag,
    )
    return [_period(ql.as_fixed_rate_coupon(coupon)) for coupon in leg]


def _period(coupon: QlObject) -> Period:
    return Period(
        coupon.accrualStartDate(),
        coupon.accrualEndDate(),
        coupon.referencePeriodStart(),
        coupon.referencePeriodEnd(),
        coupon.date(),
        coupon.exCouponDate(),
        coupon.accrualPeriod(),
    )


def at(values: Sequence[float], place: int) -> float:
    """The value of a period: the last one repeats."""
    return values[min(place, len(values) - 1)]


def interest(rate: float, years: float, compounded_a_year: int) -> float:
    """Interest on a unit over so many years."""
    if compounded_a_year:
        return float((1.0 + rate / compounded_a_year) ** (compounded_a_year * years) - 1.0)
    return rate * years


def fixed_leg(instrument: int, rows: Sequence[Period], paid: Payments) -> Flows:
    """Coupons of a fixed leg."""
    amounts = [
        at(paid.notionals, i) * interest(at(paid.rates, i), row.accrual, paid.compounded_a_year)
        for i, row in enumerate(rows)
    ]
    return known_cash(instrument, [of_ql(row.pay) for row in rows], amounts)


def repaid(
    instrument: int, rows: Sequence[Period], paid: Payments, *, is_lent_first: bool = False
) -> Flows:
    """Notional paid back as it amortises and at the end; if asked, also lent at the start."""
    held = [at(paid.notionals, i) for i in range(len(rows))]
    after = [*held[1:], 0.0]
    days = [of_ql(row.pay) for row in rows]
    amounts = [now - then for now, then in zip(held, after, strict=True)]
    if is_lent_first:
        days, amounts = [of_ql(rows[0].start), *days], [-held[0], *amounts]
    kept = [i for i, amount in enumerate(amounts) if amount]
    return known_cash(instrument, [days[i] for i in kept], [amounts[i] for i in kept])


def term_leg(instrument: int, rows: Sequence[Period], paid: Payments, index: TermIndex) -> Flows:
    """Coupons of a leg on a term index, fixed in advance."""
    fixed, starts, ends = [], [], []
    count = day_count(index.day_count)
    for row in rows:
        fixing = index.fixing_day(row.start, paid.fixing_days)
        first, last = index.deposit(fixing)
        if paid.is_over_accrual:
            # To where the next period's deposit begins, as QuantLib's par coupons.
            last = index.spot(index.fixing_day(row.end, paid.fixing_days))
        fixed.append(of_ql(fixing))
        starts.append(first)
        ends.append(last)
    fractions = [count.yearFraction(a, b) for a, b in zip(starts, ends, strict=True)]
    return _floating(
        instrument,
        (TERM, index.number),
        rows,
        paid,
        (fixed, [of_ql(day) for day in starts], [of_ql(day) for day in ends], fractions),
    )


def overnight_leg(
    instrument: int, rows: Sequence[Period], paid: Payments, index: OvernightIndex
) -> Flows:
    """Coupons of a leg on an overnight index, compounded or averaged over each period."""
    count = day_count(index.day_count)
    fractions = [count.yearFraction(row.start, row.end) for row in rows]
    starts, ends = [of_ql(row.start) for row in rows], [of_ql(row.end) for row in rows]
    kind = AVERAGED if paid.is_averaged else COMPOUNDED
    return _floating(
        instrument, (kind, index.number), rows, paid, (starts, starts, ends, fractions)
    )


def _floating(
    instrument: int,
    of: tuple[int, int],
    rows: Sequence[Period],
    paid: Payments,
    growth: tuple[list[int], list[int], list[int], list[float]],
) -> Flows:
    count = len(rows)
    fixed, starts, ends, fractions = growth
    kind, index = of
    return Flows(
        np.full(count, instrument, np.int32),
        np.full(count, kind, np.int8),
        np.array([of_ql(row.pay) for row in rows], np.int64),
        np.array([at(paid.notionals, i) * row.accrual for i, row in enumerate(rows)]),
        np.array([at(paid.rates, i) for i in range(count)]),
        np.full(count, index, np.int32),
        np.array(fixed, np.int64),
        np.array(starts, np.int64),
        np.array(ends, np.int64),
        np.array(fractions),
    )
