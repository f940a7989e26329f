"""What an index has fixed at: term rates by day, and growth of an overnight rate over days past."""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.rates.conventions import (
    EPOCH_SERIAL,
    QlObject,
    day_count,
    days_of,
    of_ql,
    quantlib,
)

Fixings = Mapping[date, float]


class TermPast(NamedTuple):
    """Fixings of a term index, days ascending."""

    days: Int64Array
    rates: FloatArray

    def at(self, days: Int64Array) -> FloatArray:
        """The fixing of each day; NaN where there is none."""
        if not self.days.size:
            return np.full(days.size, np.nan)
        place = np.clip(np.searchsorted(self.days, days), 0, self.days.size - 1)
        return np.where(self.days[place] == days, self.rates[place], np.nan)


class OvernightPast(NamedTuple):
    """Business days of an overnight index and what had grown by each.

    `grown[i]` and `summed[i]` count the fixings of the days before `days[i]`; a missing one counts
    as nothing and is one more of `missing[i]`.
    """

    days: Int64Array
    grown: FloatArray
    summed: FloatArray
    missing: Int64Array

    def place(self, days: Int64Array) -> Int64Array:
        """Place of the first business day on or after each day."""
        return np.clip(np.searchsorted(self.days, days), 0, self.days.size - 1)


def term_past(fixings: Fixings) -> TermPast:
    """The fixings as arrays."""
    days = sorted(fixings)
    return TermPast(
        np.array([days_of(day) for day in days], np.int64),
        np.array([fixings[day] for day in days], np.float64),
    )


def overnight_past(
    fixings: Fixings, count: str, calendar: QlObject, span: tuple[int, int]
) -> OvernightPast:
    """Growth of an overnight index over a span of days.

    Args:
        fixings: rates by day.
        count: the index's day count.
        calendar: its business days.
        span: first day that matters, and the valuation day. A fixing of the valuation day counts
            if there is one; without it that day is forecast.
    """
    ql = quantlib()
    first, valuation = span
    until = ql.Date(valuation + EPOCH_SERIAL)
    days = list(calendar.businessDayList(ql.Date(first + EPOCH_SERIAL), until))
    is_fixed_today = bool(days) and of_ql(days[-1]) == valuation and _has(fixings, valuation)
    if not (days and of_ql(days[-1]) == valuation) or is_fixed_today:
        days.append(calendar.advance(until, 1, ql.Days))
    numbers = np.array([of_ql(day) for day in days], np.int64)
    years = day_count(count)
    spans = [years.yearFraction(a, b) for a, b in pairwise(days)]
    past = term_past(fixings).at(numbers[:-1]) if len(spans) else np.empty(0)
    is_missing = np.isnan(past)
    interest = np.where(is_missing, 0.0, past) * np.array(spans)
    return OvernightPast(
        numbers,
        np.concatenate([[1.0], np.cumprod(1.0 + interest)]),
        np.concatenate([[0.0], np.cumsum(interest)]),
        np.concatenate([[0], np.cumsum(is_missing)]),
    )


def _has(fixings: Fixings, day: int) -> bool:
    return any(days_of(known) == day for known in fixings)
