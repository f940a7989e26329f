"""The pass over accounts that hold options, bonds or one security both ways, beside the fused one.

Reg T comes by groups of least requirement (`strategic`), portfolio margin and stress from option
values struck once a series (`valuation`). Every sum is an integer: threads change no bit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from margin_assets.kernels.book.book import (
    BEYOND_RANGE,
    BOND,
    CASH,
    NO_RATE,
    NO_UNDERLYING_PRICE,
    NOT_PROVEN,
    OPTION,
    PORTFOLIO,
    QUOTE_OUT_OF_BOUNDS,
    UNMODELLED,
    UNREGISTERED,
    Book,
    Series,
)
from margin_assets.kernels.book.figures import Figures, beyond_range
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS
from margin_assets.kernels.numeric.money import (
    MAX_POSITION,
    MAX_TOTAL,
    model_line,
    rate_line,
    signed_value,
    value_cents,
)
from margin_assets.kernels.options.valuation import (
    OptionValues,
    bounded_line,
    option_stress_pnl,
    quote_states,
)
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.bonds import bond_line
from margin_assets.kernels.securities.lines import (
    input_states,
    is_below,
    line_bound,
    mark_price,
    scan_line,
    stress_line,
    stressed_maintenance,
)
from margin_assets.kernels.securities.securities import stressed_value
from margin_assets.kernels.strategies.problems import makes_group
from margin_assets.kernels.strategies.strategic import Strategic, strategic_requirements

_BLOCK = 64  # accounts a thread takes at a time: scratch is allocated once a block
TODAY = -1
MAX_GROUPED = MAX_TOTAL // 10_000
"""Cents that groups with options, struck in micro-dollars, hold exactly."""
_UNMODELLED = NO_RATE | NO_UNDERLYING_PRICE | QUOTE_OUT_OF_BOUNDS


class Market(NamedTuple):
    """What every account of the pass reads."""

    series: Series
    values: OptionValues
    states: npt.NDArray[np.int32]
    """Named states of each symbol, its option model's included."""


def market_of(series: Series, values: OptionValues) -> Market:
    """Series with their option values and named states."""
    return Market(series, values, quote_states(series))


def revalue_mixed(
    book: Book,
    series: Series,
    values: OptionValues,
    rules: Rules,
    into: tuple[Int64Array, Figures],
) -> None:
    """Figures of the given accounts, whatever they hold, written in place."""
    accounts, figures = into
    market = market_of(series, values)
    strategic = strategic_requirements(book, series, values, rules, accounts)
    _revalue_mixed(book, *market, rules, accounts, strategic, figures)


@njit(parallel=True, cache=True, nogil=True)
def _revalue_mixed(
    book: Book,
    series: Series,
    values: OptionValues,
    states: npt.NDArray[np.int32],
    rules: Rules,
    accounts: Int64Array,
    strategic: Strategic,
    out: Figures,
) -> None:
    blocks = (len(accounts) + _BLOCK - 1) // _BLOCK
    for block in prange(blocks):
        # The body is a call of its own: Numba's parallel pass loses writes to tuple members.
        first = block * _BLOCK
        end = min(first + _BLOCK, len(accounts))
        market = Market(series, values, states)
        _revalue_block(book, market, rules, accounts, (first, end), strategic, out)


@njit(**OWNS)
def _revalue_block(
    book: Book,
    market: Market,
    rules: Rules,
    accounts: Int64Array,
    block: tuple[int, int],
    strategic: Strategic,
    out: Figures,
) -> None:
    points = rules.points.shape[1]
    group = np.zeros(points, dtype=np.int64)
    products = np.zeros((len(rules.product_offset), points), dtype=np.int64)
    minimums = np.zeros(len(rules.product_offset), dtype=np.int64)
    scratch = Scratch(group, products, minimums)
    for n in range(block[0], block[1]):
        a = accounts[n]
        _sum_up(book, market, rules, a, out)
        if out.states[a] & BEYOND_RANGE:
            beyond_range(a, out)
            continue
        out.portfolio_margin[a] = portfolio_margin(book, market, rules, a, np.int64(TODAY), scratch)
        _take_strategic(book, a, n, strategic, out)
        _strike_again(book, market, rules, a, n, strategic, out, scratch)


class Scratch(NamedTuple):
    """Sums while an account's class groups are walked, cents."""

    group: Int64Array
    products: Int64Array
    minimums: Int64Array


@njit(**BORROWS)
def _sum_up(book: Book, market: Market, rules: Rules, a: int, out: Figures) -> None:
    """Values, exposure, equity and stress P&L of account a, and the states of its inputs."""
    series = market.series
    states = 0 if book.is_registered[a] else UNREGISTERED
    total, most = abs(float(book.cash[a])), MAX_TOTAL
    out.long_value[a] = out.short_value[a] = out.exposure[a] = 0
    out.long_options[a] = out.short_options[a] = 0
    for j in range(len(rules.stress_moves)):
        out.pnl[a, j] = 0
    for i in range(book.offsets[a], book.offsets[a + 1]):
        s, quantity = book.series[i], book.quantity[i]
        states |= input_states(series, s) | market.states[s]
        if abs(quantity) > MAX_POSITION:
            states |= BEYOND_RANGE
            continue
        price = mark_price(book, series, rules, i)
        spot = max(price, series.underlying_price[s], series.strike[s])
        most = MAX_GROUPED if makes_group(book, series, a, i) else most
        total += 2.0 * line_bound(quantity, spot, series.leverage[s], series.beta[s], rules)
        value = value_cents(quantity, price)
        _add_value(value, series.kind[s] == OPTION, a, out)
        if total > most:
            continue
        _add_exposure(market, s, quantity, value, a, out)
        for j in range(len(rules.stress_moves)):
            out.pnl[a, j] += stress_pnl(market, rules, s, quantity, price, j)
    if total > most:
        states |= BEYOND_RANGE
    if book.account_type[a] == PORTFOLIO and states & _UNMODELLED:
        states |= UNMODELLED
    out.states[a] = states
    securities = book.cash[a] + out.long_value[a] - out.short_value[a]
    out.net_liquidation[a] = securities + out.long_options[a] - out.short_options[a]
    out.reg_t_equity[a] = securities


@njit(**BORROWS, forceinline=True)
def _add_value(value: int, is_option: bool, a: int, out: Figures) -> None:
    if is_option:
        out.long_options[a] += max(value, 0)
        out.short_options[a] += max(-value, 0)
    else:
        out.long_value[a] += max(value, 0)
        out.short_value[a] += max(-value, 0)


@njit(**BORROWS)
def _add_exposure(market: Market, s: int, quantity: int, value: int, a: int, out: Figures) -> None:
    """Value x beta; of an option the value of the shares that its delta stands for."""
    series = market.series
    beta = series.beta[s]
    if beta == beta:
        if series.kind[s] == OPTION:
            shares = value_cents(quantity, series.underlying_price[s])
            out.exposure[a] += model_line(shares, beta * market.values.delta[market.values.slot[s]])
        else:
            out.exposure[a] += model_line(value, beta)


@njit(**BORROWS)
def stress_pnl(
    market: Market, rules: Rules, s: int, quantity: int, price: int, scenario: int
) -> int:
    """P&L of a position in a stress scenario, cents."""
    series, values = market.series, market.values
    if series.kind[s] != OPTION:
        value = value_cents(quantity, price)
        return stress_line(value, series.beta[s], rules.stress_moves[scenario], rules)
    return option_stress_pnl(series, values, s, quantity, price, scenario)


@njit(**BORROWS)
def portfolio_margin(
    book: Book, market: Market, rules: Rules, a: int, scenario: int, scratch: Scratch
) -> int:
    """4210(g) of account a, today (`TODAY`) or struck again at the prices of a stress scenario."""
    series = market.series
    for g in range(len(scratch.minimums)):
        scratch.minimums[g] = 0
        for k in range(len(scratch.group)):
            scratch.products[g, k] = 0
    requirement = minimum = 0
    first, end = book.offsets[a], book.offsets[a + 1]
    for i in range(first, end):
        s = book.series[i]
        if abs(book.quantity[i]) <= MAX_POSITION:
            price = mark_price(book, series, rules, i)
            requirement += scan_position(
                market,
                rules,
                s,
                book.quantity[i],
                price,
                scenario,
                book.is_exempt[a],
                scratch.group,
            )
            minimum += contract_minimum(series, rules, s, book.quantity[i], price)
        if i + 1 == end or series.class_group[book.series[i + 1]] != series.class_group[s]:
            requirement += _close_group(rules, series.range_class[s], minimum, scratch)
            minimum = 0
    return requirement + _offset_groups(scratch)


@njit(**BORROWS)
def scan_position(
    market: Market,
    rules: Rules,
    s: int,
    quantity: int,
    price: int,
    scenario: int,
    is_exempt: bool,
    group: Int64Array,
) -> int:
    """Adds a position's P&L at the points to its group; returns what is required whole."""
    series = market.series
    if series.kind[s] == OPTION:
        _scan_option(market, s, quantity, price, scenario, group)
        return 0
    value = value_cents(quantity, price)
    line = 0
    if scenario != TODAY:
        line = stress_line(value, series.beta[s], rules.stress_moves[scenario], rules)
    moved = value + line
    if series.kind[s] == BOND:
        return bond_line(quantity, moved, series, s, is_exempt, rules)
    leverage = series.leverage[s]
    if not series.is_marginable[s]:
        below = is_below(price, rules)
        return stressed_maintenance(quantity, value, line, below, leverage, False, rules)
    for k in range(len(group)):
        group[k] += scan_line(moved, rules.points[series.range_class[s], k], leverage)
    return 0


@njit(**BORROWS)
def _scan_option(
    market: Market, s: int, quantity: int, price: int, scenario: int, group: Int64Array
) -> None:
    values = market.values
    slot = values.slot[s]
    if scenario != TODAY and len(values.rescan) == 0:
        return
    # What has no beta has no stressed price: it is struck again where it stands.
    is_today = scenario == TODAY or values.stress_bound[slot]
    for k in range(len(group)):
        pnl = values.scan[slot, k] if is_today else values.rescan[slot, scenario, k]
        if values.scan_bound[slot]:
            pnl = bounded_line(pnl, price, quantity)
        group[k] += signed_value(quantity, pnl)


@njit(**BORROWS, forceinline=True)
def contract_minimum(series: Series, rules: Rules, s: int, quantity: int, price: int) -> int:
    """4210(g)(7): an amount a unit of every option held, of a long one at most its value."""
    if series.kind[s] != OPTION:
        return 0
    least = value_cents(abs(quantity), rules.contract_minimum)
    return min(least, value_cents(quantity, price)) if quantity > 0 else least


@njit(**BORROWS)
def _close_group(rules: Rules, range_class: int, minimum: int, scratch: Scratch) -> int:
    """Requirement of a class group that stands alone; 0 for one put into its product group.

    Inside a product group losses count whole and gains at the offset, point by point.
    """
    product = rules.product_group[range_class]
    worst = 0
    for k in range(len(scratch.group)):
        pnl = scratch.group[k]
        scratch.group[k] = 0
        if product < 0:
            worst = min(worst, pnl)
        elif pnl < 0:
            scratch.products[product, k] += pnl
        else:
            scratch.products[product, k] += rate_line(pnl, rules.product_offset[product])
    if product >= 0:
        scratch.minimums[product] += minimum
        return 0
    return max(-worst, minimum)


@njit(**BORROWS)
def _offset_groups(scratch: Scratch) -> int:
    """Requirement of the product groups: the worst point, at least the contracts' minimum."""
    total = 0
    for g in range(len(scratch.minimums)):
        worst = 0
        for k in range(scratch.products.shape[1]):
            worst = min(worst, scratch.products[g, k])
        total += max(-worst, scratch.minimums[g])
    return total


@njit(**BORROWS)
def _take_strategic(book: Book, a: int, n: int, strategic: Strategic, out: Figures) -> None:
    """Reg T of account a, and which requirement governs against which equity."""
    out.maintenance[a], out.initial[a] = strategic.maintenance[n], strategic.initial[n]
    out.reg_t_equity[a] += strategic.counted[n]
    if not strategic.is_proven[n]:
        out.states[a] |= NOT_PROVEN
    kind = book.account_type[a]
    out.equity[a] = out.net_liquidation[a] if kind == PORTFOLIO else out.reg_t_equity[a]
    if kind == PORTFOLIO:
        out.governing[a] = out.portfolio_margin[a]
    elif kind == CASH:
        # Paid in full: an option that counts in equity lends nothing.
        whole = strategic.cash[n] + strategic.counted[n]
        out.governing[a] = out.long_value[a] + out.short_value[a] + whole
    else:
        out.governing[a] = out.maintenance[a]


@njit(**BORROWS)
def _strike_again(
    book: Book,
    market: Market,
    rules: Rules,
    a: int,
    n: int,
    strategic: Strategic,
    out: Figures,
    scratch: Scratch,
) -> None:
    """The governing requirement at each scenario's prices, today's groups kept.

    The P&L of every position counts in equity, options' too: what a short option's value requires
    today stays as it is. What counts in equity requires less than nothing in no scenario, though
    a bound of its loss may be larger than it.
    """
    kind = book.account_type[a]
    for j in range(len(rules.stress_moves)):
        if kind == PORTFOLIO:
            out.restruck[a, j] = portfolio_margin(book, market, rules, a, j, scratch)
        elif kind == CASH:
            counted = max(strategic.counted[n] + strategic.counted_pnl[n, j], 0)
            securities = _stressed_values(book, market.series, rules, a, j)
            out.restruck[a, j] = securities + strategic.cash[n] + counted
        else:
            out.restruck[a, j] = max(strategic.restruck[n, j], 0)


@njit(**BORROWS)
def _stressed_values(book: Book, series: Series, rules: Rules, a: int, scenario: int) -> int:
    """Absolute values of account a's securities and bonds after a stress scenario, cents."""
    total = 0
    for i in range(book.offsets[a], book.offsets[a + 1]):
        s = book.series[i]
        if series.kind[s] != OPTION:
            value = value_cents(book.quantity[i], mark_price(book, series, rules, i))
            total += abs(stressed_value(value, series.beta[s], scenario, rules))
    return total
