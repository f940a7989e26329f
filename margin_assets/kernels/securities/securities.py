"""The fused pass over accounts of securities: every requirement and scenario, in one loop.

Accounts are independent and every sum is an integer, so threads cannot change a bit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book.book import CASH, PORTFOLIO, Book
from margin_assets.kernels.book.figures import Figures, beyond_range
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.book.states import BEYOND_RANGE, UNREGISTERED
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import (
    MAX_POSITION,
    MAX_TOTAL,
    MICRO,
    PPM,
    model_line,
    value_cents,
)
from margin_assets.kernels.numeric.threads import ALONE, over_ranges
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.class_groups import (
    Scanned,
    clear_products,
    close_group,
    nothing_scanned,
    offset_groups,
)
from margin_assets.kernels.securities.lines import (
    Carried,
    Marked,
    carried,
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
    Short,
    add_long,
    add_scan,
    add_short,
    plain_line,
    plain_maintenance,
    plain_rates,
    plain_terms,
)
from margin_assets.kernels.securities.stressed import (
    Holders,
    stressed_portfolio_margin,
    strike_cash_again,
)


def revalue_securities(
    book: Book, series: Series, rules: Rules, accounts: Int64Array, figures: Figures
) -> None:
    """Figures of accounts that hold securities only, written in place into `figures`."""
    holders = Holders(book, series, plain_terms(series, rules), rules)

    def walk(first: int, end: int) -> None:
        _revalue(holders, accounts[first:end], figures)

    over_ranges(walk, len(accounts), ALONE)


class Plain(NamedTuple):
    """Sums over an account's plain positions: whole cents, exact in doubles."""

    pnl: npt.NDArray[np.float64]
    restruck: npt.NDArray[np.float64]
    group: npt.NDArray[np.float64]


class Scratch(NamedTuple):
    """Sums while an account's positions are walked, cents."""

    plain: Plain
    pnl: Int64Array
    restruck: Int64Array
    scanned: Scanned


class _Sums(NamedTuple):
    """What an account's positions come to, cents."""

    long_value: int
    short_value: int
    exposure: int
    maintenance: int
    initial: int
    portfolio_margin: int
    states: int


@inner(**OWNS)
def _scratch(rules: Rules) -> Scratch:
    scenarios, points = len(rules.stress_moves), rules.points.shape[1]
    return Scratch(
        Plain(np.zeros(scenarios), np.zeros(scenarios), np.zeros(points)),
        np.zeros(scenarios, dtype=np.int64),
        np.zeros(scenarios, dtype=np.int64),
        nothing_scanned(rules),
    )


@inner(**BORROWS, forceinline=True)
def _clear(scratch: Scratch) -> None:
    # Loops, since assigning a slice costs more than the few numbers in it.
    for j in range(len(scratch.pnl)):
        scratch.plain.pnl[j] = scratch.plain.restruck[j] = 0.0
        scratch.pnl[j] = scratch.restruck[j] = 0
    clear_products(scratch.scanned)


@njit(**OWNS, nogil=True)
def _revalue(holders: Holders, accounts: Int64Array, out: Figures) -> None:
    book, rules = holders.book, holders.rules
    scratch, rates = _scratch(rules), plain_rates(rules)
    for a in accounts:
        _clear(scratch)
        _walk(holders, rates, a, scratch, out)
        _govern(book, a, out)
        kind = book.account_type[a]
        if kind == CASH:
            strike_cash_again(holders, a, out)
        elif kind == PORTFOLIO:
            for j in range(len(rules.stress_moves)):
                out.restruck[a, j] = stressed_portfolio_margin(holders, a, j, scratch.scanned)
        if out.states[a] & BEYOND_RANGE:
            beyond_range(a, out)


@inner(**BORROWS, forceinline=True)
def _walk(  # noqa: PLR0915 (one pass: what it fuses would be loaded again)
    holders: Holders, rates: PlainRates, a: int, scratch: Scratch, out: Figures
) -> None:
    """Values, both requirements and stress of account a, in stored order of its positions."""
    book, series, terms, rules = holders
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
                plain = Carried(quantity, value, is_below(price, rules), PPM, True)
                line, opening = _add_plain(plain, s, terms, rates, scratch.plain)
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
                position = Marked(s, quantity, price)
                held = carried(series, position, rules)
                total += line_bound(series, position, rules)
                line, uncovered = _add_exact(held, s, series, rules, scratch)
                initial += initial_line(held, line, rules)
                maintenance += line
                whole += uncovered
                if series.beta[s] == series.beta[s]:
                    exposure += model_line(value, series.beta[s])
        if is_last:
            _join_plain(scratch)
            scan += close_group(rules, series.range_class[s], np.int64(0), scratch.scanned)
    if total > MAX_TOTAL:
        states |= BEYOND_RANGE
    margin = whole + scan + offset_groups(scratch.scanned)
    sums = _Sums(long_value, short_value, exposure, maintenance, initial, margin, states)
    _write(book.cash[a], sums, scratch, a, out)


@inner(**BORROWS, forceinline=True)
def _write(cash: int, sums: _Sums, scratch: Scratch, a: int, out: Figures) -> None:
    """Figures of account a from the sums over its positions."""
    out.long_value[a] = sums.long_value
    out.short_value[a] = sums.short_value
    out.exposure[a] = sums.exposure
    out.maintenance[a] = sums.maintenance
    out.initial[a] = sums.initial
    out.portfolio_margin[a] = sums.portfolio_margin
    out.long_options[a] = out.short_options[a] = 0
    out.equity[a] = cash + sums.long_value - sums.short_value
    out.reg_t_equity[a] = out.net_liquidation[a] = out.equity[a]
    out.states[a] = sums.states
    for j in range(len(scratch.pnl)):
        out.pnl[a, j] = scratch.pnl[j] + np.int64(scratch.plain.pnl[j])
        out.restruck[a, j] = scratch.restruck[j] + np.int64(scratch.plain.restruck[j])


@inner(**BORROWS, forceinline=True)
def _add_plain(
    held: Carried, s: int, terms: PlainTerms, rates: PlainRates, plain: Plain
) -> tuple[int, int]:
    """Adds a plain position's stress to its account's sums; its maintenance and initial lines."""
    exact, into = float(held.value), (plain.pnl, plain.restruck)
    if held.quantity > 0:
        add_long(exact, terms.stress, s, rates, into)
        line = plain_line(exact, rates.long)
        opening = plain_line(exact, rates.initial_long)
    else:
        short = Short(-exact, -held.quantity / MICRO, held.below)
        add_short(short, terms.stress, s, rates, into)
        line = plain_maintenance(short, rates)
        opening = plain_line(-exact, rates.initial_short)
    return np.int64(line), np.int64(max(line, opening))


@inner(**BORROWS)
def _add_exact(
    held: Carried, s: int, series: Series, rules: Rules, scratch: Scratch
) -> tuple[int, int]:
    """The same for any position, by the exact lines; also what is not netted and needed whole."""
    line, group = maintenance_line(held, rules), scratch.scanned.group
    for j in range(len(rules.stress_moves)):
        pnl = stress_line(held.value, series.beta[s], rules.stress_moves[j], rules)
        scratch.pnl[j] += pnl
        scratch.restruck[j] += stressed_maintenance(held, pnl, rules)
    if not held.marginable:
        return line, line
    for k in range(len(group)):
        point = rules.points[series.range_class[s], k]
        group[k] += scan_line(held.value, point, held.leverage)
    return line, 0


@inner(**BORROWS, forceinline=True)
def _join_plain(scratch: Scratch) -> None:
    """Adds the plain positions of a class group to its sums."""
    for k in range(len(scratch.scanned.group)):
        scratch.scanned.group[k] += np.int64(scratch.plain.group[k])
        scratch.plain.group[k] = 0.0


@inner(**BORROWS, forceinline=True)
def _govern(book: Book, a: int, out: Figures) -> None:
    """The regulatory requirement that governs the account, by its type."""
    kind = book.account_type[a]
    if kind == CASH:
        out.governing[a] = out.long_value[a] + out.short_value[a]
    elif kind == PORTFOLIO:
        out.governing[a] = out.portfolio_margin[a]
    else:
        out.governing[a] = out.maintenance[a]
