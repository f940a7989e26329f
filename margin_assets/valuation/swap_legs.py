"""Legs of a swap laid out, and where any instrument is laid out."""

from collections.abc import Sequence
from typing import NamedTuple

from margin_assets.kernels.rates.conventions import QlObject
from margin_assets.kernels.rates.flows import Flows, joined
from margin_assets.kernels.rates.legs import (
    OvernightIndex,
    Payments,
    Period,
    TermIndex,
    Timetable,
    at,
    fixed_leg,
    overnight_leg,
    periods,
    repaid,
    term_leg,
)
from margin_assets.valuation.document import Document
from margin_assets.valuation.instrument_terms import (
    COUPON_COMPOUNDINGS,
    Bondlike,
    FixedLeg,
    FloatingLeg,
    Stub,
    Swap,
)
from margin_assets.valuation.market import RatesMarket
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


class Desk(NamedTuple):
    """Where an instrument is laid out, with what it may name."""

    document: Document
    market: RatesMarket
    number: int

    @property
    def place(self) -> str:
        """Where the instrument stands in the document."""
        return f"instruments[{self.number}]"

    def calendar(self, name: str | None, key: str = "calendar") -> QlObject:
        """The calendar of that name; without one, that which knows no holiday."""
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


def swap_legs(desk: Desk, swap: Swap, number: int) -> list[LaidPart]:
    """Its legs, and a unit rate on the fixed leg if it has one."""
    discount = desk.discount(swap)
    parts: list[LaidPart] = []
    for leg in swap.legs:
        flows = _leg(desk, swap, leg, number + len(parts))
        parts.append(LaidPart(desk.number, VALUE, flows, discount))
    fixed = [leg for leg in swap.legs if isinstance(leg, FixedLeg)]
    if len(fixed) == 1 and fixed[0].coupon_compounding == "simple":
        said = {"rate": 1.0, "rates": None, "exchanges_notional": False}
        flows = _leg(desk, swap, fixed[0].model_copy(update=said), number + len(parts))
        parts.append(LaidPart(desk.number, ANNUITY, flows, discount))
    return parts


def _leg(desk: Desk, swap: Swap, leg: FixedLeg | FloatingLeg, number: int) -> Flows:
    sign = 1.0 if leg.side == "receive" else -1.0
    held = tuple(leg.notionals or (leg.notional or swap.notional,))
    notionals = tuple(sign * amount for amount in held)
    if isinstance(leg, FixedLeg):
        rows = periods(_leg_timetable(desk, swap, leg, None))
        often = COUPON_COMPOUNDINGS[leg.coupon_compounding]
        rates = tuple(leg.rates or (leg.rate or 0.0,))
        paid = Payments(notionals, rates, compounded_a_year=often)
        flows = fixed_leg(number, rows, paid)
    else:
        index = desk.market.indices[leg.index]
        rows = periods(_leg_timetable(desk, swap, leg, index))
        paid = Payments(
            notionals,
            tuple(leg.spreads or (leg.spread or 0.0,)),
            is_averaged=leg.averaging == "averaged",
            is_over_accrual=leg.forward_over == "accrual_period",
            fixing_days=leg.fixing_days,
        )
        flows = _with_stubs(desk, leg, (number, rows), paid)
    if leg.exchanges_notional:
        flows = joined([flows, repaid(number, rows, paid, is_lent_first=True)])
    return flows


def _with_stubs(
    desk: Desk, leg: FloatingLeg, numbered: tuple[int, Sequence[Period]], paid: Payments
) -> Flows:
    """Coupons of a floating leg, its first and last period as their stubs say."""
    number, rows = numbered
    stubs = {0: leg.initial_stub, len(rows) - 1: leg.final_stub}
    parts = [
        _stub(desk, stub, (number, rows[i]), _of_period(paid, i))
        for i, stub in stubs.items()
        if stub is not None
    ]
    first, last = int(leg.initial_stub is not None), len(rows) - int(leg.final_stub is not None)
    if first < last:
        regular = paid._replace(
            notionals=tuple(at(paid.notionals, i) for i in range(first, last)),
            rates=tuple(at(paid.rates, i) for i in range(first, last)),
        )
        index = desk.market.indices[leg.index]
        parts.append(floating_leg(number, rows[first:last], regular, index))
    return joined(parts)


def _of_period(paid: Payments, i: int) -> Payments:
    return paid._replace(notionals=(at(paid.notionals, i),), rates=(at(paid.rates, i),))


def _stub(desk: Desk, stub: Stub, numbered: tuple[int, Period], paid: Payments) -> Flows:
    number, row = numbered
    if stub.rate is not None:
        return fixed_leg(number, [row], paid._replace(rates=(stub.rate,)))
    indices = [desk.market.indices[name] for name in stub.indices or [stub.index or ""]]
    if len(indices) == 1:
        return floating_leg(number, [row], paid, indices[0])
    ends = []
    for index in indices:
        if not isinstance(index, TermIndex):
            raise DocumentError(f"{desk.place}: a stub lies between two indices of a tenor")
        ends.append(index.deposit(index.fixing_day(row.start, paid.fixing_days))[1])
    if ends[0] >= ends[1]:
        raise DocumentError(f"{desk.place}: the first index of a stub is the shorter one")
    share = (row.end - ends[0]) / (ends[1] - ends[0])
    parts = [
        floating_leg(number, [row], _scaled(paid, weight), index)
        for weight, index in zip((1.0 - share, share), indices, strict=True)
    ]
    return joined(parts)


def _scaled(paid: Payments, weight: float) -> Payments:
    return paid._replace(notionals=tuple(weight * amount for amount in paid.notionals))


def _leg_timetable(
    desk: Desk, swap: Swap, leg: FixedLeg | FloatingLeg, index: TermIndex | OvernightIndex | None
) -> Timetable:
    frequency = leg.frequency or (index.tenor if isinstance(index, TermIndex) else "annual")
    count = leg.day_count or (index.day_count if index is not None else None)
    own = None if index is None else index.calendar
    where = desk.calendar(leg.calendar, "legs.calendar") if leg.calendar or own is None else own
    paid_on = desk.calendar(leg.payment_calendar) if leg.payment_calendar else where
    roll = leg.convention or "modified_following"
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


def floating_leg(
    number: int, rows: Sequence[Period], paid: Payments, index: TermIndex | OvernightIndex
) -> Flows:
    """Coupons of a leg on an index of either kind."""
    if isinstance(index, TermIndex):
        return term_leg(number, rows, paid, index)
    return overnight_leg(number, rows, paid, index)
