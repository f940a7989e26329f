"""The instruments of a document laid out: parts with flows, each hanging on a discount curve."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import NamedTuple

from margin_assets.kernels.rates.bills import Bill as BillDays
from margin_assets.kernels.rates.bills import bill as bill_days
from margin_assets.kernels.rates.bonds import BondTerms, bond_terms
from margin_assets.kernels.rates.conventions import (
    QlObject,
    days_of,
    period,
    quantlib,
    to_ql,
)
from margin_assets.kernels.rates.flows import Flows, joined, known_cash
from margin_assets.kernels.rates.legs import (
    Payments,
    Period,
    TermIndex,
    Timetable,
    periods,
    repaid,
)
from margin_assets.valuation.document import Document
from margin_assets.valuation.instrument_terms import (
    COUPON_COMPOUNDINGS,
    Bill,
    Bondlike,
    FixedBond,
    FloatingRateNote,
    Swap,
)
from margin_assets.valuation.market import RatesMarket
from margin_assets.valuation.swap_legs import VALUE, Desk, LaidPart, floating_leg, swap_legs
from margin_assets.whatif.agreement import DocumentError


class LaidBond(NamedTuple):
    """A bond and the day it settles on."""

    terms: Bondlike
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


def lay_out(document: Document, market: RatesMarket) -> Book:
    """The instruments as flows.

    Raises:
        DocumentError: terms that make no schedule, or a name that leads nowhere.
    """
    parts: list[LaidPart] = []
    bonds: dict[int, LaidBond] = {}
    for i, instrument in enumerate(document.instruments):
        desk = Desk(document, market, i)
        try:
            if isinstance(instrument, Swap):
                parts += swap_legs(desk, instrument, len(parts))
            else:
                laid, bonds[i] = _LAYOUTS[instrument.kind](desk, instrument, len(parts))
                parts.append(laid)
        except (ValueError, RuntimeError) as error:
            if isinstance(error, DocumentError):
                raise
            raise DocumentError(f"instruments[{i}]: {error}") from None
    return Book(tuple(parts), bonds, joined([part.flows for part in parts]))


def _settlement(desk: Desk, bond: Bondlike) -> date:
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


def _timetable(desk: Desk, bond: FixedBond | FloatingRateNote, settled: _Settled) -> Timetable:
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


def _fixed_bond(desk: Desk, bond: FixedBond, number: int) -> tuple[LaidPart, LaidBond]:
    day = _settlement(desk, bond)
    if bond.frequency is None and not bond.dates:
        raise ValueError("frequency is missing")
    settled = _Settled(day, bond.frequency or "annual", bond.day_count)
    rows = periods(_timetable(desk, bond, settled))
    shares = tuple(bond.outstanding or (1.0,))
    rates = tuple(bond.coupons or (bond.coupon or 0.0,))
    often = COUPON_COMPOUNDINGS[bond.coupon_compounding]
    terms = bond_terms(
        rows,
        Payments(shares, rates, compounded_a_year=often),
        bond.redemption / 100.0,
        bond.day_count,
    )
    days = [_days(row.pay) for row in rows]
    flows = joined(
        [
            known_cash(number, days, [bond.notional * c for c in terms.coupons]),
            known_cash(number, days, [bond.notional * p for p in terms.principals]),
        ]
    )
    part = LaidPart(desk.number, VALUE, flows, desk.discount(bond))
    return part, LaidBond(bond, day, terms, tuple(rows), None)


def _days(day: QlObject) -> int:
    return days_of(date(day.year(), day.month(), day.dayOfMonth()))


def _note(desk: Desk, bond: FloatingRateNote, number: int) -> tuple[LaidPart, LaidBond]:
    day = _settlement(desk, bond)
    index = desk.market.indices[bond.index]
    frequency = bond.frequency or (index.tenor if isinstance(index, TermIndex) else "quarterly")
    count = bond.day_count or index.day_count
    settled = _Settled(day, frequency, count, convention="modified_following")
    where = bond.calendar
    rows = periods(
        _timetable(desk, bond, settled)._replace(
            **({} if where else {"calendar": index.calendar, "payment_calendar": index.calendar})
        )
    )
    shares = tuple(bond.notional * share for share in bond.outstanding or (1.0,))
    paid = Payments(
        shares,
        (bond.spread,),
        is_averaged=bond.averaging == "averaged",
        is_over_accrual=bond.forward_over == "accrual_period",
        fixing_days=bond.fixing_days,
    )
    back = repaid(number, rows, paid)
    back = back._replace(amount=back.amount * (bond.redemption / 100.0))
    flows = joined([floating_leg(number, rows, paid, index), back])
    part = LaidPart(desk.number, VALUE, flows, desk.discount(bond))
    return part, LaidBond(bond, day, None, tuple(rows), None)


def _bill(desk: Desk, bond: Bill, number: int) -> tuple[LaidPart, LaidBond]:
    day = _settlement(desk, bond)
    flows = known_cash(number, [days_of(bond.maturity)], [bond.notional])
    part = LaidPart(desk.number, VALUE, flows, desk.discount(bond))
    terms = bill_days(day, bond.maturity) if day < bond.maturity else None
    if terms is not None and bond.year_days is not None:
        terms = terms._replace(year_days=bond.year_days)
    return part, LaidBond(bond, day, None, (), terms)


_LAYOUTS: Mapping[str, Callable[..., tuple[LaidPart, LaidBond]]] = {
    "fixed_bond": _fixed_bond,
    "floating_rate_note": _note,
    "bill": _bill,
}
