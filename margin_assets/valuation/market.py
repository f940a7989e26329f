"""The market of a document: calendars, indices, curves as the kernels have them."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.rates.conventions import (
    OwnCalendar,
    QlObject,
    calendar,
    day_count,
    days_of,
    of_ql,
    period,
    quantlib,
    to_ql,
    year_fractions,
)
from margin_assets.kernels.rates.curves import Curve, discount_factors
from margin_assets.kernels.rates.legs import OvernightIndex, TermIndex
from margin_assets.kernels.rates.quotes import Bootstrap, QuotedCurve
from margin_assets.valuation.curve_terms import COMPOUNDINGS, WEEKDAYS, CalendarTerms, CurveTerms
from margin_assets.valuation.document import Document
from margin_assets.valuation.indices import IndexConventions, known_index, known_names
from margin_assets.valuation.quote_terms import quoted_curve
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


class Market(NamedTuple):
    """All that is known on the valuation day."""

    valuation: date
    curves: tuple[BuiltCurve, ...]
    indices: Mapping[str, TermIndex | OvernightIndex]
    projections: Mapping[int, int]
    """Number of the curve by number of the index."""
    calendars: "Calendars"
    bootstrap: Bootstrap | None
    quoted: tuple[QuotedCurve, ...]

    def number(self, curve: str) -> int | None:
        """Place of a curve among the curves; none if there is none of that name."""
        return next((i for i, one in enumerate(self.curves) if one.name == curve), None)


class Calendars(NamedTuple):
    """Calendars by name: the document's own before those that are known."""

    own: tuple[tuple[str, OwnCalendar], ...]

    def get(self, name: str, place: str) -> QlObject:
        """The calendar of that name.

        Raises:
            DocumentError: there is none.
        """
        try:
            return calendar(name, self.own)
        except KeyError:
            raise DocumentError(
                f"{place}: unknown calendar {name!r}; state it in calendars, or see docs/rates.md"
            ) from None


def market_of(document: Document) -> Market:
    """The market of a document, its curves built.

    Raises:
        DocumentError: a name that leads nowhere.
        Unbuildable: a curve that its quotes do not make.
    """
    calendars = Calendars(
        tuple((name, _own_calendar(terms)) for name, terms in document.calendars.items())
    )
    names = list(document.curves)
    conventions = {name: _conventions(document, name) for name in _index_names(document)}
    indices: dict[str, TermIndex | OvernightIndex] = {}
    projections: dict[int, int] = {}
    for number, (name, terms) in enumerate(conventions.items()):
        indices[name] = _index(number, terms, calendars, f"indices.{name}")
        curve = document.indices[name].curve if name in document.indices else None
        if curve is not None:
            if curve not in names:
                raise DocumentError(f"indices.{name}.curve: there is no curve {curve!r}")
            projections[number] = names.index(curve)
    built, bootstrap, quoted = _curves(document, calendars, conventions)
    return Market(
        document.valuation_date,
        tuple(built[name] for name in names),
        indices,
        projections,
        calendars,
        bootstrap,
        quoted,
    )


def _own_calendar(terms: CalendarTerms) -> OwnCalendar:
    days = set(terms.holidays)
    for month_day in terms.yearly:
        month, day = map(int, month_day.split("-"))
        for year in range(terms.first_year, terms.last_year + 1):
            try:
                days.add(date(year, month, day))
            except ValueError:
                continue  # 29 February of a common year
    weekend = tuple(WEEKDAYS.index(name) for name in terms.weekend)
    return OwnCalendar(weekend, tuple(sorted(days)))


def _index_names(document: Document) -> list[str]:
    used = dict.fromkeys(document.indices)
    used |= dict.fromkeys(document.fixings)
    for instrument in document.instruments:
        for part in (instrument, *getattr(instrument, "legs", ())):
            if name := getattr(part, "index", None):
                used[name] = None
    for curve in document.curves.values():
        for row in (curve, *(curve.quotes or ()), *curve.conventions.values()):
            if row.index is not None:
                used[row.index] = None
    return list(used)


def _conventions(document: Document, name: str) -> IndexConventions:
    """What the document says of an index, over what is usual for it."""
    usual = known_index(name)
    terms = document.indices.get(name)
    said = {} if terms is None else terms.model_dump(exclude_none=True, exclude={"curve"})
    if usual is not None:
        # Who states a calendar means all of the index's days.
        fixed_by = None if "calendar" in said else usual.fixing_calendar
        return usual._replace(fixing_calendar=fixed_by)._replace(**said)
    needed = {"kind", "day_count", "calendar"}
    needed |= {"tenor", "fixing_days"} if said.get("kind") == "term" else set()
    if missing := sorted(needed - set(said)):
        known = ", ".join(known_names())
        raise DocumentError(
            f"indices.{name}: unknown index needs {', '.join(missing)}; known by name: {known}"
        )
    return IndexConventions(**({"fixing_days": 0, "end_of_month": False} | said))


def _index(
    number: int, terms: IndexConventions, calendars: Calendars, place: str
) -> TermIndex | OvernightIndex:
    where = calendars.get(terms.calendar, f"{place}.calendar")
    if terms.kind == "overnight":
        return OvernightIndex(number, terms.day_count, where)
    return TermIndex(
        number,
        str(terms.tenor),
        terms.day_count,
        where,
        terms.fixing_days,
        terms.convention,
        terms.end_of_month,
        None
        if terms.fixing_calendar is None
        else calendars.get(terms.fixing_calendar, f"{place}.fixing_calendar"),
    )


def _curves(
    document: Document, calendars: Calendars, conventions: Mapping[str, IndexConventions]
) -> tuple[dict[str, BuiltCurve], Bootstrap | None, tuple[QuotedCurve, ...]]:
    built = {
        name: _of_nodes(name, terms, document.valuation_date)
        for name, terms in document.curves.items()
        if terms.quotes is None
    }
    quoted = [
        quoted_curve((name, terms), document.valuation_date, calendars.get, conventions)
        for name, terms in document.curves.items()
        if terms.quotes is not None
    ]
    if not quoted:
        return built, None, ()
    ordered = _ordered(quoted, built)
    used = {curve.discount for curve in ordered} & set(built)
    known = {name: _as_quantlib(built[name]) for name in sorted(filter(None, used))}
    bootstrap = Bootstrap(document.valuation_date, ordered, known)
    made, days = bootstrap.curves(), bootstrap.node_days()
    for one in ordered:
        built[one.name] = BuiltCurve(
            one.name, made[one.name], days_of(one.reference), one.day_count, tuple(days[one.name])
        )
    return built, bootstrap, tuple(ordered)


def _ordered(quoted: Sequence[QuotedCurve], built: Mapping[str, QlObject]) -> list[QuotedCurve]:
    """The curves, each after the one that it is discounted by."""
    done: list[QuotedCurve] = []
    left = list(quoted)
    while left:
        names = {one.name for one in done} | set(built)
        ready = [one for one in left if one.discount in names | {None, one.name}]
        if not ready:
            name = left[0].name
            raise DocumentError(
                f"curves.{name}.discount_curve: {left[0].discount!r} is not there, or hangs on it"
            )
        done += ready
        left = [one for one in left if one not in ready]
    return done


def _of_nodes(name: str, terms: CurveTerms, valuation: date) -> BuiltCurve:
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


def _as_quantlib(built: BuiltCurve) -> QlObject:
    """The curve for QuantLib, day by day."""
    ql = quantlib()
    days = built.reference + np.arange(_DAYS_AHEAD)
    first = date(1970, 1, 1) + timedelta(built.reference)
    start = to_ql(first)
    dates = ql.DateVector([start + i for i in range(_DAYS_AHEAD)])
    made = ql.DiscountCurve(dates, built.factors(days).tolist(), day_count("act/365f"))
    made.enableExtrapolation()
    return made
