"""Curves from market quotes: QuantLib's helpers, built once, whose quotes are moved."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any, NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.rates.conventions import (
    convention,
    day_count,
    days_of,
    of_ql,
    period,
    quantlib,
    to_ql,
    year_fractions,
)
from margin_assets.kernels.rates.curves import BASIS_POINT, Curve

QUOTE_KINDS = ("deposit", "fra", "future", "ois", "swap", "par_yield")
_PIECEWISE = {
    "linear_zero": "PiecewiseLinearZero",
    "natural_cubic_zero": "PiecewiseNaturalCubicZero",
    "log_linear_discount": "PiecewiseLogLinearDiscount",
    "log_cubic_discount": "PiecewiseNaturalLogCubicDiscount",
    "monotone_log_cubic_discount": "PiecewiseLogCubicDiscount",
    "kruger_log_discount": "PiecewiseKrugerLogDiscount",
}
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
    calendar: Any
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
    index: "IborTerms | None" = None
    """Floating leg of a swap."""


class IborTerms(NamedTuple):
    """Conventions of a term index."""

    tenor: str
    day_count: str
    calendar: Any
    fixing_days: int
    convention: str
    end_of_month: bool


class QuotedCurve(NamedTuple):
    """A curve that quotes make."""

    name: str
    reference: date
    day_count: str
    interpolation: str
    quotes: tuple[Quote, ...]
    discount: str | None = None
    """Name of the curve that discounts the swaps among them; none: the curve itself."""


class Unbuildable(ValueError):  # noqa: N818 (says what happened)
    """A curve that its quotes do not make."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


class Bootstrap:
    """Curves of quotes, one hanging on another where it discounts by it."""

    def __init__(
        self, valuation: date, curves: Sequence[QuotedCurve], known: Mapping[str, Any]
    ) -> None:
        """Builds the helpers.

        Args:
            valuation: the evaluation day.
            curves: in order, a curve after the one that it is discounted by.
            known: curves of QuantLib that are not built of quotes, by name.
        """
        self._day = to_ql(valuation)
        self._curves = tuple(curves)
        self._quotes: list[list[Any]] = []
        self._helpers: list[Any] = []
        self._made: dict[str, Any] = dict(known)
        with _evaluated_on(self._day):
            for curve in curves:
                self._build(curve)

    def _build(self, curve: QuotedCurve) -> None:
        ql = quantlib()
        handle = ql.YieldTermStructureHandle()
        if curve.discount is not None and curve.discount != curve.name:
            handle = ql.YieldTermStructureHandle(self._made[curve.discount])
        quotes = [ql.SimpleQuote(quote.value) for quote in curve.quotes]
        try:
            helpers = [
                _HELPERS[quote.kind](quote, ql.QuoteHandle(held), handle)
                for quote, held in zip(curve.quotes, quotes, strict=True)
            ]
            made = getattr(ql, _PIECEWISE[curve.interpolation])(
                to_ql(curve.reference), helpers, day_count(curve.day_count)
            )
            made.enableExtrapolation()
            made.nodes()
        except RuntimeError as error:
            raise Unbuildable(curve.name, str(error)) from None
        self._quotes.append(quotes)
        self._helpers.append(helpers)
        self._made[curve.name] = made

    def curves(self) -> dict[str, Curve]:
        """The curves at their quotes.

        Raises:
            Unbuildable: a curve that cannot be built.
        """
        with _evaluated_on(self._day):
            return {curve.name: self._read(curve) for curve in self._curves}

    def node_days(self) -> dict[str, list[int]]:
        """Day of each node of each curve, as days since 1970-01-01."""
        with _evaluated_on(self._day):
            return {
                curve.name: [of_ql(day) for day, _ in self._nodes(curve)] for curve in self._curves
            }

    def move(self, values: Sequence[Sequence[float]]) -> None:
        """Sets the quotes, curve by curve in their order."""
        for quotes, new in zip(self._quotes, values, strict=True):
            for quote, value in zip(quotes, new, strict=True):
                quote.setValue(value)

    def quote_slopes(self) -> list[FloatArray]:
        """For each curve, how much all nodes' zero rates move with each of its quotes.

        A quote of a price moves by its rate: down by 100 times as much. By central differences of
        a basis point, curves rebuilt by QuantLib.

        Returns:
            Quotes by nodes, the nodes of all curves in order.
        """
        with _evaluated_on(self._day):
            return [
                np.array([self._slope(*pair) for pair in zip(quotes, curve.quotes, strict=True)])
                for quotes, curve in zip(self._quotes, self._curves, strict=True)
            ]

    def _slope(self, held: Any, quote: Quote) -> FloatArray:
        value = held.value()
        unit = -100.0 if quote.kind == "future" else 1.0
        ends = []
        for side in (1.0, -1.0):
            held.setValue(value + side * unit * BASIS_POINT)
            ends.append(np.concatenate([self._read(c).zero_rates for c in self._curves]))
        held.setValue(value)
        return np.asarray(ends[0] - ends[1]) / (2.0 * BASIS_POINT)

    def repricing_errors(self) -> dict[str, float]:
        """Largest difference of a quote and what its curve implies for it, by curve."""
        with _evaluated_on(self._day):
            self_checked = zip(self._curves, self._helpers, strict=True)
            return {
                curve.name: max(abs(float(helper.quoteError())) for helper in helpers)
                for curve, helpers in self_checked
                if self._nodes(curve)
            }

    def _nodes(self, curve: QuotedCurve) -> Sequence[Any]:
        try:
            found: Sequence[Any] = self._made[curve.name].nodes()
        except RuntimeError as error:
            raise Unbuildable(curve.name, str(error)) from None
        return found if curve.interpolation.endswith("zero") else found[1:]

    def _read(self, curve: QuotedCurve) -> Curve:
        nodes = self._nodes(curve)
        days = np.array([of_ql(day) for day, _ in nodes], np.int64)
        values = np.array([value for _, value in nodes])
        times = year_fractions(curve.day_count, days_of(curve.reference), days)
        rates = values if curve.interpolation.endswith("zero") else -np.log(values) / times
        return Curve(times, rates, curve.interpolation, "flat_forward")


@contextmanager
def _evaluated_on(day: Any) -> Iterator[None]:
    """QuantLib's one evaluation date, set for a while: nothing else may depend on it."""
    settings = quantlib().Settings.instance()
    before = settings.evaluationDate
    settings.evaluationDate = day
    try:
        yield
    finally:
        settings.evaluationDate = before


def _deposit(quote: Quote, held: Any, _: Any) -> Any:
    return quantlib().DepositRateHelper(
        held,
        period(quote.tenor),
        quote.settlement_days,
        quote.calendar,
        convention(quote.convention),
        quote.end_of_month,
        day_count(quote.day_count),
    )


def _fra(quote: Quote, held: Any, _: Any) -> Any:
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


def _future(quote: Quote, held: Any, _: Any) -> Any:
    ql = quantlib()
    if not isinstance(quote.start, date):
        raise ValueError("a future needs the first day of its rate")
    start = to_ql(quote.start)
    if quote.is_overnight:
        end = start + period(quote.tenor)
        if start == ql.IMM.nextDate(start - 1, False):
            end = ql.IMM.nextDate(end - 7, False)
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


def _overnight(quote: Quote) -> Any:
    ql = quantlib()
    return ql.OvernightIndex(
        "overnight", 0, ql.USDCurrency(), quote.calendar, day_count(quote.day_count)
    )


def _ois(quote: Quote, held: Any, discount: Any) -> Any:
    ql = quantlib()
    return ql.OISRateHelper(
        quote.settlement_days,
        period(quote.tenor),
        held,
        _overnight(quote),
        discount,
        True,
        quote.payment_lag,
        convention(quote.convention),
        _FREQUENCIES[quote.frequency],
        quote.calendar,
        period(str(quote.start or "0D")),
    )


def _swap(quote: Quote, held: Any, discount: Any) -> Any:
    ql = quantlib()
    if quote.index is None:
        raise ValueError("a swap needs an index")
    terms = quote.index
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
    )


def _par_yield(quote: Quote, held: Any, _: Any) -> Any:
    """A bond at par on its first day: its coupons and principal cost 100.

    That is a swap of its coupons against the growth of the curve itself.
    """
    return _ois(quote, held, quantlib().YieldTermStructureHandle())


_HELPERS = {
    "deposit": _deposit,
    "fra": _fra,
    "future": _future,
    "ois": _ois,
    "swap": _swap,
    "par_yield": _par_yield,
}
