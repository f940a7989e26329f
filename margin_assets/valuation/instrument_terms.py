"""Instruments of a valuation document, kind by kind."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from margin_assets.kernels.rates.yields import COMPOUNDINGS
from margin_assets.valuation.parts import (
    Amount,
    CalendarName,
    Convention,
    Currency,
    Day,
    DayCount,
    Days,
    ForwardOver,
    Frequency,
    Id,
    NotNegative,
    OneOf,
    Positive,
    Price,
    Rate,
    Rates,
    Rule,
    Share,
)
from margin_assets.valuation.parts import Part as _Part

YieldCompounding = Annotated[str, OneOf(COMPOUNDINGS)]
COUPON_COMPOUNDINGS = {"simple": 0, "annual": 1, "semiannual": 2, "quarterly": 4}
CouponCompounding = Annotated[str, OneOf(COUPON_COMPOUNDINGS)]
Side = Literal["pay", "receive"]


class _Dated(_Part):
    """Dates of a schedule that every coupon-bearing part has."""

    frequency: Frequency | None = None
    calendar: CalendarName | None = None
    """Absent: of a leg, the index's; else `none`, which knows no holiday."""
    convention: Convention | None = None
    end_convention: Convention | None = None
    """Of the last day; absent: `convention`."""
    rule: Rule = "backward"
    end_of_month: bool = False
    first_date: Day | None = None
    """End of an irregular first period."""
    next_to_last_date: Day | None = None
    """Start of an irregular last period."""
    dates: list[Day] | None = None
    """Period ends in order, from the start on, in place of a generated schedule."""
    payment_convention: Convention | None = None
    payment_lag: Days | None = None
    payment_calendar: CalendarName | None = None


class _Instrument(_Part):
    """What every instrument has."""

    id: Id
    notional: Amount
    """Face or notional in its currency; a negative one is a short bond."""
    currency: Currency | None = None
    """Absent: the document's."""
    discount_curve: Id | None = None
    """Absent: by `discounting`, from its currency and that of its collateral."""
    csa_currency: Currency | None = None
    """Currency of the collateral; absent: the instrument's own."""
    desk: Id | None = None
    legal_entity: Id | None = None


class _Priced(_Instrument):
    """What a bond is quoted at: at most one; it is then valued at the curve and its z-spread."""

    settlement_days: Days = 1
    settlement_date: Day | None = None
    clean_price: Price | None = None
    """Per 100 of face, as all prices here."""
    dirty_price: Price | None = None
    z_spread: Rate | None = None
    """Continuously compounded over the discount curve."""


class _Bond(_Priced, _Dated):
    maturity: Day
    issue_date: Day | None = None
    start_date: Day | None = None
    """First day of accrual; absent: the issue date, else whole periods before settlement."""
    redemption: Positive = 100.0
    """Per 100 of principal."""
    outstanding: Annotated[list[Share], Field(min_length=1)] | None = None
    """Principal outstanding in each period, as a share of the face; the last one repeats."""
    ex_coupon_days: Days = 0
    """Business days before a coupon from which on the bond trades without it."""
    ex_coupon_calendar: CalendarName | None = None

    @model_validator(mode="after")
    def begins_before_it_ends(self) -> Self:
        """Issue and first day of accrual are before maturity."""
        for name in ("issue_date", "start_date"):
            day = getattr(self, name)
            if day is not None and day >= self.maturity:
                raise ValueError(f"{name} {day} is not before maturity {self.maturity}")
        return self


class FixedBond(_Bond):
    """Bond with fixed or stepped coupons, bullet or amortising."""

    kind: Literal["fixed_bond"]
    coupon: Rate | None = None
    coupons: Rates | None = None
    """One a period; the last one repeats."""
    day_count: DayCount = "act/act isma"
    coupon_compounding: CouponCompounding = "simple"
    """Whether a coupon compounds within its period, and how often a year."""
    yield_rate: Rate | None = Field(default=None, alias="yield")
    yield_compounding: YieldCompounding = "compounded"
    yield_frequency: Frequency | None = None
    """Absent: the coupon's, or yearly if it pays once."""
    yield_day_count: DayCount | None = None
    """Absent: the coupon's."""

    @model_validator(mode="after")
    def has_one_coupon_and_one_price(self) -> Self:
        """One of coupon and coupons; at most one of the ways to say a price."""
        if (self.coupon is None) == (self.coupons is None):
            raise ValueError("needs one of coupon and coupons")
        _at_most_one(self, "clean_price", "dirty_price", "yield_rate", "z_spread")
        return self


class FloatingRateNote(_Bond):
    """Note that pays an index and a margin."""

    kind: Literal["floating_rate_note"]
    index: Id
    spread: Rate = 0.0
    day_count: DayCount | None = None
    """Absent: the index's."""
    averaging: Literal["compounded", "averaged"] = "compounded"
    """Of an overnight index."""
    forward_over: ForwardOver = "index_period"
    fixing_days: Days | None = None
    """From the fixing of a term rate to the start of its period; absent: the index's."""

    @model_validator(mode="after")
    def has_one_price(self) -> Self:
        """At most one of the ways to say a price."""
        _at_most_one(self, "clean_price", "dirty_price", "z_spread")
        return self


class Bill(_Priced):
    """Discount bill; what it is quoted at may also be a rate."""

    kind: Literal["bill"]
    maturity: Day
    discount_rate: Rate | None = None
    """On a year of 360 days."""
    investment_rate: Rate | None = None
    """Coupon equivalent."""
    year_days: Literal[365, 366] | None = None
    """Basis of the investment rate; absent: 366 if the year after settlement has a leap day."""

    @model_validator(mode="after")
    def has_one_price(self) -> Self:
        """At most one of the ways to say a price."""
        names = ("clean_price", "dirty_price", "z_spread", "discount_rate", "investment_rate")
        _at_most_one(self, *names)
        return self


class _Leg(_Dated):
    side: Side
    start_date: Day | None = None
    """Absent: the swap's."""
    end_date: Day | None = None
    notional: Positive | None = None
    """Absent: the swap's."""
    notionals: Annotated[list[NotNegative], Field(min_length=1)] | None = None
    """One a period, for a notional that amortises or grows; the last one repeats."""
    exchanges_notional: bool = False
    """Whether the notional is paid at the start and paid back."""
    day_count: DayCount | None = None

    @model_validator(mode="after")
    def has_one_notional(self) -> Self:
        """At most one of notional and notionals."""
        _at_most_one(self, "notional", "notionals")
        return self


class FixedLeg(_Leg):
    """Leg that pays a fixed rate; its frequency and day count must be said."""

    kind: Literal["fixed"]
    rate: Rate | None = None
    rates: Rates | None = None
    """One a period; the last one repeats."""
    coupon_compounding: CouponCompounding = "simple"
    """Whether a payment compounds within its period, and how often a year."""

    @model_validator(mode="after")
    def is_complete(self) -> Self:
        """One of rate and rates; a day count and a frequency."""
        if (self.rate is None) == (self.rates is None):
            raise ValueError("needs one of rate and rates")
        if self.day_count is None or (self.frequency is None and self.dates is None):
            raise ValueError("a fixed leg needs day_count and frequency")
        return self


class Stub(_Part):
    """What an irregular first or last period of a floating leg pays: one of three."""

    index: Id | None = None
    indices: Annotated[list[Id], Field(min_length=2, max_length=2)] | None = None
    """A shorter and a longer term index, between which the rate is interpolated by days."""
    rate: Rate | None = None
    """Agreed rate, without the leg's spread."""

    @model_validator(mode="after")
    def says_one(self) -> Self:
        """Exactly one of index, indices and rate."""
        if [self.index, self.indices, self.rate].count(None) != len(("index", "indices")):
            raise ValueError("needs one of index, indices and rate")
        return self


class FloatingLeg(_Leg):
    """Leg that pays an index and a spread; what it does not say is the index's."""

    kind: Literal["floating"]
    index: Id
    spread: Rate | None = None
    spreads: Rates | None = None
    initial_stub: Stub | None = None
    """Of the first period; absent: it pays the leg's index as the others do."""
    final_stub: Stub | None = None
    averaging: Literal["compounded", "averaged"] = "compounded"
    """Of an overnight index."""
    forward_over: ForwardOver = "index_period"
    fixing_days: Days | None = None
    """From the fixing of a term rate to the start of its period; absent: the index's."""

    @model_validator(mode="after")
    def has_one_spread(self) -> Self:
        """At most one of spread and spreads."""
        _at_most_one(self, "spread", "spreads")
        return self


class Swap(_Instrument):
    """Swap of legs, each with its side."""

    kind: Literal["swap"]
    start_date: Day
    end_date: Day
    legs: Annotated[
        list[Annotated[FixedLeg | FloatingLeg, Field(discriminator="kind")]],
        Field(min_length=1, max_length=8),
    ]

    @model_validator(mode="after")
    def is_in_order(self) -> Self:
        """It ends after it starts, and its notional says no side: the legs do."""
        if self.start_date >= self.end_date:
            raise ValueError("end_date is not after start_date")
        if self.notional < 0.0:
            raise ValueError("notional of a swap must be above 0: its legs say pay or receive")
        return self


Bondlike = FixedBond | FloatingRateNote | Bill
Instrument = Annotated[FixedBond | FloatingRateNote | Bill | Swap, Field(discriminator="kind")]
INSTRUMENTS: Mapping[str, type[_Part]] = {
    "fixed_bond": FixedBond,
    "floating_rate_note": FloatingRateNote,
    "bill": Bill,
    "swap": Swap,
}
LEGS: Mapping[str, type[_Part]] = {"fixed": FixedLeg, "floating": FloatingLeg}


def _at_most_one(part: _Part, *names: str) -> None:
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) > 1:
        told = ", ".join(names).replace("yield_rate", "yield")
        raise ValueError(f"takes at most one of {told}")
