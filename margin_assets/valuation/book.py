"""The instruments of a document laid out: parts with their flows, each hanging on a discount curve."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from margin_assets.kernels.rates.bills import Bill as BillDays
from margin_assets.kernels.rates.bills import bill as bill_days
from margin_assets.kernels.rates.bonds import BondTerms, bond_terms
from margin_assets.kernels.rates.conventions import convention, days_of, period, quantlib, to_ql
from margin_assets.kernels.rates.flows import Flows, joined, known_cash
from margin_assets.kernels.rates.legs import (
    OvernightIndex,
    Payments,
    Period,
    TermIndex,
    Timetable,
    fixed_leg,
    overnight_leg,
    periods,
    repaid,
    term_leg,
)
from margin_assets.valuation.document import Document
from margin_assets.valuation.instrument_terms import (
    Bill,
    Bondlike,
    FixedBond,
    FixedLeg,
    FloatingLeg,
    FloatingRateNote,
    Swap,
)
from margin_assets.valuation.market import Market
from margin_assets.whatif.agreement import DocumentError

VALUE, ANNUITY = "value", "annuity"


class LaidPart(NamedTuple):
    """A leg, or a whole bond: what has flows and a discount curve of its own."""

    owner: int
    """Place of its instrument in the document."""
    role: str
    """`VALUE` counts; `ANNUITY` is a unit rate on the fixed leg, from which a par rate follows."""
    flows: Flows
    discount: int | None
    """Number of its discount curve; none if the document names none."""


class LaidBond(NamedTuple):
    """A bond and the day it settles on."""

    settlement: date
    fixed: BondTerms | None
    rows: tuple[Period, ...]
    bill: BillDays | None


class Book(NamedTuple):
    """All instruments laid out."""

    parts: tuple[LaidPart, ...]
    bonds: Mapping[int, LaidBond]
    flows: Flows
    """Of all parts, numbered by part."""


def lay_out(document: Document, market: Market) -> Book:
    """The instruments as flows.

    Raises:
        DocumentError: terms that make no schedule, or a name that leads nowhere.
    """
    parts: list[LaidPart] = []
    bonds: dict[int, LaidBond] = {}
    for i, instrument in enumerate(document.instruments):
        desk = _Desk(document, market, i)
        try:
            if isinstance(instrument, Swap):
                parts += _swap(desk, instrument, len(parts))
            else:
                laid, bonds[i] = _LAYOUTS[instrument.kind](desk, instrument, len(parts))
                parts.append(laid)
        except ValueError as error:
            if isinstance(error, DocumentError):
                raise
            raise DocumentError(f"instruments[{i}]: {error}") from None
    return Book(tuple(parts), bonds, joined([part.flows for part in parts]))


class _Desk(NamedTuple):
    """Where an instrument is laid out, with what it may name."""

    document: Document
    market: Market
    number: int

    @property
    def place(self) -> str:
        return f"instruments[{self.number}]"

    def calendar(self, name: str | None, key: str = "calendar") -> Any:
        return self.market.calendars.get(name or "none", f"{self.place}.{key}")

    def discount(self, instrument: Bondlike | Swap) -> int | None:
        """Number of the discount curve: the one it names, or by currency and collateral."""
        currency = instrument.currency or self.document.currency
        by = self.document.discounting.get(currency, {})
        collateral = instrument.csa_currency or currency
        name = instrument.discount_curve or by.get(collateral)
        if name is None:
            return None
        number = self.market.number(name)
        if number is None:
            raise DocumentError(f"{self.place}: there is no curve {name!r} to discount by")
        return number


def _settlement(desk: _Desk, bond: Bondlike) -> date:
    """The day it settles on; never before it is issued."""
    day = bond.settlement_date
    if day is None:
        where = desk.calendar(getattr(bond, "calendar", None))
        start = to_ql(desk.document.valuation_date)
        found = where.advance(start, bond.settlement_days, quantlib().Days)
        day = date(found.year(), found.month(), found.dayOfMonth())
    issued = getattr(bond, "issue_date", None)
    return max(day, issued) if issued is not None else day


def _first_day(bond: FixedBond | FloatingRateNote, frequency: str, settlement: date) -> date:
    """First day of accrual: as stated, else whole periods before the last, before settlement."""
    if bond.dates:
        return bond.dates[0]
    stated = bond.start_date or bond.issue_date
    if stated is not None:
        return stated
    length = period(frequency)
    if length.length() == 0:
        raise ValueError("start_date or issue_date is missing for a bond that pays once")
    last, wanted, back = to_ql(bond.maturity), to_ql(settlement), 1
    while last - length * back > wanted:
        back += 1
    day = last - length * back
    return date(day.year(), day.month(), day.dayOfMonth())


class _Settled(NamedTuple):
    """What a bond's schedule takes from its kind where its terms say nothing."""

    day: date
    frequency: str
    day_count: str
    calendar: str = "none"
    convention: str = "unadjusted"


def _timetable(desk: _Desk, bond: FixedBond | FloatingRateNote, settled: _Settled) -> Timetable:
    return Timetable(
        _first_day(bond, settled.frequency, settled.day),
        bond.maturity,
        settled.frequency,
        settled.day_count,
        desk.calendar(bond.calendar or settled.calendar),
        bond.convention or settled.convention,
        bond.end_convention,
        bond.rule,
        bond.end_of_month,
        bond.first_date,
        bond.next_to_last_date,
        bond.payment_convention or "following",
        bond.payment_lag or 0,
        desk.calendar(bond.payment_calendar or bond.calendar or settled.calendar),
        bond.ex_coupon_days,
        desk.calendar(bond.ex_coupon_calendar or bond.calendar or settled.calendar),
        tuple(bond.dates or ()),
    )


def _fixed_bond(desk: _Desk, bond: FixedBond, number: int) -> tuple[LaidPart, LaidBond]:
    day = _settlement(desk, bond)
    if bond.frequency is None and not bond.dates:
        raise ValueError("frequency is missing")
    settled = _Settled(day, bond.frequency or "annual", bond.day_count)
    rows = periods(_timetable(desk, bond, settled))
    shares = tuple(bond.outstanding or (1.0,))
    rates = tuple(bond.coupons or (bond.coupon or 0.0,))
    terms = bond_terms(rows, Payments(shares, rates), bond.redemption / 100.0, bond.day_count)
    days = [_days(row.pay) for row in rows]
    flows = joined(
        [
            known_cash(number, days, [bond.notional * c for c in terms.coupons]),
            known_cash(number, days, [bond.notional * p for p in terms.principals]),
        ]
    )
    part = LaidPart(desk.number, VALUE, flows, desk.discount(bond))
    return part, LaidBond(day, terms, tuple(rows), None)


def _days(day: Any) -> int:
    return days_of(date(day.year(), day.month(), day.dayOfMonth()))


def _note(desk: _Desk, bond: FloatingRateNote, number: int) -> tuple[LaidPart, LaidBond]:
    day = _settlement(desk, bond)
    index = desk.market.indices[bond.index]
    frequency = bond.frequency or (index.tenor if isinstance(index, TermIndex) else "quarterly")
    count = bond.day_count or index.day_count
    settled = _Settled(day, frequency, count, convention="modified_following")
    where = bond.calendar
    rows = periods(_timetable(desk, bond, settled)._replace(
        **({} if where else {"calendar": index.calendar, "payment_calendar": index.calendar})
    ))
    shares = tuple(bond.notional * share for share in bond.outstanding or (1.0,))
    paid = Payments(shares, (bond.spread,), bond.averaging == "averaged")
    back = repaid(number, rows, paid)
    back = back._replace(amount=back.amount * (bond.redemption / 100.0))
    flows = joined([_floating(number, rows, paid, index), back])
    part = LaidPart(desk.number, VALUE, flows, desk.discount(bond))
    return part, LaidBond(day, None, tuple(rows), None)


def _floating(
    number: int, rows: Sequence[Period], paid: Payments, index: TermIndex | OvernightIndex
) -> Flows:
    if isinstance(index, TermIndex):
        return term_leg(number, rows, paid, index)
    return overnight_leg(number, rows, paid, index)


def _bill(desk: _Desk, bond: Bill, number: int) -> tuple[LaidPart, LaidBond]:
    day = _settlement(desk, bond)
    flows = known_cash(number, [days_of(bond.maturity)], [bond.notional])
    part = LaidPart(desk.number, VALUE, flows, desk.discount(bond))
    terms = bill_days(day, bond.maturity) if day < bond.maturity else None
    if terms is not None and bond.year_days is not None:
        terms = terms._replace(year_days=bond.year_days)
    return part, LaidBond(day, None, (), terms)


_LAYOUTS: Mapping[str, Callable[..., tuple[LaidPart, LaidBond]]] = {
    "fixed_bond": _fixed_bond,
    "floating_rate_note": _note,
    "bill": _bill,
}


def _swap(desk: _Desk, swap: Swap, number: int) -> list[LaidPart]:
    """Its legs, and a unit rate on the fixed leg if it has one."""
    discount = desk.discount(swap)
    parts = []
    for k, leg in enumerate(swap.legs):
        flows = _leg(desk, swap, (k, leg), number + len(parts))
        parts.append(LaidPart(desk.number, VALUE, flows, discount))
    fixed = [(k, leg) for k, leg in enumerate(swap.legs) if isinstance(leg, FixedLeg)]
    if len(fixed) == 1:
        k, leg = fixed[0]
        unit = leg.model_copy(update={"rate": 1.0, "rates": None, "exchanges_notional": False})
        flows = _leg(desk, swap, (k, unit), number + len(parts))
        parts.append(LaidPart(desk.number, ANNUITY, flows, discount))
    return parts


def _leg(
    desk: _Desk, swap: Swap, placed: tuple[int, FixedLeg | FloatingLeg], number: int
) -> Flows:
    k, leg = placed
    index = desk.market.indices[leg.index] if isinstance(leg, FloatingLeg) else None
    rows = periods(_leg_timetable(desk, swap, leg, index))
    sign = 1.0 if leg.side == "receive" else -1.0
    held = tuple(leg.notionals or (leg.notional or swap.notional,))
    notionals = tuple(sign * amount for amount in held)
    if index is None or isinstance(leg, FixedLeg):
        paid = Payments(notionals, tuple(leg.rates or (leg.rate or 0.0,)))  # type: ignore[union-attr]
        flows = fixed_leg(number, rows, paid)
    else:
        spreads = tuple(leg.spreads or (leg.spread or 0.0,))
        is_over_accrual = leg.forward_over == "accrual_period"
        paid = Payments(notionals, spreads, leg.averaging == "averaged", is_over_accrual)
        flows = _floating(number, rows, paid, index)
    if leg.exchanges_notional:
        flows = joined([flows, repaid(number, rows, paid, is_lent_first=True)])
    return flows


def _leg_timetable(
    desk: _Desk, swap: Swap, leg: FixedLeg | FloatingLeg, index: TermIndex | OvernightIndex | None
) -> Timetable:
    frequency = leg.frequency or (index.tenor if isinstance(index, TermIndex) else "annual")
    count = leg.day_count or (index.day_count if index is not None else None)
    own = None if index is None else index.calendar
    where = desk.calendar(leg.calendar, "legs.calendar") if leg.calendar or own is None else own
    paid_on = desk.calendar(leg.payment_calendar) if leg.payment_calendar else where
    roll = leg.convention or "modified_following"
    convention(roll)
    return Timetable(
        leg.start_date or swap.start_date,
        leg.end_date or swap.end_date,
        frequency,
        str(count),
        where,
        roll,
        leg.end_convention,
        leg.rule,
        leg.end_of_month,
        leg.first_date,
        leg.next_to_last_date,
        leg.payment_convention or ("following" if leg.payment_lag else roll),
        leg.payment_lag or 0,
        paid_on,
        0,
        None,
        tuple(leg.dates or ()),
    )
