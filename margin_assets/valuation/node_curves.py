"""Curves of a document as the kernels have them: of nodes or a flat rate, and for QuantLib."""

import math
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.rates.conventions import (
    QlObject,
    day_count,
    days_of,
    of_ql,
    period,
    quantlib,
    to_ql,
    year_fractions,
)
from margin_assets.kernels.rates.curves import Curve, discount_factors
from margin_assets.valuation.curve_terms import COMPOUNDINGS, CurveTerms
from margin_assets.whatif.agreement import DocumentError

_DAYS_AHEAD = 61 * 366
"""Days for which a curve of nodes is handed to QuantLib, to discount the swaps of another."""


class BuiltCurve(NamedTuple):
    """A curve and what tells its days as its years."""

    name: str
    curve: Curve
    reference: int
    """Day of discount factor 1, as days since 1970-01-01."""
    day_count: str
    node_days: tuple[int, ...]
    """None known where the nodes are given as years."""

    def years(self, days: Int64Array) -> FloatArray:
        """Years from the reference day."""
        return year_fractions(self.day_count, self.reference, days)

    def factors(self, days: Int64Array) -> FloatArray:
        """Discount factors on those days."""
        return discount_factors(self.curve, self.years(days))


def node_curve(name: str, terms: CurveTerms, valuation: date) -> BuiltCurve:
    """A curve of nodes or of a flat rate.

    Raises:
        DocumentError: its nodes make no curve.
    """
    reference = terms.reference_date or valuation
    per_year = COMPOUNDINGS[terms.compounding]
    start = days_of(reference)
    if terms.flat_rate is not None:
        rates = np.array([_continuous(terms.flat_rate, per_year)])
        curve = Curve(np.ones(1), rates, "linear_zero", "flat_zero")
        return BuiltCurve(name, curve, start, terms.day_count, ())
    days: tuple[int, ...] = ()
    if terms.times is not None:
        times = np.array(terms.times)
    else:
        days = _node_days(terms, reference)
        times = year_fractions(terms.day_count, start, np.array(days, np.int64))
    rates = _node_rates(name, terms, times, per_year)
    if not terms.interpolation.endswith("zero"):
        kept = times > 0.0  # the factor of 1 at time 0 is its own
        times, rates = times[kept], rates[kept]
        days = tuple(day for day, keep in zip(days, kept, strict=False) if keep)
    if not times.size or (np.diff(times) <= 0.0).any():
        raise DocumentError(
            f"curves.{name}: nodes must ascend, and one be after the reference date"
        )
    curve = Curve(times, rates, terms.interpolation, terms.extrapolation)
    return BuiltCurve(name, curve, start, terms.day_count, days)


def _node_rates(name: str, terms: CurveTerms, times: FloatArray, per_year: int) -> FloatArray:
    if terms.zero_rates is not None:
        return np.array([_continuous(rate, per_year) for rate in terms.zero_rates])
    factors = np.array(terms.discount_factors)
    if times[0] < 0.0 or (times[0] == 0.0 and factors[0] != 1.0):
        raise DocumentError(f"curves.{name}: the discount factor of its reference date must be 1")
    rates: FloatArray = -np.log(factors) / np.where(times == 0.0, 1.0, times)
    if times[0] == 0.0 and times.size > 1:
        rates[0] = rates[1]
    return rates


def _node_days(terms: CurveTerms, reference: date) -> tuple[int, ...]:
    if terms.dates is not None:
        return tuple(days_of(day) for day in terms.dates)
    start = to_ql(reference)
    return tuple(of_ql(start + period(tenor)) for tenor in terms.tenors or ())


def _continuous(rate: float, per_year: int) -> float:
    return float(per_year * math.log1p(rate / per_year)) if per_year else rate


def as_quantlib(built: BuiltCurve) -> QlObject:
    """The curve for QuantLib, day by day."""
    ql = quantlib()
    days = built.reference + np.arange(_DAYS_AHEAD)
    first = date(1970, 1, 1) + timedelta(built.reference)
    start = to_ql(first)
    dates = ql.DateVector([start + i for i in range(_DAYS_AHEAD)])
    made = ql.DiscountCurve(dates, built.factors(days).tolist(), day_count("act/365f"))
    made.enableExtrapolation()
    return made
