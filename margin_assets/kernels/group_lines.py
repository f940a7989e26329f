"""What one group of a solution comes to, in cents, and what covers a cash account's options."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book import Book, Series
from margin_assets.kernels.compiled import BORROWS, OWNS
from margin_assets.kernels.problems import Problems
from margin_assets.kernels.rules import Rules
from margin_assets.kernels.solutions import Solution, group_of
from margin_assets.kernels.spreads import call_slope, loss_points, losses_at
from margin_assets.kernels.strategies import (
    LONG_BOX,
    LONG_OPTION,
    NONE,
    SHORT_OPTION,
    SPREAD,
    STOCK,
    STRADDLE,
    Group,
    Int64Array,
    Record,
    Records,
    StrategyRates,
    contract_value,
    group_initial,
    group_maintenance,
    option_value,
)

BoolArray = npt.NDArray[np.bool_]
_MICROS_A_CENT = 10_000


def strategy_rates(rules: Rules) -> StrategyRates:
    """Rates of the groups under some rulebooks."""
    return StrategyRates(rules.hedged_strike, rules.long_box)


@njit(**BORROWS)
def to_cents(micros: int) -> int:
    """Micro-dollars as cents, rounded half away from zero."""
    size = (abs(micros) + _MICROS_A_CENT // 2) // _MICROS_A_CENT
    return size if micros >= 0 else -size


class Line(NamedTuple):
    """One group of a solution, cents."""

    maintenance: int
    initial: int
    """Long options at their cost."""
    gross: int
    """Maintenance with long options at their cost, but for loan value."""
    proceeds: int
    """What the short options bring in."""
    counted: int
    """Option value that counts in Reg T equity."""


@njit(**BORROWS)
def group_line(solution: Solution, g: int, problems: Problems, rates: StrategyRates) -> Line:
    """What one group requires and what its options count in equity."""
    legs, stocks = problems.legs, problems.stocks
    kind, count = solution.kind[g], solution.count[g]
    if kind == SPREAD:
        loss = to_cents(solution.amount[g])
        return Line(loss, loss, loss, 0, 0)
    group = group_of(solution, g)
    if kind == STOCK:
        maintenance = to_cents(group_maintenance(group, legs, stocks, rates))
        initial = to_cents(group_initial(group, legs, stocks, rates))
        return Line(maintenance, initial, maintenance, 0, 0)
    maintenance = group_maintenance(group, legs, stocks, rates) * count
    initial = group_initial(group, legs, stocks, rates) * count
    long, short = _option_values(solution, g, legs)
    counted = 0
    if kind == LONG_OPTION and legs[group.a].loan > 0:
        counted = long
    elif kind == LONG_BOX:
        counted = min(long - short, _box_difference(group, legs) * count)
    gross = counted if kind == LONG_BOX else long
    return Line(
        to_cents(maintenance + counted),
        to_cents(initial + long),
        to_cents(maintenance + gross),
        to_cents(_proceeds(solution, g, legs, short)),
        to_cents(counted),
    )


@njit(**BORROWS)
def _option_values(solution: Solution, g: int, legs: Records) -> tuple[int, int]:
    """Value of the long and of the short options of a group, micro-dollars."""
    long = short = 0
    for k in range(4):
        leg = solution.legs[g, k]
        if leg != NONE:
            value = option_value(legs[leg]) * solution.count[g]
            if legs[leg].contracts > 0:
                long += value
            else:
                short += value
    return long, short


@njit(**BORROWS)
def _proceeds(solution: Solution, g: int, legs: Records, short: int) -> int:
    """What the short options bring in, micro-dollars; nothing of what is not known to be there.

    An uncovered option counts its value in its requirement: what that comes to after the proceeds
    does not depend on it, so that there a bound of the price will do.
    """
    kind = solution.kind[g]
    if kind == SHORT_OPTION or kind == STRADDLE:
        return short
    unknown = 0
    for k in range(4):
        leg = solution.legs[g, k]
        if leg != NONE and legs[leg].contracts < 0 and legs[leg].is_unpriced:
            unknown += option_value(legs[leg]) * solution.count[g]
    return short - unknown


@njit(**BORROWS)
def _box_difference(group: Group, legs: Records) -> int:
    return contract_value(legs[group.b].strike - legs[group.a].strike, legs[group.a].units)


@njit(**OWNS)
def cash_requirement(book: Book, series: Series, problems: Problems, p: int) -> int:
    """What a cash account's short options require beyond its securities' value, cents.

    Long stock covers calls, dearest strike last; an uncovered call takes the shares' value, on an
    index the aggregate strike; a put the aggregate strike. Index options that settle in cash on
    one day cover each other. Source: 4210(f)(2), cash accounts.
    """
    first, end = problems.leg_offsets[p], problems.leg_offsets[p + 1]
    legs, is_settled = problems.legs[first:end], np.empty(end - first, dtype=np.bool_)
    left = np.empty(problems.stock_offsets[p + 1] - problems.stock_offsets[p], dtype=np.int64)
    for n in range(len(left)):
        left[n] = problems.stocks[problems.stock_offsets[p] + n].shares
    for i in range(len(legs)):
        is_settled[i] = series.is_cash_settled[book.series[problems.leg_position[first + i]]]
    total = 0
    for i in range(len(legs)):
        if legs[i].contracts >= 0:
            continue
        if is_settled[i]:
            total += _settled_requirement(legs, is_settled, i)
        elif legs[i].is_call:
            is_stock = series.rate_class[book.series[problems.leg_position[first + i]]] == 0
            total += _call_requirement(legs[i], problems, p, left, is_stock)
        else:
            total += contract_value(legs[i].strike, legs[i].units) * -legs[i].contracts
    return to_cents(total)


@njit(**BORROWS)
def _call_requirement(
    leg: Record, problems: Problems, p: int, left: Int64Array, is_stock: bool
) -> int:
    """What short calls require that long stock does not cover; takes the stock out of `left`."""
    contracts, first = -leg.contracts, problems.stock_offsets[p]
    for n in range(len(left)):
        if problems.stocks[first + n].underlying == leg.underlying and left[n] > 0:
            covered = min(contracts, left[n] // leg.units)
            left[n] -= covered * leg.units
            contracts -= covered
    return contract_value(leg.spot if is_stock else leg.strike, leg.units) * contracts


@njit(**BORROWS)
def _settles_with(legs: Records, i: int, o: int) -> bool:
    same = legs[i].underlying == legs[o].underlying and legs[i].is_listed == legs[o].is_listed
    return same and legs[i].expiry == legs[o].expiry and legs[i].units == legs[o].units


@njit(**OWNS)
def _settled_requirement(legs: Records, is_settled: BoolArray, i: int) -> int:
    """What the cash-settled options that expire with leg i may lose together, micro-dollars.

    Told once a set, at its first short leg. More short calls than long ones: those of the lowest
    strikes stay uncovered, since they would lose most.
    """
    held = np.zeros(len(legs), dtype=np.int64)
    for o in range(len(legs)):
        if is_settled[o] and _settles_with(legs, i, o):
            if o < i and legs[o].contracts < 0:
                return 0
            held[o] = abs(legs[o].contracts)
    total, slope = 0, call_slope(legs, held)
    for o in range(len(legs)):
        if slope < 0 and held[o] > 0 and legs[o].is_call and legs[o].contracts < 0:
            bare = min(held[o], -slope // legs[o].units)
            held[o] -= bare
            slope += bare * legs[o].units
            total += contract_value(legs[o].strike, legs[o].units) * bare
    return total + max(losses_at(legs, held, loss_points(legs, held)).max(), 0)
