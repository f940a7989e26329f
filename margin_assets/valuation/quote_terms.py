"""Quotes of a curve with their conventions: their own, then the kind's, then the index's."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from margin_assets.kernels.rates.conventions import QlObject
from margin_assets.kernels.rates.quote_helpers import IborTerms, Quote
from margin_assets.kernels.rates.quotes import QuotedCurve
from margin_assets.valuation.curve_terms import CurveTerms, QuoteConventions, QuoteTerms
from margin_assets.valuation.indices import IndexConventions
from margin_assets.whatif.agreement import DocumentError

CalendarOf = Callable[[str, str], QlObject]
Indices = Mapping[str, IndexConventions]

_PAR_YIELD = {
    "day_count": "30/360",
    "calendar": "none",
    "settlement_days": 0,
    "convention": "unadjusted",
    "frequency": "semiannual",
    "payment_lag": 0,
}
"""A Treasury par yield: semiannual, whole periods, from the day itself."""
_USUAL = {"convention": "modified_following", "end_of_month": False, "frequency": "annual"}


def quoted_curve(
    named: tuple[str, CurveTerms], valuation: date, calendar_of: CalendarOf, indices: Indices
) -> QuotedCurve:
    """The curve's quotes with every convention settled.

    Raises:
        DocumentError: a convention that nothing says.
    """
    name, terms = named
    quotes = [
        _quote((f"curves.{name}.quotes[{i}]", quote), terms, calendar_of, indices)
        for i, quote in enumerate(terms.quotes or ())
    ]
    return QuotedCurve(
        name,
        terms.reference_date or valuation,
        terms.day_count,
        terms.interpolation,
        tuple(quotes),
        terms.discount_curve,
    )


def _quote(
    placed: tuple[str, QuoteTerms], curve: CurveTerms, calendar_of: CalendarOf, indices: Indices
) -> Quote:
    place, quote = placed
    shared = curve.conventions.get(quote.kind, QuoteConventions())
    index_name = quote.index or shared.index or curve.index
    index = indices.get(index_name) if index_name else None
    said = _usual(quote.kind, index)
    for part in (shared, quote):
        keys = set(QuoteConventions.model_fields)
        said |= part.model_dump(exclude_none=True, include=keys)
    for key in ("day_count", "calendar", "settlement_days"):
        if said.get(key) is None:
            raise DocumentError(f"{place}: {key} is missing; state it, or an index of the curve")
    if quote.kind == "swap" and (index is None or index.kind != "term"):
        raise DocumentError(f"{place}: a swap needs an index of a tenor")
    value = quote.price if quote.kind == "future" else quote.rate
    return Quote(
        quote.kind,
        float(value or 0.0),
        quote.tenor or _future_tenor(index),
        str(said["day_count"]),
        calendar_of(str(said["calendar"]), f"{place}.calendar"),
        int(said["settlement_days"]),
        str(said["convention"]),
        bool(said["end_of_month"]),
        str(said["frequency"]),
        int(said.get("payment_lag") or 0),
        quote.start_date or quote.start,
        index is not None and index.kind == "overnight",
        _ibor(index, calendar_of, place) if index is not None and index.kind == "term" else None,
        said.get("forward_over") == "accrual_period",
    )


def _usual(kind: str, index: IndexConventions | None) -> dict[str, Any]:
    """What is usual for a kind of quote on that index."""
    if kind == "par_yield":
        return _USUAL | _PAR_YIELD
    if index is None:
        return dict(_USUAL)
    found = _USUAL | {
        "day_count": index.day_count,
        "calendar": index.calendar,
        "settlement_days": index.fixing_days,
        "convention": index.convention,
        "payment_lag": index.payment_lag,
    }
    if kind in ("deposit", "fra"):
        found["end_of_month"] = index.end_of_month
    if kind == "ois":
        found["convention"] = "following"
    if kind == "swap":
        # The fixed leg's day count is no index's: it must be said.
        del found["day_count"]
    return found


def _future_tenor(index: IndexConventions | None) -> str:
    return "3M" if index is None or index.tenor is None else index.tenor


def _ibor(index: IndexConventions, calendar_of: CalendarOf, place: str) -> IborTerms:
    return IborTerms(
        str(index.tenor),
        index.day_count,
        calendar_of(index.calendar, f"{place}.index"),
        index.fixing_days,
        index.convention,
        index.end_of_month,
    )
