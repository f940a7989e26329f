"""Requirement of a bond: FINRA 4210(e)(2), and (c)(4) for short ones, by its class.

Source: FINRA Rule 4210(e)(2)(A) to (C), (c)(4) and (a)(13) by way of the rulebook. Regulation T
220.12(b) leaves the initial requirement to good faith: it is the same.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.book.series import Series
from margin_assets.kernels.numeric.arrays import BoolArray, Int8Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import CENTS, MICRO, rate_line
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import Marked
from schemas.landed import BOND_CLASSES

TREASURY, AGENCY, MUNICIPAL, INVESTMENT_GRADE, LISTED, OTHER = range(len(BOND_CLASSES))
_UNITS_A_CENT = MICRO // (CENTS * CENTS)
"""Micro-units of a hundredth of principal in a cent of principal."""
PARAGRAPHS = (
    "FINRA 4210(e)(2)(A)",
    "FINRA 4210(e)(2)(A)",
    "FINRA 4210(e)(2)(B)",
    "FINRA 4210(e)(2)(C)(i)",
    "FINRA 4210(e)(2)(C)(ii)",
    "Regulation T 220.12(d)",
)
SHORT_PARAGRAPH = "FINRA 4210(c)(4)"
EXEMPT_PARAGRAPH = "FINRA 4210(e)(2), exempt account"


class Debt(NamedTuple):
    """What a requirement reads of bonds, as a series names it."""

    bond_class: Int8Array
    government_band: Int8Array
    is_long_zero: BoolArray


@inner(**BORROWS)
def principal_cents(quantity: int) -> int:
    """Principal of a position in hundredths of it (micro), cents."""
    return (abs(quantity) + _UNITS_A_CENT // 2) // _UNITS_A_CENT


@inner(**BORROWS)
def bond_line(
    series: Series | Debt, position: Marked, value: int, is_exempt: bool, rules: Rules
) -> int:
    """Requirement in cents of a bond position, its quantity in hundredths of principal (micro).

    `value` is today's, or a stressed one.

    Exempted securities (Treasuries, agencies, municipals) take their rate long and short. Of other
    bonds sold short the greater of 4210(e)(2)(C) and (c)(4) is taken: (e)(2)(C) is told to be about
    positions of either side, but its text has not been read. An exempt account's good-faith bonds
    take nothing.
    """
    s, quantity = position.s, position.quantity
    kind, size = series.bond_class[s], abs(value)
    if is_exempt and kind <= INVESTMENT_GRADE:
        return 0
    principal = principal_cents(quantity)
    if kind <= AGENCY:
        line = rate_line(size, rules.government_rates[series.government_band[s]])
        if series.is_long_zero[s]:
            line = max(line, rate_line(principal, rules.zero_coupon_principal))
        return line
    if kind == MUNICIPAL:
        return rate_line(size, rules.municipal)
    line = _debt_line(kind, size, principal, rules)
    if quantity > 0:
        return line
    short = short_debt_line(size, principal, rules)
    return max(line, short) if kind <= LISTED else short


@njit(**OWNS)
def bond_lines(debt: Debt, principal: Int64Array, value: Int64Array, rules: Rules) -> Int64Array:
    """Requirement in cents of each of many bonds; principal and value in cents, short negative."""
    found = np.zeros_like(value)
    for s in range(value.size):
        position = Marked(s, principal[s] * _UNITS_A_CENT, 0)
        found[s] = bond_line(debt, position, value[s], False, rules)
    return found


@inner(**BORROWS)
def short_debt_line(size: int, principal: int, rules: Rules) -> int:
    """4210(c)(4): of a short bond's value and principal, cents."""
    line = rate_line(size, rules.short_bond)
    return max(line, rate_line(principal, rules.short_bond_principal))


@inner(**BORROWS)
def _debt_line(kind: int, size: int, principal: int, rules: Rules) -> int:
    """4210(e)(2)(C), and Regulation T of what has no loan value."""
    if kind == INVESTMENT_GRADE:
        return rate_line(size, rules.investment_grade)
    if kind == LISTED:
        line = rate_line(size, rules.listed_bond)
        return max(line, rate_line(principal, rules.listed_bond_principal))
    return rate_line(size, rules.other_bond)
