"""A seeded book of bonds and swaps in four currencies, for us and for QuantLib from its terms."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.rates.conventions import calendar, days_of, quantlib, to_ql
from margin_assets.kernels.rates.fixings import overnight_past, term_past
from margin_assets.kernels.rates.flows import Flows, joined
from margin_assets.kernels.rates.legs import (
    OvernightIndex,
    Payments,
    TermIndex,
    Timetable,
    fixed_leg,
    overnight_leg,
    periods,
    repaid,
    schedule,
    term_leg,
)
from margin_assets.kernels.rates.terms import Past

TODAY = date(2026, 1, 28)
CURRENCIES = ("USD", "EUR", "GBP", "JPY")
NODE_DAYS = np.array([30, 91, 182, 365, 730, 1095, 1825, 2555, 3650, 7300, 11000])
"""Also the key rates, so that a bump of a node of QuantLib's is one of a key rate."""
BASE = {"USD": 0.036, "EUR": 0.021, "GBP": 0.037, "JPY": 0.009}
SPREADS = np.arange(0.004, 0.034, 0.0015)
KINDS = ("treasury", "corporate", "overnight_swap", "term_swap")
_DAY_COUNTS = {"USD": "act/360", "EUR": "act/360", "GBP": "act/365f", "JPY": "act/365f"}
_CALENDARS = {"USD": "us sofr", "EUR": "target", "GBP": "uk exchange", "JPY": "japan"}
_FIXING = 0.0005


class Deal(NamedTuple):
    """Terms of one instrument of the book."""

    kind: str
    currency: str
    notional: float
    start: date
    end: date
    rate: float
    spread: float
    """Of a corporate over its curve."""
    is_payer: bool


class Market(NamedTuple):
    """Curves by number: discount curves of the currencies, then their projection curves."""

    zero_rates: npt.NDArray[np.float64]
    """Curves by nodes."""


def market() -> Market:
    """Curves that rise with the years, the term index a little above the overnight one."""
    years = NODE_DAYS / 365
    shape = 0.006 * np.log1p(years) - 0.002 * np.exp(-years)
    rows = [BASE[c] + shape for c in CURRENCIES]
    return Market(np.array([*rows, *(row + 0.0015 for row in rows)]))


def deals(count: int, seed: int = 14) -> list[Deal]:
    """Treasuries, corporates, seasoned and fresh swaps; up to 29 years to go."""
    rng = np.random.default_rng(seed)
    made = []
    for n in range(count):
        kind = KINDS[int(rng.choice(4, p=[0.3, 0.3, 0.2, 0.2]))]
        currency = CURRENCIES[int(rng.choice(4, p=[0.55, 0.25, 0.12, 0.08]))]
        if kind == "treasury":
            currency = "USD"
        age, years = int(rng.integers(5, 340)), int(rng.choice([2, 3, 5, 7, 10, 15, 20, 29]))
        start = TODAY - timedelta(age)
        start = start.replace(day=min(start.day, 28))
        made.append(
            Deal(
                kind,
                currency,
                1e6 * int(rng.integers(1, 50)),
                start,
                start.replace(year=start.year + years),
                round(BASE[currency] + float(rng.normal(0.004, 0.006)), 5),
                float(SPREADS[n % SPREADS.size]) if kind == "corporate" else 0.0,
                bool(rng.random() < 0.5),
            )
        )
    return made


def indices() -> tuple[list[OvernightIndex], list[TermIndex]]:
    """An overnight and a term index of each currency, numbered as the curves that project them."""
    places = enumerate(CURRENCIES)
    where = [calendar(_CALENDARS[c]) for c in CURRENCIES]
    overnight = [OvernightIndex(i, _DAY_COUNTS[c], where[i]) for i, c in places]
    places = enumerate(CURRENCIES)
    term = [
        TermIndex(len(CURRENCIES) + i, "6M", _DAY_COUNTS[c], where[i], 2, "modified_following")
        for i, c in places
    ]
    return overnight, term


def fixings(index: Any) -> dict[date, float]:
    """A fixing of every business day of the last year, not of today."""
    first = to_ql(TODAY - timedelta(365))
    days = index.calendar.businessDayList(first, to_ql(TODAY) - 1)
    return {
        date(d.year(), d.month(), d.dayOfMonth()): BASE[CURRENCIES[index.number % 4]] + _FIXING
        for d in days
    }


def past() -> Past:
    """What the indices have fixed at."""
    overnight, term = indices()
    span = (days_of(TODAY) - 365, days_of(TODAY))
    return Past(
        {i.number: term_past(fixings(i)) for i in term},
        {i.number: overnight_past(fixings(i), i.day_count, i.calendar, span) for i in overnight},
        {i.number: i.calendar for i in overnight},
    )


def timetable(deal: Deal, frequency: str) -> Timetable:
    """Dates of a deal's leg."""
    is_bond = deal.kind in ("treasury", "corporate")
    return Timetable(
        deal.start,
        deal.end,
        frequency,
        {"treasury": "act/act isma", "corporate": "30/360 us"}.get(
            deal.kind, _DAY_COUNTS[deal.currency]
        ),
        calendar("none" if is_bond else _CALENDARS[deal.currency]),
        "unadjusted" if is_bond else "modified_following",
        payment_calendar=calendar(_CALENDARS[deal.currency]),
        payment_convention="following" if is_bond else "modified_following",
    )


def laid_out(book: list[Deal]) -> Flows:
    """Flows of the whole book."""
    overnight, term = indices()
    parts = (_flows(n, deal, overnight, term) for n, deal in enumerate(book))
    return joined([flows for one in parts for flows in one])


def _flows(
    n: int, deal: Deal, overnight: list[OvernightIndex], term: list[TermIndex]
) -> Iterator[Flows]:
    sign = -1.0 if deal.is_payer else 1.0
    place = CURRENCIES.index(deal.currency)
    if deal.kind in ("treasury", "corporate"):
        rows = periods(timetable(deal, "6M"))
        held = Payments((deal.notional,), (deal.rate,))
        yield fixed_leg(n, rows, held)
        yield repaid(n, rows, held)
        return
    rows = periods(timetable(deal, "1Y"))
    yield fixed_leg(n, rows, Payments((sign * deal.notional,), (deal.rate,)))
    other = Payments((-sign * deal.notional,), (0.0,))
    if deal.kind == "overnight_swap":
        yield overnight_leg(n, rows, other, overnight[place])
    else:
        yield term_leg(n, periods(timetable(deal, "6M")), other, term[place])


class Peer:
    """The book in QuantLib, its curves behind handles that a scenario relinks."""

    def __init__(self, book: list[Deal], curves: Market) -> None:
        """Builds every instrument once."""
        ql = quantlib()
        ql.Settings.instance().evaluationDate = to_ql(TODAY)
        self._base = curves.zero_rates
        self._handles = [ql.RelinkableYieldTermStructureHandle() for _ in self._base]
        self.link(np.zeros(NODE_DAYS.size))
        self._indices = self._made_indices()
        self.instruments = [self._made(deal) for deal in book]

    def link(self, shift: npt.NDArray[np.float64]) -> None:
        """Moves all curves by so much at each node."""
        ql = quantlib()
        today = to_ql(TODAY)
        dates = [today, *(today + int(day) for day in NODE_DAYS)]
        for handle, rates in zip(self._handles, self._base + shift, strict=True):
            curve = ql.ZeroCurve(dates, [rates[0], *rates.tolist()], ql.Actual365Fixed())
            curve.enableExtrapolation()
            handle.linkTo(curve)

    def values(self) -> npt.NDArray[np.float64]:
        """Every instrument repriced."""
        return np.array([one.NPV() for one in self.instruments])

    def _made_indices(self) -> list[Any]:
        ql = quantlib()
        overnight, term = indices()
        money = ql.USDCurrency()
        made = []
        for own in overnight:
            days = ql.Actual360() if own.day_count == "act/360" else ql.Actual365Fixed()
            handle = self._handles[own.number]
            made.append(ql.OvernightIndex(f"o{own.number}", 0, money, own.calendar, days, handle))
        for tenor in term:
            days = ql.Actual360() if tenor.day_count == "act/360" else ql.Actual365Fixed()
            handle = self._handles[tenor.number]
            made.append(
                ql.IborIndex(
                    f"t{tenor.number}",
                    ql.Period("6M"),
                    2,
                    money,
                    tenor.calendar,
                    ql.ModifiedFollowing,
                    False,  # noqa: FBT003 (QuantLib's binding takes no names here)
                    days,
                    handle,
                )
            )
        for index, ours in zip(made, [*overnight, *term], strict=True):
            index.clearFixings()
            for day, rate in fixings(ours).items():
                index.addFixing(to_ql(day), rate)
        return made

    def _made(self, deal: Deal) -> Any:
        ql = quantlib()
        place = CURRENCIES.index(deal.currency)
        discount = self._handles[place]
        if deal.kind in ("treasury", "corporate"):
            return self._bond(deal, discount)
        shape = timetable(deal, "1Y")
        days = ql.Actual360() if shape.day_count == "act/360" else ql.Actual365Fixed()
        fixed = ql.FixedRateLeg(
            schedule=schedule(shape),
            dayCount=days,
            nominals=[deal.notional],
            couponRates=[deal.rate],
            paymentAdjustment=ql.ModifiedFollowing,
        )
        if deal.kind == "overnight_swap":
            floating = ql.OvernightLeg(
                nominals=[deal.notional],
                schedule=schedule(shape),
                index=self._indices[place],
                paymentConvention=ql.ModifiedFollowing,
                telescopicValueDates=True,
            )
        else:
            floating = ql.IborLeg(
                nominals=[deal.notional],
                schedule=schedule(timetable(deal, "6M")),
                index=self._indices[len(CURRENCIES) + place],
                paymentConvention=ql.ModifiedFollowing,
                withIndexedCoupons=True,
            )
        legs = (fixed, floating) if deal.is_payer else (floating, fixed)
        swap = ql.Swap(*legs)
        swap.setPricingEngine(ql.DiscountingSwapEngine(discount))
        return swap

    def _bond(self, deal: Deal, discount: Any) -> Any:
        ql = quantlib()
        shape = timetable(deal, "6M")
        bond = ql.FixedRateBond(
            settlementDays=1,
            faceAmount=deal.notional,
            schedule=schedule(shape),
            coupons=[deal.rate],
            paymentDayCounter=ql.ActualActual(ql.ActualActual.ISMA)
            if deal.kind == "treasury"
            else ql.Thirty360(ql.Thirty360.USA),
            paymentConvention=ql.Following,
            redemption=100.0,
            issueDate=to_ql(deal.start),
            paymentCalendar=shape.payment_calendar,
        )
        if deal.spread:
            quote = ql.QuoteHandle(ql.SimpleQuote(deal.spread))
            spread = ql.ZeroSpreadedTermStructure(discount, quote)
            spread.enableExtrapolation()
            discount = ql.YieldTermStructureHandle(spread)
        bond.setPricingEngine(ql.DiscountingBondEngine(discount))
        return bond
