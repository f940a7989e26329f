"""The fused pass: every requirement and every scenario of every account, in one loop.

Accounts are independent and every sum is an integer, so threads cannot change a bit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from margin_assets.kernels.book import (
    BEYOND_RANGE,
    CASH,
    PORTFOLIO,
    UNREGISTERED,
    Book,
    Int64Array,
    Series,
)
from margin_assets.kernels.lines import (
    initial_line,
    input_states,
    is_below,
    line_bound,
    maintenance_line,
    mark_price,
    scan_line,
    stress_line,
    stressed_maintenance,
)
from margin_assets.kernels.money import (
    MAX_POSITION,
    MAX_TOTAL,
    floor_line,
    model_line,
    rate_line,
    value_cents,
)
from margin_assets.kernels.rules import Rules

_BLOCK = 256  # accounts a thread takes at a time: scratch is allocated once a block


class Figures(NamedTuple):
    """What an account comes to, in cents; one entry an account, scenarios across."""

    long_value: Int64Array
    short_value: Int64Array
    """Absolute value."""
    exposure: Int64Array
    """Sum of value x beta."""
    equity: Int64Array
    maintenance: Int64Array
    initial: Int64Array
    portfolio_margin: Int64Array
    governing: Int64Array
    pnl: Int64Array
    restruck: Int64Array
    """Governing requirement struck again at each scenario's prices."""
    states: npt.NDArray[np.int32]
    """Named states of the inputs, as bits."""


def empty_figures(accounts: int, rules: Rules) -> Figures:
    """Room for the figures of a number of accounts."""
    scenarios = len(rules.stress_moves)
    columns = [np.zeros(accounts, dtype=np.int64) for _ in range(8)]
    tables = [np.zeros((accounts, scenarios), dtype=np.int64) for _ in range(2)]
    return Figures(*columns, *tables, np.zeros(accounts, dtype=np.int32))


def revalue(
    book: Book,
    series: Series,
    rules: Rules,
    accounts: npt.NDArray[np.int64] | None = None,
    figures: Figures | None = None,
) -> Figures:
    """Figures of the given accounts (all if none), written in place into `figures`."""
    total = len(book.offsets) - 1
    chosen = np.arange(total, dtype=np.int64) if accounts is None else accounts
    into = empty_figures(total, rules) if figures is None else figures
    _revalue(book, series, rules, chosen, into)
    return into


@njit(parallel=True, cache=True, nogil=True)
def _revalue(book: Book, series: Series, rules: Rules, accounts: Int64Array, out: Figures) -> None:
    blocks = (len(accounts) + _BLOCK - 1) // _BLOCK
    for block in prange(blocks):
        # The body is a call of its own: Numba's parallel pass loses writes to tuple members.
        _revalue_block(book, series, rules, accounts[block * _BLOCK : (block + 1) * _BLOCK], out)


@njit(cache=True)
def _revalue_block(
    book: Book, series: Series, rules: Rules, accounts: Int64Array, out: Figures
) -> None:
    points = rules.points.shape[1]
    group_pnl = np.zeros(points, dtype=np.int64)
    products = np.zeros((len(rules.product_offset), points), dtype=np.int64)
    for a in accounts:
        _strategy_margin(book, series, rules, a, out)
        out.portfolio_margin[a] = _portfolio_margin(book, series, rules, a, -1, group_pnl, products)
        _govern(book, rules, a, out)
        if book.account_type[a] == PORTFOLIO:
            for j in range(len(rules.stress_moves)):
                out.restruck[a, j] = _portfolio_margin(
                    book, series, rules, a, j, group_pnl, products
                )


@njit(cache=True)
def _strategy_margin(book: Book, series: Series, rules: Rules, a: int, out: Figures) -> None:
    """Values, Reg T requirements and stress of account a, in stored order of its positions."""
    long_value = short_value = exposure = maintenance = initial = 0
    states = 0 if book.is_registered[a] else UNREGISTERED
    size = abs(float(book.cash[a]))
    is_cash = book.account_type[a] == CASH
    out.pnl[a, :] = 0
    out.restruck[a, :] = 0
    for i in range(book.offsets[a], book.offsets[a + 1]):
        s = book.series[i]
        quantity = book.quantity[i]
        states |= input_states(series, s)
        if abs(quantity) > MAX_POSITION:
            states |= BEYOND_RANGE
            continue
        price = mark_price(book, series, rules, i)
        value = value_cents(quantity, price)
        if value >= 0:
            long_value += value
        else:
            short_value -= value
        leverage, marginable = series.leverage[s], series.is_marginable[s]
        size += line_bound(quantity, price, leverage, series.beta[s], rules)
        line = maintenance_line(
            quantity, value, is_below(price, rules), leverage, marginable, rules
        )
        maintenance += line
        initial += initial_line(quantity, value, marginable, line, rules)
        beta = series.beta[s]
        if beta == beta:
            exposure += model_line(value, beta)
        for j in range(len(rules.stress_moves)):
            pnl = stress_line(value, beta, rules.stress_moves[j], rules)
            out.pnl[a, j] += pnl
            if is_cash:
                out.restruck[a, j] += abs(stressed_value(value, beta, j, rules))
            else:
                out.restruck[a, j] += stressed_maintenance(
                    quantity, value, pnl, leverage, marginable, rules
                )
    if size > MAX_TOTAL:
        states |= BEYOND_RANGE
    out.long_value[a] = long_value
    out.short_value[a] = short_value
    out.exposure[a] = exposure
    out.maintenance[a] = maintenance
    out.initial[a] = initial
    out.equity[a] = book.cash[a] + long_value - short_value
    out.states[a] = states


@njit(cache=True)
def _govern(book: Book, rules: Rules, a: int, out: Figures) -> None:
    """The regulatory requirement that governs the account, by its type."""
    kind = book.account_type[a]
    if kind == CASH:
        out.governing[a] = out.long_value[a] + out.short_value[a]
    elif kind == PORTFOLIO:
        out.governing[a] = out.portfolio_margin[a]
    else:
        out.governing[a] = out.maintenance[a]


@njit(cache=True)
def _portfolio_margin(
    book: Book,
    series: Series,
    rules: Rules,
    a: int,
    scenario: int,
    group_pnl: Int64Array,
    products: npt.NDArray[np.int64],
) -> int:
    """4210(g) of account a: worst point of each class group, offset inside product groups.

    At the prices of a stress scenario, or at today's for scenario -1.
    """
    points = len(group_pnl)
    products[:] = 0
    group_pnl[:] = 0
    total = 0
    first, end = book.offsets[a], book.offsets[a + 1]
    for i in range(first, end):
        s = book.series[i]
        quantity = book.quantity[i]
        if abs(quantity) <= MAX_POSITION:
            value = value_cents(quantity, mark_price(book, series, rules, i))
            if scenario >= 0:
                value = stressed_value(value, series.beta[s], scenario, rules)
            if not series.is_marginable[s]:
                below = is_below(mark_price(book, series, rules, i), rules)
                if scenario >= 0:
                    below = abs(value) < floor_line(quantity, rules.short_threshold)
                total += maintenance_line(quantity, value, below, series.leverage[s], False, rules)
            else:
                for k in range(points):
                    point = rules.points[series.range_class[s], k]
                    group_pnl[k] += scan_line(value, point, series.leverage[s])
        last = i + 1 == end or (series.class_group[book.series[i + 1]] != series.class_group[s])
        if last:
            total += _close_group(rules, series.range_class[s], group_pnl, products)
            group_pnl[:] = 0
    for g in range(len(products)):
        total += max(0, -products[g].min())
    return total


@njit(cache=True)
def stressed_value(value: int, beta: float, scenario: int, rules: Rules) -> int:
    """Value after a stress scenario; a price that would turn negative is 0."""
    stressed = value + stress_line(value, beta, rules.stress_moves[scenario], rules)
    return stressed if (stressed > 0) == (value > 0) else 0


@njit(cache=True)
def _close_group(
    rules: Rules, range_class: int, group_pnl: Int64Array, products: npt.NDArray[np.int64]
) -> int:
    """Requirement of a class group that stands alone; 0 for one put into its product group.

    Inside a product group losses count whole and gains at the offset, point by point.
    """
    product = rules.product_group[range_class]
    if product < 0:
        return max(0, -group_pnl.min())
    for k in range(len(group_pnl)):
        gain = group_pnl[k]
        products[product, k] += gain if gain < 0 else rate_line(gain, rules.product_offset[product])
    return 0
