"""What one contract's worth of each permitted group of positions requires, in micro-dollars.

A long option is paid for in full and counts nothing beyond that; a short one's requirement counts
100% of its market value. Source: FINRA Rule 4210(f)(2) by way of the rulebooks.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.numeric.money import MICRO, in_proportion, rate_line

KINDS = (
    "long_option",
    "short_option",
    "spread",
    "spread_leg",
    "short_straddle",
    "covered_call",
    "covered_put",
    "protective_put",
    "protected_short",
    "conversion",
    "reverse_conversion",
    "collar",
    "long_box",
    "stock",
    "long_and_short_stock",
)
(
    LONG_OPTION,
    SHORT_OPTION,
    SPREAD,
    SPREAD_LEG,
    STRADDLE,
    COVERED_CALL,
    COVERED_PUT,
    PROTECTIVE_PUT,
    PROTECTED_SHORT,
    CONVERSION,
    REVERSE_CONVERSION,
    COLLAR,
    LONG_BOX,
    STOCK,
    BOXED_STOCK,
) = range(len(KINDS))
NONE = -1
LEG = np.dtype(
    [
        ("underlying", np.int32),
        ("expiry", np.int32),  # day number
        ("spot", np.int64),
        ("strike", np.int64),
        ("units", np.int64),  # that a contract delivers
        ("quoted", np.int64),  # that its price is for
        ("contracts", np.int64),  # whole and signed: negative is short
        ("price", np.int64),
        ("base", np.int64),  # rate of the underlying's value in (E), leverage multiplied in
        ("floor", np.int64),
        (
            "lends_on",
            np.int64,
        ),  # what of a long option's price a unit has loan value, carried alone
        ("loan", np.int64),  # share of it that is loan value; 0 where it has none
        ("is_call", np.bool_),
        ("is_european", np.bool_),
        ("is_listed", np.bool_),
        ("has_fund_cover", np.bool_),  # a fund on its index may cover it by value
        ("is_unpriced", np.bool_),  # its price is a bound: what it brought in is not known
    ],
    align=True,
)
"""An option leg netted by series; in canonical order: listed first, underlying, expiry, strike.

Prices and strikes in micro-dollars, units in micro-units a contract, rates in ppm. A strike is of
a delivered unit, less the cash that comes with it; a price of a quoted one.
"""
STOCK_RECORD = np.dtype(
    [
        ("underlying", np.int32),
        ("covers_index", np.int32),  # underlying whose options a fund may cover by value, or -1
        ("shares", np.int64),  # micro-units, negative is short
        ("price", np.int64),
        ("maintenance", np.int64),  # as margined alone
        ("initial", np.int64),
        ("boxed", np.int64),  # of a long share whose security is held short too
        ("call_initial", np.int64),  # Regulation T's of a share sold short against a long call
        ("sale_price", np.int64),  # what was got for a share sold short; 0 where not known
        ("other", np.int32),  # where the other side of the security is, from here; 0 for none
    ],
    align=True,
)
"""Shares or a fund of a class group; amounts in micro-dollars a whole share."""
Record = Any
"""A leg or a stock, its fields as attributes: compiled functions take one in place of arrays."""
Records = npt.NDArray[Any]


class StrategyRates(NamedTuple):
    """Rates of 4210(f)(2)(H), ppm."""

    hedged_strike: int
    long_box: int


class Group(NamedTuple):
    """One kind of group: its legs and stock as positions among the records, -1 for none."""

    kind: int
    a: int
    b: int
    c: int
    d: int
    stock: int
    shares: int
    """Micro-units of the stock that one contract's worth takes."""


@inner(**BORROWS, forceinline=True)
def contract_value(price: int, units: int) -> int:
    """Price (micro-dollars, not negative) x units (micro-units), rounded half away from zero."""
    whole = units // MICRO
    rest = units - whole * MICRO
    if rest == 0:
        return price * whole
    dollars = price // MICRO
    tail = (price - dollars * MICRO) * rest
    return price * whole + dollars * rest + (tail + MICRO // 2) // MICRO


@inner(**BORROWS, forceinline=True)
def option_value(leg: Record) -> int:
    """Market value of one contract, micro-dollars."""
    return contract_value(leg.price, leg.quoted)


@inner(**BORROWS, forceinline=True)
def payoff(leg: Record, price: int) -> int:
    """Intrinsic value of one contract at a price of the underlying."""
    inside = price - leg.strike if leg.is_call else leg.strike - price
    return contract_value(inside, leg.units) if inside > 0 else 0


@inner(**BORROWS, forceinline=True)
def outside(leg: Record) -> int:
    """What one contract is out of the money."""
    gap = leg.strike - leg.spot if leg.is_call else leg.spot - leg.strike
    return contract_value(gap, leg.units) if gap > 0 else 0


@inner(**BORROWS)
def loan_value(leg: Record) -> int:
    """What one contract of a long leg carried alone lends, micro-dollars."""
    return rate_line(contract_value(leg.lends_on, leg.quoted), leg.loan) if leg.loan != 0 else 0


@inner(**BORROWS)
def naked(leg: Record) -> int:
    """Requirement of one short contract on its own, 4210(f)(2)(E), gross of its proceeds."""
    value = contract_value(leg.spot, leg.units)
    floor_on = value if leg.is_call else contract_value(leg.strike, leg.units)
    base = rate_line(value, leg.base) - outside(leg)
    return option_value(leg) + max(base, rate_line(floor_on, leg.floor))


@inner(**BORROWS)
def straddle(call: Record, put: Record) -> int:
    """The greater naked requirement of a short call and put, and the other's market value.

    Where both require the same, the more valuable option counts as the other one.
    """
    one, other = naked(call), naked(put)
    if one == other:
        return one + max(option_value(call), option_value(put))
    return one + option_value(put) if one > other else other + option_value(call)


@inner(**BORROWS)
def _covered(amount: int, call: Record) -> int:
    """Requirement on long stock valued at no more than the strike of the call that it covers."""
    if call.spot <= call.strike:
        return amount
    return in_proportion(amount, call.strike, call.spot) + payoff(call, call.spot)


@inner(**BORROWS)
def _hedged(leg: Record, rates: StrategyRates) -> int:
    """Rate of the strike of the long option that protects, and what it is out of the money."""
    strike = contract_value(leg.strike, leg.units)
    return rate_line(strike, rates.hedged_strike) + outside(leg)


@inner(**BORROWS)
def _collar(amount: int, put: Record, call: Record, rates: StrategyRates) -> int:
    """Protected as by the put, at most the stock's own rate of the call's strike."""
    most = in_proportion(amount, call.strike, call.spot)
    return min(_hedged(put, rates), most) + payoff(call, call.spot)


@inner(**BORROWS)
def _long_box(legs: Records, group: Group, rates: StrategyRates) -> int:
    """Rate of the strikes' difference, less the box's value, which counts up to the difference."""
    low, high = legs[group.a], legs[group.b]
    difference = contract_value(high.strike - low.strike, low.units)
    value = option_value(low) - option_value(high)
    value += option_value(legs[group.c]) - option_value(legs[group.d])
    return rate_line(difference, rates.long_box) - min(difference, value)


@inner(**BORROWS)
def _option_maintenance(group: Group, legs: Records, rates: StrategyRates) -> int:
    if group.kind == LONG_OPTION:
        return -loan_value(legs[group.a])
    if group.kind == SHORT_OPTION:
        return naked(legs[group.a])
    if group.kind == STRADDLE:
        return straddle(legs[group.a], legs[group.b])
    return _long_box(legs, group, rates) if group.kind == LONG_BOX else 0


@njit(**BORROWS)
def group_maintenance(group: Group, legs: Records, stocks: Records, rates: StrategyRates) -> int:
    """Maintenance of one group, micro-dollars; loan value is negative.

    A spread's is its maximum potential loss and not known here: 0, as for each of its legs.
    """
    kind = group.kind
    if group.stock == NONE:
        return _option_maintenance(group, legs, rates)
    amount = contract_value(stocks[group.stock].maintenance, group.shares)
    if kind == STOCK:
        return amount
    if kind == BOXED_STOCK:
        return contract_value(stocks[group.stock].boxed, group.shares)
    leg = legs[group.a]
    if kind == COVERED_CALL:
        return _covered(amount, leg)
    if kind == COVERED_PUT:
        return amount + payoff(leg, leg.spot)
    if kind == COLLAR:
        return _collar(amount, leg, legs[group.b], rates)
    is_locked = kind == CONVERSION or kind == REVERSE_CONVERSION
    return _hedged(leg, rates) if is_locked else min(_hedged(leg, rates), amount)


@inner(**BORROWS)
def is_sold_against(call: Record, stock: Record) -> bool:
    """Whether short stock requires its proceeds alone beside a long call, 220.12(c)(2).

    The call is a listed American one whose strike is at most the price of the sale.
    """
    return call.is_listed and not call.is_european and call.strike <= stock.sale_price


@inner(**BORROWS)
def box_gain(stocks: Records, s: int) -> int:
    """What a long share and a short one of a security require less together than alone."""
    long, other = stocks[s], stocks[s + stocks[s].other]
    return long.maintenance + other.maintenance - long.boxed


@inner(**BORROWS)
def group_initial(group: Group, legs: Records, stocks: Records, rates: StrategyRates) -> int:
    """Initial requirement of the same: Regulation T on its stock, never below maintenance.

    Stock that covers a short call is valued at no more than the strike, 12 CFR 220.4(b)(4)(ii).
    A security held both ways is one that is sold long, 220.4(b)(2): maintenance alone is left.
    """
    kind = group.kind
    maintenance = group_maintenance(group, legs, stocks, rates)
    if group.stock == NONE or kind == BOXED_STOCK:
        return maintenance
    amount = contract_value(stocks[group.stock].initial, group.shares)
    if kind == COVERED_CALL:
        amount = _covered(amount, legs[group.a])
    elif kind == CONVERSION or kind == COLLAR:
        amount = _covered(amount, legs[group.b])
    elif kind == COVERED_PUT:
        amount += payoff(legs[group.a], legs[group.a].spot)
    elif kind == PROTECTED_SHORT or kind == REVERSE_CONVERSION:
        if is_sold_against(legs[group.a], stocks[group.stock]):
            amount = contract_value(stocks[group.stock].call_initial, group.shares)
    return max(amount, maintenance)
