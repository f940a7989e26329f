"""Curves from market quotes: QuantLib's helpers, built once, whose quotes are moved."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.rates.conventions import (
    QlObject,
    day_count,
    days_of,
    of_ql,
    quantlib,
    to_ql,
    year_fractions,
)
from margin_assets.kernels.rates.curves import BASIS_POINT, Curve
from margin_assets.kernels.rates.quote_helpers import Quote, helper

_STEP = BASIS_POINT / 10
"""A whole basis point is off by 5e-6 at 30 years, much less by what the solver leaves open."""
_PIECEWISE = {
    "linear_zero": "PiecewiseLinearZero",
    "natural_cubic_zero": "PiecewiseNaturalCubicZero",
    "log_linear_discount": "PiecewiseLogLinearDiscount",
    "log_cubic_discount": "PiecewiseNaturalLogCubicDiscount",
    "monotone_log_cubic_discount": "PiecewiseLogCubicDiscount",
    "kruger_log_discount": "PiecewiseKrugerLogDiscount",
}


class QuotedCurve(NamedTuple):
    """A curve that quotes make."""

    name: str
    reference: date
    day_count: str
    interpolation: str
    quotes: tuple[Quote, ...]
    discount: str | None = None
    """Name of the curve that discounts the swaps among them; none: the curve itself."""


class Unbuildable(ValueError):
    """A curve that its quotes do not make."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


class Bootstrap:
    """Curves of quotes, one hanging on another where it discounts by it."""

    def __init__(
        self, valuation: date, curves: Sequence[QuotedCurve], known: Mapping[str, QlObject]
    ) -> None:
        """Builds the helpers.

        Args:
            valuation: the evaluation day.
            curves: in order, a curve after the one that it is discounted by.
            known: curves of QuantLib that are not built of quotes, by name.
        """
        self._day = to_ql(valuation)
        self._curves = tuple(curves)
        self._quotes: list[list[QlObject]] = []
        self._helpers: list[QlObject] = []
        self._made: dict[str, QlObject] = dict(known)
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
                helper(quote, ql.QuoteHandle(held), handle)
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
        a tenth of a basis point, curves rebuilt by QuantLib.

        Returns:
            Quotes by nodes, the nodes of all curves in order.
        """
        with _evaluated_on(self._day):
            return [
                np.array([self._slope(*pair) for pair in zip(quotes, curve.quotes, strict=True)])
                for quotes, curve in zip(self._quotes, self._curves, strict=True)
            ]

    def _slope(self, held: QlObject, quote: Quote) -> FloatArray:
        value = held.value()
        unit = -100.0 if quote.kind == "future" else 1.0
        ends = []
        for side in (1.0, -1.0):
            held.setValue(value + side * unit * _STEP)
            ends.append(np.concatenate([self._read(c).zero_rates for c in self._curves]))
        held.setValue(value)
        return np.asarray(ends[0] - ends[1]) / (2.0 * _STEP)

    def repricing_errors(self) -> dict[str, float]:
        """Largest difference of a quote and what its curve implies for it, by curve."""
        with _evaluated_on(self._day):
            built = zip(self._curves, self._helpers, strict=True)
            return {curve.name: self._error(curve, helpers) for curve, helpers in built}

    def _error(self, curve: QuotedCurve, helpers: Sequence[QlObject]) -> float:
        self._nodes(curve)
        try:
            return max(abs(float(one.quoteError())) for one in helpers)
        except RuntimeError as error:
            raise Unbuildable(curve.name, str(error)) from None

    def _nodes(self, curve: QuotedCurve) -> Sequence[QlObject]:
        try:
            found: Sequence[QlObject] = self._made[curve.name].nodes()
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
def evaluated_on(day: date) -> Iterator[None]:
    """QuantLib's one evaluation date, set for a while: nothing else may depend on it."""
    with _evaluated_on(to_ql(day)):
        yield


@contextmanager
def _evaluated_on(day: QlObject) -> Iterator[None]:
    settings = quantlib().Settings.instance()
    before = settings.evaluationDate
    # Setting it, even to itself, has every curve that there is built again.
    if before == day:
        yield
        return
    settings.evaluationDate = day
    try:
        yield
    finally:
        settings.evaluationDate = before
