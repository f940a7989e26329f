"""The fused pass over accounts of securities: every requirement and scenario, in one loop.

Accounts are independent and every sum is an integer, so threads cannot change a bit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from margin_assets.kernels.book.book import (
    BEYOND_RANGE,
    CASH,
    PORTFOLIO,
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
    MICRO,
    model_line,
    rate_line,
    value_cents,
)
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import (
    initial_line,
    is_below,
    line_bound,
    maintenance_line,
    mark_price,
    scan_line,
    stress_line,
    stressed_maintenance,
)
from margin_assets.kernels.securities.plain import (
    FEW,
    SMALL,
    PlainRates,
    PlainTerms,
    add_long,
    add_scan,
    add_short,
    plain_line,
    plain_maintenance,
    plain_rates,
    plain_terms,
)

_BLOCK = 256  # accounts a thread takes at a time: scratch is allocated once a block


def revalue_securities(
    book: Book, series: Series, rules: Rules, accounts: Int64Array, figures: Figures
) -> None:
    """Figures of accounts that hold securities only, written in place into `figures`."""
    _revalue(book, series, plain_terms(series, rules), rules, accounts, figures)


@njit(parallel=True, cache=True, nogil=True)
def _revalue(
    book: Book,
    series: Series,
    terms: PlainTerms,
    rules: Rules,
    accounts: Int64Array,
    out: Figures,
) -> None:
    blocks = (len(accounts) + _BLOCK - 1) // _BLOCK
    for block in prange(blocks):
        # The body is a call of its own: Numba's parallel pass loses writes to tuple members.
        chosen = accounts[block * _BLOCK : (block + 1) * _BLOCK]
        _revalue_block(book, series, terms, rules, chosen, out)


class Plain(NamedTuple):
    """Sums over an account's plain positions: whole cents, exact in doubles."""

    pnl: npt.NDArray[np.float64]
    restruck: npt.NDArray[np.float64]
    group: npt.NDArray[np.float64]


class Scratch(NamedTuple):
    """Sums while an account's positions are walked, cents; `group` is of one class group."""

    plain: Plain
    pnl: Int64Array
    restruck: Int64Array
    group: Int64Array
    products: npt.NDArray[np.int64]


@njit(**OWNS)
def _scratch(rules: Rules) -> Scratch:
    scenarios, points = len(rules.stress_moves), rules.points.shape[1]
    return Scratch(
        Plain(np.zeros(scenarios), np.zeros(scenarios), np.zeros(points)),
        np.zeros(scenarios, dtype=np.int64),
        np.zeros(scenarios, dtype=np.int64),
        np.zeros(points, dtype=np.int64),
        np.zeros((len(rules.product_offset), points), dtype=np.int64),
    )


@njit(**BORROWS, forceinline=True)
def _clear(scratch: Scratch) -> None:
    # Loops, since assigning a slice costs more than the few numbers in it.
    for j in range(len(scratch.pnl)):
        scratch.plain.pnl[j] = scratch.plain.restruck[j] = 0.0
        scratch.pnl[j] = scratch.restruck[j] = 0
    for k in range(len(scratch.group)):
        scratch.plain.group[k] = 0.0
        scratch.group[k] = 0
        for g in range(len(scratch.products)):
            scratch.products[g, k] = 0


@njit(**OWNS)
def _revalue_block(
    book: Book,
    series: Series,
    terms: PlainTerms,
    rules: Rules,
    accounts: Int64Array,
    out: Figures,
) -> None:
    scratch, rates = _scratch(rules), plain_rates(rules)
    for a in accounts:
        _clear(scratch)
        _walk(book, series, terms, rules, rates, a, scratch, out)
        _govern(book, a, out)
        kind = book.account_type[a]
        if kind == CASH:
            _strike_cash_again(book, series, rules, a, out)
        elif kind == PORTFOLIO:
            for j in range(len(rules.stress_moves)):
                out.restruck[a, j] = _portfolio_margin(book, series, rules, a, j, scratch)
        if out.states[a] & BEYOND_RANGE:
            beyond_range(a, out)


@njit(**BORROWS, forceinline=True)
def _walk(  # noqa: PLR0915 (one pass: what it fuses would be loaded again)
    book: Book,
    series: Series,
    terms: PlainTerms,
    rules: Rules,
    rates: PlainRates,
    a: int,
    scratch: Scratch,
    out: Figures,
) -> None:
    """Values, both requirements and stress of account a, in stored order of its positions."""
    long_value = short_value = exposure = maintenance = initial = whole = scan = 0
    states = 0 if book.is_registered[a] else UNREGISTERED
    total = abs(float(book.cash[a]))
    end, is_last = book.offsets[a + 1], True
    for i in range(book.offsets[a], end):
        s, quantity = book.series[i], book.quantity[i]
        group, is_first = series.class_group[s], is_last
        is_last = i + 1 == end or series.class_group[book.series[i + 1]] != group
        states |= terms.states[s]
        if abs(quantity) > MAX_POSITION:
            states |= BEYOND_RANGE
        else:
            price = mark_price(book, series, rules, i)
            value = value_cents(quantity, price)
            size = abs(value)
            total += float(size)
            if value >= 0:
                long_value += value
            else:
                short_value -= value
            if terms.is_plain[s] and size < SMALL and abs(quantity) < FEW:
                below = is_below(price, rules)
                line, opening = _add_plain(value, quantity, below, s, terms, rates, scratch)
                maintenance += line
                initial += opening
                exposure += model_line(value, series.beta[s])
                reach = terms.reach[s, 0 if quantity > 0 else 1]
                if is_first and is_last and reach >= 0.0:
                    # Alone in its class group, it loses most at the end of its range.
                    scan += int(plain_line(float(size), reach))
                    continue
                add_scan(float(value), terms.points, s, scratch.plain.group)
            else:
                total += line_bound(quantity, price, series.leverage[s], series.beta[s], rules)
                line, uncovered = _add_exact(value, quantity, price, series, s, rules, scratch)
                initial += initial_line(quantity, value, series.is_marginable[s], line, rules)
                maintenance += line
                whole += uncovered
                if series.beta[s] == series.beta[s]:
                    exposure += model_line(value, series.beta[s])
        if is_last:
            scan += _close_group(rules, series.range_class[s], scratch)
    if total > MAX_TOTAL:
        states |= BEYOND_RANGE
    out.long_value[a] = long_value
    out.short_value[a] = short_value
    out.exposure[a] = exposure
    out.maintenance[a] = maintenance
    out.initial[a] = initial
    out.portfolio_margin[a] = whole + scan + _offset_groups(scratch)
    out.long_options[a] = out.short_options[a] = 0
    out.equity[a] = book.cash[a] + long_value - short_value
    out.reg_t_equity[a] = out.net_liquidation[a] = out.equity[a]
    out.states[a] = states
    for j in range(len(scratch.pnl)):
        out.pnl[a, j] = scratch.pnl[j] + np.int64(scratch.plain.pnl[j])
        out.restruck[a, j] = scratch.restruck[j] + np.int64(scratch.plain.restruck[j])


@njit(**BORROWS, forceinline=True)
def _add_plain(
    value: int,
    quantity: int,
    below: bool,
    s: int,
    terms: PlainTerms,
    rates: PlainRates,
    scratch: Scratch,
) -> tuple[int, int]:
    """Adds a plain position's stress to its account's sums; its maintenance and initial lines."""
    exact, plain = float(value), scratch.plain
    if quantity > 0:
        add_long(exact, terms.stress, s, rates, plain.pnl, plain.restruck)
        line = plain_line(exact, rates.long)
        opening = plain_line(exact, rates.initial_long)
    else:
        units = -quantity / MICRO
        add_short(exact, units, below, terms.stress, s, rates, plain.pnl, plain.restruck)
        line = plain_maintenance(-exact, units, below, rates)
        opening = plain_line(-exact, rates.initial_short)
    return np.int64(line), np.int64(max(line, opening))


@njit(**BORROWS)
def _add_exact(
    value: int,
    quantity: int,
    price: int,
    series: Series,
    s: int,
    rules: Rules,
    scratch: Scratch,
) -> tuple[int, int]:
    """The same for any position, by the exact lines; also what is not netted and needed whole."""
    leverage, marginable = series.leverage[s], series.is_marginable[s]
    below = is_below(price, rules)
    line = maintenance_line(quantity, value, below, leverage, marginable, rules)
    for j in range(len(rules.stress_moves)):
        pnl = stress_line(value, series.beta[s], rules.stress_moves[j], rules)
        scratch.pnl[j] += pnl
        scratch.restruck[j] += stressed_maintenance(
            quantity, value, pnl, below, leverage, marginable, rules
        )
    if not marginable:
        return line, line
    for k in range(len(scratch.group)):
        scratch.group[k] += scan_line(value, rules.points[series.range_class[s], k], leverage)
    return line, 0


@njit(**BORROWS)
def _strike_cash_again(book: Book, series: Series, rules: Rules, a: int, out: Figures) -> None:
    """A cash account's requirement at each scenario: the absolute values after the move."""
    out.restruck[a, :] = 0
    for i in range(book.offsets[a], book.offsets[a + 1]):
        s = book.series[i]
        if abs(book.quantity[i]) <= MAX_POSITION:
            value = value_cents(book.quantity[i], mark_price(book, series, rules, i))
            for j in range(len(rules.stress_moves)):
                stressed = stressed_value(value, series.beta[s], j, rules)
                out.restruck[a, j] += abs(stressed)


@njit(**BORROWS, forceinline=True)
def _govern(book: Book, a: int, out: Figures) -> None:
    """The regulatory requirement that governs the account, by its type."""
    kind = book.account_type[a]
    if kind == CASH:
        out.governing[a] = out.long_value[a] + out.short_value[a]
    elif kind == PORTFOLIO:
        out.governing[a] = out.portfolio_margin[a]
    else:
        out.governing[a] = out.maintenance[a]


@njit(**BORROWS)
def stressed_value(value: int, beta: float, scenario: int, rules: Rules) -> int:
    """Value after a stress scenario."""
    return value + stress_line(value, beta, rules.stress_moves[scenario], rules)


@njit(**BORROWS)
def _portfolio_margin(
    book: Book, series: Series, rules: Rules, a: int, scenario: int, scratch: Scratch
) -> int:
    """4210(g) of account a struck again at the prices of a stress scenario."""
    _clear(scratch)
    requirement = 0
    first, end = book.offsets[a], book.offsets[a + 1]
    for i in range(first, end):
        s, quantity = book.series[i], book.quantity[i]
        leverage = series.leverage[s]
        if abs(quantity) <= MAX_POSITION:
            price = mark_price(book, series, rules, i)
            value = value_cents(quantity, price)
            if series.is_marginable[s]:
                moved = stressed_value(value, series.beta[s], scenario, rules)
                for k in range(len(scratch.group)):
                    point = rules.points[series.range_class[s], k]
                    scratch.group[k] += scan_line(moved, point, leverage)
            else:
                line = stress_line(value, series.beta[s], rules.stress_moves[scenario], rules)
                requirement += stressed_maintenance(
                    quantity, value, line, is_below(price, rules), leverage, False, rules
                )
        if i + 1 == end or series.class_group[book.series[i + 1]] != series.class_group[s]:
            requirement += _close_group(rules, series.range_class[s], scratch)
    return requirement + _offset_groups(scratch)


@njit(**BORROWS, forceinline=True)
def _close_group(rules: Rules, range_class: int, scratch: Scratch) -> int:
    """Requirement of a class group that stands alone; 0 for one put into its product group.

    Inside a product group losses count whole and gains at the offset, point by point.
    """
    product = rules.product_group[range_class]
    worst = 0
    for k in range(len(scratch.group)):
        pnl = scratch.group[k] + np.int64(scratch.plain.group[k])
        scratch.group[k] = 0
        scratch.plain.group[k] = 0.0
        if product < 0:
            worst = min(worst, pnl)
        elif pnl < 0:
            scratch.products[product, k] += pnl
        else:
            scratch.products[product, k] += rate_line(pnl, rules.product_offset[product])
    return -worst


@njit(**BORROWS, forceinline=True)
def _offset_groups(scratch: Scratch) -> int:
    """Requirement of the product groups: each one's worst point."""
    total = 0
    for g in range(len(scratch.products)):
        worst = 0
        for k in range(scratch.products.shape[1]):
            worst = min(worst, scratch.products[g, k])
        total -= worst
    return total
