"""Groups of a solution struck again at the prices of a stress scenario."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.options.valuation import stress_multiple
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import Marked, stress_line
from margin_assets.kernels.strategies.group_lines import to_cents
from margin_assets.kernels.strategies.problems import Problems, price_stock
from margin_assets.kernels.strategies.solutions import Solution, group_of
from margin_assets.kernels.strategies.strategies import (
    LONG_BOX,
    LONG_OPTION,
    NONE,
    SPREAD,
    SPREAD_LEG,
    STOCK,
    Group,
    Record,
    Records,
    StrategyRates,
    group_maintenance,
)


class Moved(NamedTuple):
    """Legs and stocks of a block of accounts, written anew for each scenario."""

    legs: Records
    stocks: Records
    origin: tuple[int, int]
    """Places of the first ones among all."""


@inner(**BORROWS)
def is_kept(kind: int) -> bool:
    """Whether prices do not move what a group requires.

    A spread requires its largest loss, a box a rate of its strikes. What a long option with loan
    value requires follows its own price and is added apart.
    """
    return kind == SPREAD or kind == LONG_OPTION or kind == LONG_BOX


@inner(**BORROWS)
def move(
    of: tuple[Book, Series, Rules], problems: Problems, p: int, scenario: int, moved: Moved
) -> None:
    """Brings a problem's legs and stocks to the prices of a scenario."""
    book, series, rules = of
    for leg in range(problems.leg_offsets[p], problems.leg_offsets[p + 1]):
        beta = series.beta[book.series[problems.leg_position[leg]]]
        multiple = stress_multiple(beta, rules.stress_moves[scenario], rules)
        if beta != beta and problems.legs[leg].is_call:
            multiple = 2.0 - multiple  # without a beta, against the writer
        spot = np.rint(problems.legs[leg].spot * multiple)
        moved.legs[leg - moved.origin[0]].spot = np.int64(spot)
    for stock in range(problems.stock_offsets[p], problems.stock_offsets[p + 1]):
        i = problems.stock_position[stock]
        position = Marked(book.series[i], book.quantity[i], problems.stocks[stock].price)
        _move_stock(series, position, rules, scenario, moved.stocks[stock - moved.origin[1]])


@inner(**BORROWS)
def _move_stock(
    series: Series, position: Marked, rules: Rules, scenario: int, record: Record
) -> None:
    """Brings a stock to its price in a scenario, with what a share then requires."""
    s, quantity, price = position
    signed = price if quantity > 0 else -price
    line = stress_line(signed, series.beta[s], rules.stress_moves[scenario], rules)
    price_stock(series, Marked(s, quantity, abs(signed + line)), rules, record)


@inner(**BORROWS)
def struck_again(rates: StrategyRates, solution: Solution, p: int, moved: Moved) -> int:
    """Maintenance of a problem's other groups at the moved prices, cents."""
    total = 0
    for g in range(solution.offsets[p], solution.offsets[p + 1]):
        kind = solution.kind[g]
        if kind != SPREAD_LEG and not is_kept(kind):
            group = _moved_group(solution, g, moved.origin)
            many = 1 if kind == STOCK else solution.count[g]
            total += to_cents(group_maintenance(group, moved.legs, moved.stocks, rates) * many)
    return total


@inner(**BORROWS)
def _moved_group(solution: Solution, g: int, origin: tuple[int, int]) -> Group:
    """One row of a solution as a group of moved records."""
    group = group_of(solution, g)
    return Group(
        group.kind,
        _less(group.a, origin[0]),
        _less(group.b, origin[0]),
        _less(group.c, origin[0]),
        _less(group.d, origin[0]),
        _less(group.stock, origin[1]),
        group.shares,
    )


@inner(**BORROWS)
def _less(place: int, origin: int) -> int:
    return place - origin if place != NONE else NONE
