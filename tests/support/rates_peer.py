"""QuantLib's values of the swaps and notes of a document, built from its own classes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np
import QuantLib as ql  # noqa: N813 (its usual name)

VALUATION = date(2026, 1, 28)
PLACES = [91, 365, 731, 1096, 1827, 3653, 10958]
OIS_RATES = [0.0366, 0.0352, 0.0344, 0.0345, 0.0356, 0.0391, 0.0412]
TERM_RATES = [0.0381, 0.0366, 0.0358, 0.0360, 0.0371, 0.0405, 0.0425]
NEGATIVE_RATES = [-0.0055, -0.0052, -0.0049, -0.0044, -0.0030, -0.0005, 0.0020]


def ql_day(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


@contextmanager
def evaluated_on(day: date) -> Iterator[None]:
    before = ql.Settings.instance().evaluationDate
    ql.Settings.instance().evaluationDate = ql_day(day)
    try:
        yield
    finally:
        ql.Settings.instance().evaluationDate = before


def curve(rates: list[float], shift: float = 0.0) -> ql.YieldTermStructureHandle:
    """Linear zero rates at the document's nodes, flat before the first."""
    today = ql_day(VALUATION)
    dates = [today, *(today + place for place in PLACES)]
    zeros = [rates[0] + shift, *(rate + shift for rate in rates)]
    made = ql.ZeroCurve(dates, zeros, ql.Actual365Fixed())
    made.enableExtrapolation()
    return ql.YieldTermStructureHandle(made)


def nodes(rates: list[float]) -> dict[str, Any]:
    """The same curve as a document has it."""
    return {"times": [place / 365 for place in PLACES], "zero_rates": rates}


def document(*instruments: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Instruments in a market of two curves: SOFR discounts, a term index has its own."""
    return {
        "valuation_date": VALUATION.isoformat(),
        "curves": {"OIS": nodes(OIS_RATES), "TERM": nodes(TERM_RATES)},
        "discounting": {"USD": "OIS"},
        "indices": {
            "USD-SOFR": {"curve": "OIS"},
            "USD-TERM-SOFR-3M": {"curve": "TERM"},
        },
        "instruments": list(instruments),
        **more,
    }


def sofr_fixings(first: date, rate: float = 0.0365) -> dict[str, float]:
    """Fixings of every business day until the valuation day, rising a little each day."""
    calendar = ql.UnitedStates(ql.UnitedStates.SOFR)
    days = calendar.businessDayList(ql_day(first), ql_day(VALUATION) - 1)
    return {day.ISO(): round(rate + 1e-6 * i, 6) for i, day in enumerate(days)}


def sofr(fixings: Mapping[str, float], shift: float = 0.0) -> ql.OvernightIndex:
    index = ql.Sofr(curve(OIS_RATES, shift))
    index.clearFixings()
    for day, rate in fixings.items():
        index.addFixing(ql_day(date.fromisoformat(day)), rate)
    return index


def term(fixings: Mapping[str, float], shift: float = 0.0) -> ql.IborIndex:
    index = ql.IborIndex(
        "term",
        ql.Period("3M"),
        2,
        ql.USDCurrency(),
        ql.UnitedStates(ql.UnitedStates.GovernmentBond),
        ql.ModifiedFollowing,
        True,
        ql.Actual360(),
        curve(TERM_RATES, shift),
    )
    index.clearFixings()
    for day, rate in fixings.items():
        index.addFixing(ql_day(date.fromisoformat(day)), rate)
    return index


def legs_value(received: Any, paid: Any, shift: float = 0.0) -> float:
    swap = ql.Swap(paid, received)
    swap.setPricingEngine(ql.DiscountingSwapEngine(curve(OIS_RATES, shift)))
    return float(swap.NPV())


def schedule(start: date, end: date, tenor: str, calendar: ql.Calendar, **stub: Any) -> Any:
    return ql.Schedule(
        ql_day(start),
        ql_day(end),
        ql.Period(tenor),
        calendar,
        ql.ModifiedFollowing,
        ql.ModifiedFollowing,
        ql.DateGeneration.Backward,
        False,
        **stub,
    )


def central(rise: float, fall: float) -> float:
    """DV01 from values a basis point up and down."""
    return (fall - rise) / 2


def relative(found: float, wanted: float, notional: float) -> float:
    return abs(found - wanted) / notional


def mean_gap(a: Any, b: Any) -> float:
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())
