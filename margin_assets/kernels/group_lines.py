"""What one group of a solution comes to, in cents, and what covers a cash account's options."""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.book import Book, Series
from margin_assets.kernels.compiled import BORROWS, OWNS
from margin_assets.kernels.problems import Problems
from margin_assets.kernels.rules import Rules
from margin_assets.kernels.solutions import Solution, group_of
from margin_assets.kernels.strategies import (
    LONG_BOX,
    LONG_OPTION,
    NONE,
    SPREAD,
    STOCK,
    Group,
    Records,
    StrategyRates,
    contract_value,
    group_initial,
    group_maintenance,
    option_value,
)

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
    """Value of the short options."""
    counted: int
    """Option value that counts in Reg T equity."""
    uncounted: int
    """Option value that does not, but is worth something under stress."""


@njit(**BORROWS)
def group_line(solution: Solution, g: int, problems: Problems, rates: StrategyRates) -> Line:
    """What one group requires and what its options count in equity."""
    legs, stocks = problems.legs, problems.stocks
    kind, count = solution.kind[g], solution.count[g]
    if kind == SPREAD:
        loss = to_cents(solution.amount[g])
        return Line(loss, loss, loss, 0, 0, 0)
    group = group_of(solution, g)
    if kind == STOCK:
        maintenance = to_cents(group_maintenance(group, legs, stocks, rates))
        initial = to_cents(group_initial(group, legs, stocks, rates))
        return Line(maintenance, initial, maintenance, 0, 0, 0)
    maintenance = group_maintenance(group, legs, stocks, rates) * count
    initial = group_initial(group, legs, stocks, rates) * count
    long, short = _option_values(solution, g, legs)
    counted = 0
    if kind == LONG_OPTION and legs[group.a].loan > 0:
        counted = long
    elif kind == LONG_BOX:
        counted = min(long - short, _box_difference(group, legs) * count)
    gross = counted if kind == LONG_BOX else long
    uncounted = 0
    if kind == LONG_OPTION:
        uncounted = long - counted
    elif group.stock != NONE:
        uncounted = long - short
    return Line(
        to_cents(maintenance + counted),
        to_cents(initial + long),
        to_cents(maintenance + gross),
        to_cents(short),
        to_cents(counted),
        to_cents(uncounted),
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
def _box_difference(group: Group, legs: Records) -> int:
    return contract_value(legs[group.b].strike - legs[group.a].strike, legs[group.a].units)


@njit(**OWNS)
def cash_requirement(book: Book, series: Series, problems: Problems, p: int) -> int:
    """What a cash account's short options require beyond its securities' value, cents.

    Long stock covers calls, dearest strike last; an uncovered call takes the shares' value, on an
    index the aggregate strike; a put the aggregate strike. Source: 4210(f)(2), cash accounts.
    """
    legs, stocks = problems.legs, problems.stocks
    first, end = problems.stock_offsets[p], problems.stock_offsets[p + 1]
    left = np.empty(end - first, dtype=np.int64)
    for n in range(first, end):
        left[n - first] = stocks[n].shares
    total = 0
    for leg in range(problems.leg_offsets[p], problems.leg_offsets[p + 1]):
        contracts = -legs[leg].contracts
        if contracts <= 0:
            continue
        s, units = book.series[problems.leg_position[leg]], legs[leg].units
        if not legs[leg].is_call:
            total += contract_value(legs[leg].strike, units) * contracts
            continue
        for n in range(first, end):
            if stocks[n].underlying == legs[leg].underlying and left[n - first] > 0:
                covered = min(contracts, left[n - first] // units)
                left[n - first] -= covered * units
                contracts -= covered
        on = legs[leg].spot if series.rate_class[s] == 0 else legs[leg].strike
        total += contract_value(on, units) * contracts
    return to_cents(total)
