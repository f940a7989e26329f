"""The market of a document: calendars, indices, curves as the kernels have them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from margin_assets.kernels.rates.conventions import (
    OwnCalendar,
    QlObject,
    calendar,
    days_of,
)
from margin_assets.kernels.rates.legs import OvernightIndex, TermIndex
from margin_assets.kernels.rates.quotes import Bootstrap, QuotedCurve
from margin_assets.valuation.curve_terms import WEEKDAYS, CalendarTerms
from margin_assets.valuation.document import Document
from margin_assets.valuation.indices import IndexConventions, known_index, known_names
from margin_assets.valuation.node_curves import BuiltCurve, as_quantlib, node_curve
from margin_assets.valuation.quote_terms import quoted_curve
from margin_assets.whatif.agreement import DocumentError


class RatesMarket(NamedTuple):
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


def market_of(document: Document) -> RatesMarket:
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
    return RatesMarket(
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
            used |= dict.fromkeys(_named_by(part))
    for curve in document.curves.values():
        for row in (curve, *(curve.quotes or ()), *curve.conventions.values()):
            if row.index is not None:
                used[row.index] = None
    return list(used)


def _named_by(part: object) -> Iterator[str]:
    """Indices that an instrument, a leg or a stub names."""
    if name := getattr(part, "index", None):
        yield name
    yield from getattr(part, "indices", None) or ()
    for stub in ("initial_stub", "final_stub"):
        if (found := getattr(part, stub, None)) is not None:
            yield from _named_by(found)


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
        name: node_curve(name, terms, document.valuation_date)
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
    known = {name: as_quantlib(built[name]) for name in sorted(filter(None, used))}
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
