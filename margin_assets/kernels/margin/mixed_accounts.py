"""The pass over accounts that hold options, bonds or one security both ways, beside the fused one.

Reg T comes by groups of least requirement (`strategic`), portfolio margin and stress from option
values struck once a series (`valuation`). Every sum is an integer: threads change no bit.
"""

import numpy as np
from numba import njit

from margin_assets.kernels.book.book import CASH, PORTFOLIO, Book
from margin_assets.kernels.book.figures import Figures, beyond_range
from margin_assets.kernels.book.series import OPTION, Series, quoted
from margin_assets.kernels.book.states import (
    BEYOND_RANGE,
    NO_RATE,
    NO_UNDERLYING_PRICE,
    NOT_PROVEN,
    QUOTE_OUT_OF_BOUNDS,
    UNMODELLED,
    UNREGISTERED,
)
from margin_assets.kernels.margin.portfolio_margin import (
    TODAY,
    Holders,
    PricedSeries,
    portfolio_margin,
    priced_series,
)
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import (
    MAX_POSITION,
    MAX_TOTAL,
    model_line,
    value_cents,
)
from margin_assets.kernels.numeric.threads import over_ranges
from margin_assets.kernels.options.valuation import (
    OptionValues,
    option_stress_pnl,
)
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.class_groups import (
    Scanned,
    nothing_scanned,
)
from margin_assets.kernels.securities.lines import (
    Marked,
    input_states,
    line_bound,
    mark_price,
    stress_line,
    stressed_value,
)
from margin_assets.kernels.strategies.problems import makes_group
from margin_assets.kernels.strategies.strategic import Strategic, strategic_requirements

_ALONE = 64
"""Accounts that one thread walks as soon as several that must be started."""
MAX_GROUPED = MAX_TOTAL // 10_000
"""Cents that groups with options, struck in micro-dollars, hold exactly."""
_UNMODELLED = NO_RATE | NO_UNDERLYING_PRICE | QUOTE_OUT_OF_BOUNDS


def revalue_mixed(
    book: Book,
    series: Series,
    values: OptionValues,
    rules: Rules,
    into: tuple[Int64Array, Figures],
) -> None:
    """Figures of the given accounts, whatever they hold, written in place."""
    accounts, figures = into
    holders = Holders(book, priced_series(series, values), rules)
    strategic = strategic_requirements(book, series, values, rules, accounts)

    def walk(first: int, end: int) -> None:
        _revalue_mixed(holders, accounts, (first, end), strategic, figures)

    over_ranges(walk, len(accounts), _ALONE)


@njit(**OWNS, nogil=True)
def _revalue_mixed(
    holders: Holders,
    accounts: Int64Array,
    rows: tuple[int, int],
    strategic: Strategic,
    out: Figures,
) -> None:
    scanned = nothing_scanned(holders.rules)
    for n in range(rows[0], rows[1]):
        a = accounts[n]
        _sum_up(holders, a, out)
        if out.states[a] & BEYOND_RANGE:
            beyond_range(a, out)
            continue
        out.portfolio_margin[a] = portfolio_margin(holders, a, np.int64(TODAY), scanned)
        _take_strategic(holders.book, a, n, strategic, out)
        _strike_again(holders, (a, n), strategic, out, scanned)


@inner(**BORROWS)
def _sum_up(holders: Holders, a: int, out: Figures) -> None:
    """Values, exposure, equity and stress P&L of account a, and the states of its inputs."""
    book, priced, rules = holders
    series = priced.series
    states = 0 if book.is_registered[a] else UNREGISTERED
    total, most = abs(float(book.cash[a])), MAX_TOTAL
    _clear(a, out)
    for i in range(book.offsets[a], book.offsets[a + 1]):
        s, quantity = book.series[i], book.quantity[i]
        states |= input_states(series, s) | priced.states[s]
        if abs(quantity) > MAX_POSITION:
            states |= BEYOND_RANGE
            continue
        price = mark_price(book, series, rules, i)
        spot = max(price, quoted(series, s, max(series.underlying_price[s], series.strike[s])))
        most = MAX_GROUPED if makes_group(book, series, a, i) else most
        total += 2.0 * line_bound(series, Marked(s, quantity, spot), rules)
        position = Marked(s, quantity, price)
        _add_value(value_cents(quantity, price), series.kind[s] == OPTION, a, out)
        if total > most:
            continue
        out.exposure[a] += _exposure(priced, position)
        for j in range(len(rules.stress_moves)):
            out.pnl[a, j] += stress_pnl(priced, rules, position, j)
    if total > most:
        states |= BEYOND_RANGE
    if book.account_type[a] == PORTFOLIO and states & _UNMODELLED:
        states |= UNMODELLED
    out.states[a] = states
    securities = book.cash[a] + out.long_value[a] - out.short_value[a]
    out.net_liquidation[a] = securities + out.long_options[a] - out.short_options[a]
    out.reg_t_equity[a] = securities


@inner(**BORROWS, forceinline=True)
def _clear(a: int, out: Figures) -> None:
    out.long_value[a] = out.short_value[a] = out.exposure[a] = 0
    out.long_options[a] = out.short_options[a] = 0
    for j in range(out.pnl.shape[1]):
        out.pnl[a, j] = 0


@inner(**BORROWS, forceinline=True)
def _add_value(value: int, is_option: bool, a: int, out: Figures) -> None:
    if is_option:
        out.long_options[a] += max(value, 0)
        out.short_options[a] += max(-value, 0)
    else:
        out.long_value[a] += max(value, 0)
        out.short_value[a] += max(-value, 0)


@inner(**BORROWS)
def _exposure(priced: PricedSeries, position: Marked) -> int:
    """Value x beta; of an option the value of the shares that its delta stands for, cents.

    0 where no beta is known.
    """
    series, values, (s, quantity, price) = priced.series, priced.values, position
    beta = series.beta[s]
    if beta != beta:
        return 0
    if series.kind[s] != OPTION:
        return model_line(value_cents(quantity, price), beta)
    shares = value_cents(quantity, series.underlying_price[s])
    return model_line(shares, beta * values.delta[values.slot[s]])


@inner(**BORROWS)
def stress_pnl(priced: PricedSeries, rules: Rules, position: Marked, scenario: int) -> int:
    """P&L of a position in a stress scenario, cents."""
    series, s = priced.series, position.s
    if series.kind[s] != OPTION:
        value = value_cents(position.quantity, position.price)
        return stress_line(value, series.beta[s], rules.stress_moves[scenario], rules)
    return option_stress_pnl(series, priced.values, position, scenario)


@inner(**BORROWS)
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


@inner(**BORROWS)
def _strike_again(
    holders: Holders, of: tuple[int, int], strategic: Strategic, out: Figures, scanned: Scanned
) -> None:
    """The governing requirement at each scenario's prices, today's groups kept.

    The P&L of every position counts in equity, options' too: what a short option's value requires
    today stays as it is. What counts in equity requires less than nothing in no scenario, though
    a bound of its loss may be larger than it.
    """
    a, n = of
    kind = holders.book.account_type[a]
    for j in range(len(holders.rules.stress_moves)):
        if kind == PORTFOLIO:
            out.restruck[a, j] = portfolio_margin(holders, a, j, scanned)
        elif kind == CASH:
            counted = max(strategic.counted[n] + strategic.counted_pnl[n, j], 0)
            securities = _stressed_values(holders, a, j)
            out.restruck[a, j] = securities + strategic.cash[n] + counted
        else:
            out.restruck[a, j] = max(strategic.restruck[n, j], 0)


@inner(**BORROWS)
def _stressed_values(holders: Holders, a: int, scenario: int) -> int:
    """Absolute values of account a's securities and bonds after a stress scenario, cents."""
    book, priced, rules = holders
    series = priced.series
    total = 0
    for i in range(book.offsets[a], book.offsets[a + 1]):
        s = book.series[i]
        if series.kind[s] != OPTION:
            value = value_cents(book.quantity[i], mark_price(book, series, rules, i))
            total += abs(stressed_value(value, series.beta[s], scenario, rules))
    return total
