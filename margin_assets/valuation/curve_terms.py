"""Curves, indices and calendars of a valuation document."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from margin_assets.kernels.rates.curves import EXTRAPOLATIONS, INTERPOLATIONS
from margin_assets.kernels.rates.quote_helpers import QUOTE_KINDS
from margin_assets.valuation.parts import (
    CalendarName,
    Convention,
    Currency,
    Day,
    DayCount,
    Days,
    ForwardOver,
    Frequency,
    Id,
    Number,
    OneOf,
    Part,
    Price,
    Rate,
    Share,
    Tenor,
    Years,
)

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
COMPOUNDINGS = {"continuous": 0, "annual": 1, "semiannual": 2, "quarterly": 4, "monthly": 12}

Weekday = Annotated[str, OneOf(WEEKDAYS, lambda text: text.strip().capitalize()[:3])]
Interpolation = Annotated[str, OneOf(INTERPOLATIONS)]
Extrapolation = Annotated[str, OneOf(EXTRAPOLATIONS)]
Compounding = Annotated[str, OneOf(COMPOUNDINGS, str.lower)]
QuoteKind = Annotated[str, OneOf(QUOTE_KINDS)]


class CalendarTerms(Part):
    """A calendar of the document's own."""

    weekend: list[Weekday] = Field(default=["Sat", "Sun"])
    holidays: list[Day] = Field(default_factory=list)
    yearly: list[Annotated[str, Field(pattern=r"^\d{2}-\d{2}$")]] = Field(default_factory=list)
    """Holidays of every year, as MM-DD, on that very day."""
    first_year: Annotated[int, BeforeValidator(int)] = 1970
    last_year: Annotated[int, BeforeValidator(int)] = 2110


class IndexTerms(Part):
    """An index: its curve, and of one that is not known by name, its conventions."""

    curve: Id | None = None
    """The curve that projects it."""
    kind: Literal["term", "overnight"] | None = None
    tenor: Tenor | None = None
    day_count: DayCount | None = None
    calendar: CalendarName | None = None
    fixing_calendar: CalendarName | None = None
    """Absent: of an index known by name its own, else `calendar`."""
    fixing_days: Days | None = None
    convention: Convention | None = None
    end_of_month: bool | None = None


class QuoteConventions(Part):
    """Conventions of all quotes of one kind on a curve."""

    day_count: DayCount | None = None
    calendar: CalendarName | None = None
    settlement_days: Days | None = None
    convention: Convention | None = None
    end_of_month: bool | None = None
    frequency: Frequency | None = None
    payment_lag: Days | None = None
    forward_over: ForwardOver | None = None
    """Of a swap; absent: its index's own periods."""
    index: Id | None = None
    """Floating leg of a swap; absent: the curve's index."""


class QuoteTerms(QuoteConventions):
    """A quote; a convention that is absent is that of its kind on the curve, then of the index."""

    kind: QuoteKind
    tenor: Tenor | None = None
    rate: Rate | None = None
    price: Price | None = None
    """Of a future, 100 less its rate in percent."""
    start: Tenor | None = None
    """Forward start of a FRA or a swap."""
    start_date: Day | None = None
    """First day of the rate of a future."""

    @model_validator(mode="after")
    def says_what_it_quotes(self) -> Self:
        """A future has a price and a first day, everything else a rate and a tenor."""
        if self.kind == "future":
            if self.price is None or self.rate is not None or self.start_date is None:
                raise ValueError("a future needs price and start_date, and takes no rate")
        elif self.rate is None or self.tenor is None or self.price is not None:
            raise ValueError(
                f"a quote of kind {self.kind} needs rate and tenor, and takes no price"
            )
        if self.kind == "fra" and self.start is None:
            raise ValueError("a fra needs start")
        return self


class CurveTerms(Part):
    """A curve: a flat rate, nodes, or quotes."""

    currency: Currency | None = None
    reference_date: Day | None = None
    """Day of discount factor 1; absent: the valuation date."""
    day_count: DayCount = "act/365f"
    interpolation: Interpolation = "linear_zero"
    extrapolation: Extrapolation = "flat_forward"
    compounding: Compounding = "continuous"
    """Of `flat_rate` and `zero_rates`."""
    flat_rate: Rate | None = None
    times: list[Years] | None = None
    dates: list[Day] | None = None
    tenors: list[Tenor] | None = None
    zero_rates: list[Rate] | None = None
    discount_factors: list[Share] | None = None
    quotes: list[QuoteTerms] | None = None
    index: Id | None = None
    """Index of the quotes: its conventions are theirs where they say nothing."""
    discount_curve: Id | None = None
    """Curve that discounts the swaps quoted; absent: the curve itself."""
    conventions: dict[QuoteKind, QuoteConventions] = Field(default_factory=dict)

    @model_validator(mode="after")
    def is_of_one_make(self) -> Self:
        """One of flat_rate, nodes and quotes; nodes ascend and pair with their values."""
        nodes: list[Sequence[Any] | None] = [self.times, self.dates, self.tenors]
        given = [self.flat_rate is not None, any(nodes), self.quotes is not None]
        if sum(given) != 1:
            raise ValueError("needs one of flat_rate, nodes (times, dates or tenors) and quotes")
        if self.quotes is not None and not self.quotes:
            raise ValueError("quotes must not be empty")
        if any(nodes):
            self._check_nodes([places for places in nodes if places is not None])
        return self

    def _check_nodes(self, places: list[Sequence[Any]]) -> None:
        values = [v for v in (self.zero_rates, self.discount_factors) if v is not None]
        if len(places) != 1 or len(values) != 1:
            raise ValueError(
                "nodes need one of times, dates and tenors, and one of zero_rates and "
                "discount_factors"
            )
        if len(places[0]) != len(values[0]):
            raise ValueError(f"{len(places[0])} nodes, but {len(values[0])} values")
        if self.tenors is None and any(
            a >= b for a, b in zip(places[0], places[0][1:], strict=False)
        ):
            raise ValueError("nodes must ascend")
        if self.discount_factors is not None and min(self.discount_factors) <= 0.0:
            raise ValueError("discount factors must be above 0")


class Scenario(Part):
    """Shifts of zero rates in basis points by tenor, linear between, flat outside."""

    name: Id
    shifts_bp: dict[Tenor, Number] = Field(min_length=1)
    curves: list[Id] | None = None
    """Curves that move; absent: all."""
