"""Price and yield of a bond: discounting at one rate, period by period, and its derivatives.

A yield discounts each period by simple interest, by compounding, or continuously; the conventions
differ in which period is which.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.rates.conventions import QlObject, day_count
from margin_assets.kernels.rates.legs import Period

COMPOUNDINGS = ("compounded", "continuous", "simple", "simple_then_compounded", "us_treasury")
"""Conventions of a yield. `us_treasury` is simple over the part of a period before the first
coupon and compounded after it: 31 CFR part 356, appendix B. `simple_then_compounded` is simple over
each stretch of at most a period."""

_MOST_STEPS = 200
_WHOLE = 1e-9  # what a period is off a whole number by the float alone


class YieldConvention(NamedTuple):
    """How a yield discounts."""

    compounding: str = "compounded"
    frequency: float = 2.0
    """Periods a year."""


class Dated(NamedTuple):
    """What a bond pays from its settlement on, per 100 of what is outstanding then."""

    amounts: FloatArray
    steps: FloatArray
    """Years by the yield's day count from the payment before, the first one from settlement."""


class YieldFigures(NamedTuple):
    """A bond at one yield. Prices are per 100, durations in years."""

    dirty: float
    slope: float
    """Derivative of the dirty price by the yield."""
    curvature: float
    yield_rate: float
    convention: YieldConvention

    @property
    def modified_duration(self) -> float:
        """Relative loss of the dirty price to a rise of the yield."""
        return -self.slope / self.dirty

    @property
    def macaulay_duration(self) -> float:
        """Mean time to payment, weighted by present value."""
        if self.convention.compounding == "continuous":
            return self.modified_duration
        return self.modified_duration * (1.0 + self.yield_rate / self.convention.frequency)

    @property
    def convexity(self) -> float:
        """Second derivative of the dirty price by the yield, over the price."""
        return self.curvature / self.dirty


def steps_of(rows: Sequence[Period], settlement: QlObject, count: str) -> FloatArray:
    """Years from settlement to the first payment and from each payment to the next.

    A coupon's own reference period tells how long its part is: so that Act/Act ISMA counts whole
    periods. As QuantLib's cash flows do.
    """
    years = day_count(count)
    steps = []
    last = settlement
    for row in rows:
        reference = (row.reference_start, row.reference_end)
        if last != row.start and last != row.pay:
            whole = years.yearFraction(row.start, row.pay, *reference)
            steps.append(whole - years.yearFraction(row.start, last, *reference))
        else:
            steps.append(years.yearFraction(last, row.pay, *reference))
        last = row.pay
    return np.array(steps)


def at_yield(bond: Dated, rate: float, convention: YieldConvention) -> YieldFigures:
    """The bond's dirty price at a yield, and its first two derivatives.

    Raises:
        ValueError: the yield is at or below what makes a discount factor infinite.
    """
    simple, compounded = _parts(bond.steps, convention)
    growth = 1.0 + rate * simple
    unit = 1.0 + rate / convention.frequency
    if (growth <= 0.0).any() or (unit <= 0.0 and compounded.any()):
        raise ValueError("yield is too low to discount at")
    total = np.cumsum(compounded)
    if convention.compounding == "continuous":
        logs, first, second = rate * total, total, 0.0 * total
    else:
        periods = convention.frequency * total
        logs = np.cumsum(np.log1p(rate * simple)) + periods * math.log(unit)
        first = np.cumsum(simple / growth) + total / unit
        second = np.cumsum((simple / growth) ** 2) + total / convention.frequency / unit**2
    worth = bond.amounts * np.exp(-logs)
    return YieldFigures(
        float(worth.sum()),
        -float((worth * first).sum()),
        float((worth * (first * first + second)).sum()),
        rate,
        convention,
    )


def _parts(steps: FloatArray, convention: YieldConvention) -> tuple[FloatArray, FloatArray]:
    """Of each step, the years of simple interest and those compounded."""
    none = np.zeros(steps.size)
    match convention.compounding:
        case "simple":
            return steps, none
        case "simple_then_compounded":
            is_short = steps <= 1.0 / convention.frequency + _WHOLE
            return np.where(is_short, steps, 0.0), np.where(is_short, 0.0, steps)
        case "us_treasury":
            simple, compounded = none, steps.copy()
            periods = steps[0] * convention.frequency
            part = periods - math.floor(periods + _WHOLE)
            if part > _WHOLE:
                simple[0] = part / convention.frequency
                compounded[0] -= simple[0]
            return simple, compounded
    return none, steps


def implied_yield(bond: Dated, dirty: float, convention: YieldConvention) -> float:
    """The yield at which the bond costs the dirty price.

    Raises:
        ValueError: no yield gives that price.
    """
    if not (math.isfinite(dirty) and dirty > 0.0):
        raise ValueError("no yield gives that price")
    simple, _ = _parts(bond.steps, convention)
    least = -math.inf if convention.compounding == "continuous" else -convention.frequency
    if simple.any():
        least = max(least, -1.0 / float(simple.max()))
    rate = 0.05
    for _ in range(_MOST_STEPS):
        found = at_yield(bond, rate, convention)
        if found.slope >= 0.0:
            break
        wanted = rate - (found.dirty - dirty) / found.slope
        if wanted <= least:
            wanted = (rate + least) / 2.0
        if abs(wanted - rate) <= 1e-15 * max(1.0, abs(rate)):
            return wanted
        rate = wanted
    if abs(found.dirty - dirty) <= 1e-9 * dirty:
        return rate
    raise ValueError("no yield gives that price")
