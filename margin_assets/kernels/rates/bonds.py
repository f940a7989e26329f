"""Bonds at their settlement: what they still pay, accrued interest, price off a curve, z-spread."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.rates.conventions import QlObject, day_count, of_ql, quantlib
from margin_assets.kernels.rates.legs import Payments, Period, at, interest
from margin_assets.kernels.rates.yields import Dated, steps_of

_MOST_STEPS = 200


class BondTerms(NamedTuple):
    """A bond laid out, per unit of its face."""

    rows: tuple[Period, ...]
    coupons: tuple[float, ...]
    """Amount of each coupon."""
    principals: tuple[float, ...]
    """Principal paid back with each coupon."""
    held: tuple[float, ...]
    """Principal outstanding during each period."""
    rates: tuple[float, ...]
    day_count: str
    compounded_a_year: int
    """Times a year that coupons compound within their period; 0: simple interest."""


class Settled(NamedTuple):
    """A bond from its settlement on, per 100 of what is outstanding then."""

    accrued: float
    """Negative while the bond trades without its next coupon."""
    amounts: FloatArray
    pay_days: Int64Array
    rows: tuple[Period, ...]


def bond_terms(rows: Sequence[Period], paid: Payments, redemption: float, count: str) -> BondTerms:
    """A bond that pays its coupons on what is outstanding and redeems it.

    Args:
        rows: its periods.
        paid: coupon rates, and outstanding principal per unit of face, by period.
        redemption: what is paid for a unit of principal.
        count: day count of the coupons.
    """
    held = [at(paid.notionals, i) for i in range(len(rows))]
    rates = [at(paid.rates, i) for i in range(len(rows))]
    after = [*held[1:], 0.0]
    return BondTerms(
        tuple(rows),
        tuple(
            h * interest(r, row.accrual, paid.compounded_a_year)
            for h, r, row in zip(held, rates, rows, strict=True)
        ),
        tuple((h - a) * redemption for h, a in zip(held, after, strict=True)),
        tuple(held),
        tuple(rates),
        count,
        paid.compounded_a_year,
    )


def settled(bond: BondTerms, settlement: QlObject) -> Settled:
    """What the bond pays to who buys it for that settlement.

    Raises:
        ValueError: nothing is paid after it.
    """
    kept = [i for i, row in enumerate(bond.rows) if row.pay > settlement]
    if not kept:
        raise ValueError("has matured")
    unit = 100.0 / bond.held[kept[0]]
    amounts = [
        unit * ((0.0 if _is_ex(bond.rows[i], settlement) else bond.coupons[i]) + bond.principals[i])
        for i in kept
    ]
    return Settled(
        unit * math.fsum(_accrued(bond, i, settlement) for i in kept),
        np.array(amounts),
        np.array([of_ql(bond.rows[i].pay) for i in kept], np.int64),
        tuple(bond.rows[i] for i in kept),
    )


def _is_ex(row: Period, day: QlObject) -> bool:
    return bool(row.ex != quantlib().Date() and day >= row.ex)


def _accrued(bond: BondTerms, i: int, day: QlObject) -> float:
    row = bond.rows[i]
    if day <= row.start:
        return 0.0
    years, reference = day_count(bond.day_count), (row.reference_start, row.reference_end)
    if _is_ex(row, day):
        rest = years.yearFraction(day, max(day, row.end), *reference)
        return -bond.held[i] * interest(bond.rates[i], rest, bond.compounded_a_year)
    gone = years.yearFraction(row.start, min(day, row.end), *reference)
    return bond.held[i] * interest(bond.rates[i], gone, bond.compounded_a_year)


def dated(bond: Settled, settlement: QlObject, count: str) -> Dated:
    """The bond as a yield discounts it."""
    return Dated(bond.amounts, steps_of(bond.rows, settlement, count))


def dirty_price(
    factors: FloatArray, years: FloatArray, amounts: FloatArray, spread: float
) -> float:
    """Dirty price for settlement off a curve.

    Args:
        factors: discount factors of the payments over that of settlement.
        years: of the curve, from settlement to each payment.
        amounts: payments per 100.
        spread: continuously compounded over the curve.
    """
    return float((amounts * factors * np.exp(-spread * years)).sum())


def z_spread(factors: FloatArray, years: FloatArray, amounts: FloatArray, dirty: float) -> float:
    """Continuously compounded spread over the curve at which the payments cost the dirty price.

    Raises:
        ValueError: no spread gives that price.
    """
    worth, spread = amounts * factors, 0.0
    for _ in range(_MOST_STEPS):
        terms = worth * np.exp(-spread * years)
        slope = float((terms * years).sum())
        if not (math.isfinite(slope) and slope > 0.0):
            break
        # By Newton's step in the logarithm, which cannot overshoot for positive payments.
        step = float(terms.sum()) * math.log(float(terms.sum()) / dirty) / slope
        spread += step
        if abs(step) <= 1e-15:
            return spread
    if abs(dirty_price(factors, years, amounts, spread) - dirty) <= 1e-9 * abs(dirty):
        return spread
    raise ValueError("no spread gives that price")
