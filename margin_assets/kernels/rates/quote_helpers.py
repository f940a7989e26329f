"""Market quotes with their conventions, as the instruments that QuantLib builds curves of."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

from margin_assets.kernels.rates.conventions import (
    QlObject,
    convention,
    day_count,
    period,
    quantlib,
    to_ql,
)

QUOTE_KINDS = ("deposit", "fra", "future", "ois", "swap", "par_yield")
_FREQUENCIES = {"1Y": 1, "6M": 2, "3M": 4, "1M": 12, "0Y": 0, "annual": 1, "semiannual": 2}
_FREQUENCIES |= {"quarterly": 4, "monthly": 12, "once": 0}


class Quote(NamedTuple):
    """A quote and the conventions of its instrument."""

    kind: str
    """One of `QUOTE_KINDS`."""
    value: float
    """A rate as a fraction; of a future, its price."""
    tenor: str
    """Length; of a future, that of its rate."""
    day_count: str
    """Of a deposit and of the fixed leg of a swap; of an OIS, of both legs."""
    calendar: QlObject
    settlement_days: int
    convention: str = "modified_following"
    end_of_month: bool = False
    frequency: str = "annual"
    """Of the fixed leg."""
    payment_lag: int = 0
    start: str | date | None = None
    """Forward start: a tenor of a FRA or a swap, the first day of a future's rate."""
    is_overnight: bool = False
    """Whether a future is on a compounded overnight rate."""
    floating: "IborTerms | None" = None
    """Index of the floating leg of a swap."""
    is_over_accrual: bool = False
    """Whether a swap's floating rates are over the periods paid, in place of the index's own."""


class IborTerms(NamedTuple):
    """Conventions of a term index."""

    tenor: str
    day_count: str
    calendar: QlObject
    fixing_days: int
    convention: str
    end_of_month: bool


def _deposit(quote: Quote, held: QlObject, _: QlObject) -> QlObject:
    return quantlib().DepositRateHelper(
        held,
        period(quote.tenor),
        quote.settlement_days,
        quote.calendar,
        convention(quote.convention),
        quote.end_of_month,
        day_count(quote.day_count),
    )


def _fra(quote: Quote, held: QlObject, _: QlObject) -> QlObject:
    return quantlib().FraRateHelper(
        held,
        period(str(quote.start)),
        quantlib().IborIndex(
            "fra",
            period(quote.tenor),
            quote.settlement_days,
            quantlib().USDCurrency(),
            quote.calendar,
            convention(quote.convention),
            quote.end_of_month,
            day_count(quote.day_count),
        ),
    )


def _future(quote: Quote, held: QlObject, _: QlObject) -> QlObject:
    ql = quantlib()
    if not isinstance(quote.start, date):
        raise ValueError("a future needs the first day of its rate")
    start = to_ql(quote.start)
    if quote.is_overnight:
        end = start + period(quote.tenor)
        if start == _third_wednesday(start):
            end = _third_wednesday(end)
        index = _overnight(quote)
        return ql.OvernightIndexFutureRateHelper(held, start, end, index)
    return ql.FuturesRateHelper(
        held,
        start,
        period(quote.tenor).length(),
        quote.calendar,
        convention(quote.convention),
        quote.end_of_month,
        day_count(quote.day_count),
    )


def _third_wednesday(day: QlObject) -> QlObject:
    """Of the day's month: a quarter of a future runs from one to another."""
    ql = quantlib()
    return ql.Date.nthWeekday(3, ql.Wednesday, day.month(), day.year())


def _overnight(quote: Quote) -> QlObject:
    ql = quantlib()
    return ql.OvernightIndex(
        "overnight", 0, ql.USDCurrency(), quote.calendar, day_count(quote.day_count)
    )


def _ois(quote: Quote, held: QlObject, discount: QlObject) -> QlObject:
    ql = quantlib()
    return ql.OISRateHelper(
        quote.settlement_days,
        period(quote.tenor),
        held,
        _overnight(quote),
        discount,
        telescopicValueDates=True,
        paymentLag=quote.payment_lag,
        paymentConvention=convention(quote.convention),
        paymentFrequency=_FREQUENCIES[quote.frequency],
        paymentCalendar=quote.calendar,
        forwardStart=period(str(quote.start or "0D")),
    )


def _swap(quote: Quote, held: QlObject, discount: QlObject) -> QlObject:
    ql = quantlib()
    if quote.floating is None:
        raise ValueError("a swap needs an index")
    terms = quote.floating
    index = ql.IborIndex(
        "index",
        period(terms.tenor),
        terms.fixing_days,
        ql.USDCurrency(),
        terms.calendar,
        convention(terms.convention),
        terms.end_of_month,
        day_count(terms.day_count),
    )
    return ql.SwapRateHelper(
        held,
        period(quote.tenor),
        quote.calendar,
        _FREQUENCIES[quote.frequency],
        convention(quote.convention),
        day_count(quote.day_count),
        index,
        ql.QuoteHandle(),
        period(str(quote.start or "0D")),
        discount,
        quote.settlement_days,
        # Overloaded in QuantLib's binding, which then takes no names.
        ql.Pillar.LastRelevantDate,
        ql.Date(),
        quote.end_of_month,
        not quote.is_over_accrual,
    )


def _par_yield(quote: Quote, held: QlObject, _: QlObject) -> QlObject:
    """A bond at par on its first day: its coupons and principal cost 100.

    That is a swap of its coupons against the growth of the curve itself.
    """
    return _ois(quote, held, quantlib().YieldTermStructureHandle())


_HELPERS: Mapping[str, Callable[[Quote, QlObject, QlObject], QlObject]] = {
    "deposit": _deposit,
    "fra": _fra,
    "future": _future,
    "ois": _ois,
    "swap": _swap,
    "par_yield": _par_yield,
}


def helper(quote: Quote, held: QlObject, discount: QlObject) -> QlObject:
    """QuantLib's helper of a quote.

    Args:
        quote: its conventions.
        held: handle of the value that is moved.
        discount: handle of the curve that discounts a swap; empty for the curve itself.
    """
    return _HELPERS[quote.kind](quote, held, discount)
