"""Reg T of accounts that hold options or bonds: groups of least requirement, and own lines.

An option that is paid for has no value in Reg T equity and requires nothing more; one with loan
value, and a long European box, count in equity and require their part. A short option outside a
spread requires 100% of its market value too. Source: FINRA Rule 4210(f)(2).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from margin_assets.kernels.book import CASH, OPTION, SECURITY, Book, Int64Array, Series
from margin_assets.kernels.compiled import BORROWS, OWNS
from margin_assets.kernels.group_lines import cash_requirement, group_line, strategy_rates
from margin_assets.kernels.grouping import PROOF
from margin_assets.kernels.lines import mark_price, stress_line, stressed_maintenance
from margin_assets.kernels.money import MAX_POSITION, value_cents
from margin_assets.kernels.moved_groups import Moved, is_kept, move, struck_again
from margin_assets.kernels.problems import (
    Problems,
    own_lines,
    problems_of,
    run_end,
)
from margin_assets.kernels.rules import Rules
from margin_assets.kernels.solutions import Solution, least_requirements
from margin_assets.kernels.strategies import (
    LONG_BOX,
    NONE,
    SPREAD_LEG,
    StrategyRates,
)
from margin_assets.kernels.valuation import OptionValues, option_stress_pnl

_BLOCK = 64
_MICROS_A_CENT = 10_000


class Strategic(NamedTuple):
    """Reg T of some accounts, cents; one entry an account, scenarios across."""

    maintenance: Int64Array
    initial: Int64Array
    cash: Int64Array
    """What a cash account's short options require beyond the value of its securities."""
    counted: Int64Array
    """Option value that counts in Reg T equity."""
    uncounted: Int64Array
    """Option value outside spreads that does not, but is worth something under stress."""
    spread_pnl: Int64Array
    """Stress P&L of legs in spreads and boxes, whose largest loss is required already."""
    restruck: Int64Array
    """Maintenance of the same groups at each scenario's prices."""
    is_proven: npt.NDArray[np.bool_]


def strategic_requirements(
    book: Book, series: Series, values: OptionValues, rules: Rules, accounts: Int64Array
) -> Strategic:
    """Reg T of the given accounts, today and in every stress scenario."""
    problems = problems_of(book, series, rules, accounts)
    rates = strategy_rates(rules)
    solution = least_requirements(problems, rates)
    out = _room(len(accounts), rules)
    out.is_proven[:] = _all_proven(problems, solution, len(accounts))
    _own(book, series, rules, accounts, out)
    _grouped(book, series, values, rules, rates, accounts, problems, solution, out)
    return out


def _room(accounts: int, rules: Rules) -> Strategic:
    column, table = np.zeros(accounts, dtype=np.int64), (accounts, len(rules.stress_moves))
    return Strategic(
        maintenance=column,
        initial=column.copy(),
        cash=column.copy(),
        counted=column.copy(),
        uncounted=column.copy(),
        spread_pnl=np.zeros(table, dtype=np.int64),
        restruck=np.zeros(table, dtype=np.int64),
        is_proven=np.ones(accounts, dtype=np.bool_),
    )


def _all_proven(problems: Problems, solution: Solution, accounts: int) -> npt.NDArray[np.bool_]:
    owner = np.repeat(np.arange(accounts), np.diff(problems.of_account))
    proven = np.ones(accounts, dtype=np.bool_)
    proven[owner[solution.gap >= PROOF]] = False
    return proven


@njit(**BORROWS)
def _own(book: Book, series: Series, rules: Rules, accounts: Int64Array, out: Strategic) -> None:
    """Lines of what is not grouped: securities away from options, bonds."""
    for n in range(len(accounts)):
        a = accounts[n]
        i, end = book.offsets[a], book.offsets[a + 1]
        while i < end:
            after, options, _ = run_end(book, series, i, end)
            while i < after:
                s = book.series[i]
                if options > 0 and (series.kind[s] == SECURITY or series.kind[s] == OPTION):
                    i += 1
                    continue
                maintenance, initial, taken = own_lines(book, series, rules, a, i)
                out.maintenance[n] += maintenance
                out.initial[n] += initial
                _own_restruck(book, series, rules, i, taken, maintenance, n, out)
                i += taken


@njit(**BORROWS)
def _own_restruck(
    book: Book,
    series: Series,
    rules: Rules,
    i: int,
    taken: int,
    maintenance: int,
    n: int,
    out: Strategic,
) -> None:
    """Own lines at the scenarios' prices; a bond's and a boxed security's are kept."""
    s, quantity = book.series[i], book.quantity[i]
    is_plain = taken == 1 and series.kind[s] == SECURITY and abs(quantity) <= MAX_POSITION
    if not is_plain:
        for j in range(len(rules.stress_moves)):
            out.restruck[n, j] += maintenance
        return
    value = value_cents(quantity, mark_price(book, series, rules, i))
    for j in range(len(rules.stress_moves)):
        line = stress_line(value, series.beta[s], rules.stress_moves[j], rules)
        out.restruck[n, j] += stressed_maintenance(
            quantity, value, line, series.leverage[s], series.is_marginable[s], rules
        )


@njit(parallel=True, cache=True, nogil=True)
def _grouped(
    book: Book,
    series: Series,
    values: OptionValues,
    rules: Rules,
    rates: StrategyRates,
    accounts: Int64Array,
    problems: Problems,
    solution: Solution,
    out: Strategic,
) -> None:
    for block in prange((len(accounts) + _BLOCK - 1) // _BLOCK):
        first = block * _BLOCK
        end = min(first + _BLOCK, len(accounts))
        # The body is a call of its own: Numba's parallel pass loses writes to tuple members.
        market = (series, values, rules)
        _grouped_block(book, market, rates, accounts, (first, end), problems, solution, out)


@njit(**OWNS)
def _grouped_block(
    book: Book,
    market: tuple[Series, OptionValues, Rules],
    rates: StrategyRates,
    accounts: Int64Array,
    block: tuple[int, int],
    problems: Problems,
    solution: Solution,
    out: Strategic,
) -> None:
    of_account = problems.of_account
    a, b = of_account[block[0]], of_account[block[1]]
    origin = problems.leg_offsets[a], problems.stock_offsets[a]
    legs = problems.legs[origin[0] : problems.leg_offsets[b]].copy()
    stocks = problems.stocks[origin[1] : problems.stock_offsets[b]].copy()
    moved = Moved(legs, stocks, origin)
    for n in range(block[0], block[1]):
        for p in range(of_account[n], of_account[n + 1]):
            kept = _add_groups(book, market, rates, problems, solution, p, n, out)
            for j in range(out.restruck.shape[1]):
                move(book, market, problems, p, j, moved)
                again = struck_again(rates, solution, p, moved)
                out.restruck[n, j] += kept + again
            if book.account_type[accounts[n]] == CASH:
                out.cash[n] += cash_requirement(book, market[0], problems, p)


@njit(**BORROWS)
def _add_groups(
    book: Book,
    market: tuple[Series, OptionValues, Rules],
    rates: StrategyRates,
    problems: Problems,
    solution: Solution,
    p: int,
    n: int,
    out: Strategic,
) -> int:
    """Adds the groups of a problem as they are today; what they require whatever the prices."""
    kept = 0
    for g in range(solution.offsets[p], solution.offsets[p + 1]):
        line = group_line(solution, g, problems, rates)
        out.maintenance[n] += line.maintenance
        out.initial[n] += line.initial
        out.counted[n] += line.counted
        out.uncounted[n] += line.uncounted
        if is_kept(solution.kind[g]):
            kept += line.maintenance
        _add_spread_pnl(book, market, problems, solution, g, n, out)
    return kept


@njit(**BORROWS)
def _add_spread_pnl(
    book: Book,
    market: tuple[Series, OptionValues, Rules],
    problems: Problems,
    solution: Solution,
    g: int,
    n: int,
    out: Strategic,
) -> None:
    """Stress P&L of the legs of a spread or a box."""
    series, values, rules = market
    if solution.kind[g] != SPREAD_LEG and solution.kind[g] != LONG_BOX:
        return
    for k in range(4):
        leg = solution.legs[g, k]
        if leg == NONE:
            continue
        s = book.series[problems.leg_position[leg]]
        units = problems.legs[leg].units * solution.count[g]
        signed = units if problems.legs[leg].contracts > 0 else -units
        for j in range(len(rules.stress_moves)):
            price = problems.legs[leg].price
            out.spread_pnl[n, j] += option_stress_pnl(series, values, s, signed, price, j)
