"""What one group of a solution comes to, in cents."""

from typing import NamedTuple

from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.strategies.problems import Problems
from margin_assets.kernels.strategies.solutions import Solution, group_of
from margin_assets.kernels.strategies.strategies import (
    BOXED_STOCK,
    LONG_BOX,
    LONG_OPTION,
    NONE,
    SHORT_OPTION,
    SPREAD,
    STOCK,
    STRADDLE,
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


@inner(**BORROWS)
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


@inner(**BORROWS)
def group_line(solution: Solution, g: int, problems: Problems, rates: StrategyRates) -> Line:
    """What one group requires and what its options count in equity."""
    legs, stocks = problems.legs, problems.stocks
    kind, count = solution.kind[g], solution.count[g]
    if kind == SPREAD:
        loss = to_cents(solution.amount[g])
        return Line(loss, loss, loss, 0, 0)
    group = group_of(solution, g)
    if kind == STOCK or kind == BOXED_STOCK:
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


@inner(**BORROWS)
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


@inner(**BORROWS)
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


@inner(**BORROWS)
def _box_difference(group: Group, legs: Records) -> int:
    return contract_value(legs[group.b].strike - legs[group.a].strike, legs[group.a].units)
