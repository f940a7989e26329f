"""Reg T of accounts that hold options or bonds: groups of least requirement, and own lines.

An option that is paid for has no value in Reg T equity and requires nothing more; one with loan
value, and a long European box, count in equity and require their part. A short option outside a
spread requires 100% of its market value too. Source: FINRA Rule 4210(f)(2).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book.book import CASH, Book
from margin_assets.kernels.book.series import BOND, SECURITY, Series
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import MAX_POSITION, PPM, in_proportion, rate_line
from margin_assets.kernels.numeric.threads import over_ranges
from margin_assets.kernels.options.valuation import OptionValues, option_stress_pnl
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import (
    Marked,
    carried,
    marked,
    stress_line,
    stressed_maintenance,
)
from margin_assets.kernels.strategies.cash_covers import cash_requirement
from margin_assets.kernels.strategies.group_lines import group_line, strategy_rates
from margin_assets.kernels.strategies.grouping import PROOF
from margin_assets.kernels.strategies.least_groups import least_requirements
from margin_assets.kernels.strategies.problems import Problems, own_lines, problems_of, run_end
from margin_assets.kernels.strategies.solutions import Solution
from margin_assets.kernels.strategies.strategies import LONG_OPTION, NONE, StrategyRates
from margin_assets.kernels.strategies.stressed_groups import Moved, is_kept, move, struck_again

_ALONE = 64
"""Accounts that one thread walks as soon as several that must be started."""
_MICROS_A_CENT = 10_000


class Grouped(NamedTuple):
    """What the accounts of a pass hold in groups, and all that their requirement is told by."""

    book: Book
    series: Series
    values: OptionValues
    rules: Rules
    rates: StrategyRates
    problems: Problems
    solution: Solution


class Strategic(NamedTuple):
    """Reg T of some accounts, cents; one entry an account, scenarios across."""

    maintenance: Int64Array
    initial: Int64Array
    cash: Int64Array
    """What a cash account's short options require beyond the value of its securities."""
    counted: Int64Array
    """Option value that counts in Reg T equity."""
    counted_pnl: Int64Array
    """Stress P&L of the options whose value counts so."""
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
    grouped = Grouped(book, series, values, rules, rates, problems, solution)

    def walk(first: int, end: int) -> None:
        _grouped(grouped, accounts, (first, end), out)

    over_ranges(walk, len(accounts), _ALONE)
    return out


def _room(accounts: int, rules: Rules) -> Strategic:
    column, table = np.zeros(accounts, dtype=np.int64), (accounts, len(rules.stress_moves))
    return Strategic(
        maintenance=column,
        initial=column.copy(),
        cash=column.copy(),
        counted=column.copy(),
        counted_pnl=np.zeros(table, dtype=np.int64),
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
            after, _, _, is_grouped = run_end(book, series, i, end)
            while i < after:
                s = book.series[i]
                if not is_grouped or series.kind[s] == BOND:
                    maintenance, initial = own_lines(book, series, rules, a, i)
                    out.maintenance[n] += maintenance
                    out.initial[n] += initial
                    position = marked(book, series, rules, i)
                    _strike_own_again(series, position, rules, maintenance, out.restruck[n])
                i += 1


@inner(**BORROWS)
def _strike_own_again(
    series: Series, position: Marked, rules: Rules, maintenance: int, restruck: Int64Array
) -> None:
    """Adds a position's own line at the scenarios' prices; a bond's is kept."""
    s = position.s
    is_plain = series.kind[s] == SECURITY and abs(position.quantity) <= MAX_POSITION
    if not is_plain:
        for j in range(len(rules.stress_moves)):
            restruck[j] += maintenance
        return
    held = carried(series, position, rules)
    for j in range(len(rules.stress_moves)):
        line = stress_line(held.value, series.beta[s], rules.stress_moves[j], rules)
        restruck[j] += stressed_maintenance(held, line, rules)


@njit(**OWNS, nogil=True)
def _grouped(grouped: Grouped, accounts: Int64Array, rows: tuple[int, int], out: Strategic) -> None:
    """Sums of what is grouped, of the accounts in some rows."""
    book, problems = grouped.book, grouped.problems
    of_account = problems.of_account
    a, b = of_account[rows[0]], of_account[rows[1]]
    origin = problems.leg_offsets[a], problems.stock_offsets[a]
    legs = problems.legs[origin[0] : problems.leg_offsets[b]].copy()
    stocks = problems.stocks[origin[1] : problems.stock_offsets[b]].copy()
    moved = Moved(legs, stocks, origin)
    for n in range(rows[0], rows[1]):
        for p in range(of_account[n], of_account[n + 1]):
            kept = _add_groups(grouped, p, n, out)
            for j in range(out.restruck.shape[1]):
                move((book, grouped.series, grouped.rules), problems, p, j, moved)
                again = struck_again(grouped.rates, grouped.solution, p, moved)
                out.restruck[n, j] += kept + again
            if book.account_type[accounts[n]] == CASH:
                out.cash[n] += cash_requirement(book, grouped.series, problems, p)


@inner(**BORROWS)
def _add_groups(grouped: Grouped, p: int, n: int, out: Strategic) -> int:
    """Adds the groups of a problem as they are today; what is kept of them in every scenario."""
    solution, kept = grouped.solution, 0
    for g in range(solution.offsets[p], solution.offsets[p + 1]):
        line = group_line(solution, g, grouped.problems, grouped.rates)
        out.maintenance[n] += line.maintenance
        out.initial[n] += line.initial
        out.counted[n] += line.counted
        if is_kept(solution.kind[g]):
            kept += line.maintenance
        if line.counted != 0:
            _add_counted(grouped, g, n, out)
    return kept


@inner(**BORROWS)
def _add_counted(grouped: Grouped, g: int, n: int, out: Strategic) -> None:
    """Adds the stress P&L of a group whose value counts in equity, and what it requires of it.

    A long option requires all but its loan value, whatever it is worth; a box the same rate of
    its strikes.
    """
    problems, solution = grouped.problems, grouped.solution
    for k in range(4):
        leg = solution.legs[g, k]
        if leg == NONE:
            continue
        record = problems.legs[leg]
        units = record.quoted * solution.count[g]
        signed = units if record.contracts > 0 else -units
        s = grouped.book.series[problems.leg_position[leg]]
        position = Marked(s, signed, record.price)
        for j in range(len(grouped.rules.stress_moves)):
            pnl = option_stress_pnl(grouped.series, grouped.values, position, j)
            out.counted_pnl[n, j] += pnl
            if solution.kind[g] == LONG_OPTION:
                lent = in_proportion(record.loan, record.lends_on, record.price)
                out.restruck[n, j] += rate_line(pnl, PPM - lent)
