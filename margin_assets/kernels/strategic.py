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
from margin_assets.kernels.lines import mark_price, stress_line, stressed_maintenance
from margin_assets.kernels.money import MAX_POSITION, value_cents
from margin_assets.kernels.problems import (
    Problems,
    own_lines,
    problems_of,
    run_end,
    share_requirements,
)
from margin_assets.kernels.rules import Rules
from margin_assets.kernels.solutions import Solution, group_of, least_requirements
from margin_assets.kernels.strategies import (
    LONG_BOX,
    LONG_OPTION,
    NONE,
    SPREAD,
    SPREAD_LEG,
    STOCK,
    Group,
    Records,
    StrategyRates,
    contract_value,
    group_initial,
    group_maintenance,
    option_value,
)
from margin_assets.kernels.valuation import OptionValues, option_stress_pnl, stress_multiple

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
    is_cash = book.account_type[accounts] == CASH
    out.restruck[is_cash] += out.cash[is_cash, None]
    return out


def strategy_rates(rules: Rules) -> StrategyRates:
    """Rates of the groups under some rulebooks."""
    return StrategyRates(rules.hedged_strike, rules.long_box)


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
    proven[owner[~solution.is_proven]] = False
    return proven


@njit(**BORROWS)
def to_cents(micros: int) -> int:
    """Micro-dollars as cents, rounded half away from zero."""
    size = (abs(micros) + _MICROS_A_CENT // 2) // _MICROS_A_CENT
    return size if micros >= 0 else -size


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


class Moved(NamedTuple):
    """Legs and stocks of a block of accounts, written anew for each scenario."""

    legs: Records
    stocks: Records
    origin: tuple[int, int]
    """Places of the first ones among all."""


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
                _move(book, market, problems, p, j, moved)
                again = _struck_again(rates, solution, p, moved)
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
        if _is_kept(solution.kind[g]):
            kept += line.maintenance
        _add_spread_pnl(book, market, problems, solution, g, n, out)
    return kept


@njit(**BORROWS)
def _is_kept(kind: int) -> bool:
    """Whether prices do not move what a group requires.

    A spread requires its largest loss. What counts in equity today goes on requiring its part of
    today's value.
    """
    return kind == SPREAD or kind == LONG_OPTION or kind == LONG_BOX


@njit(**BORROWS)
def _move(
    book: Book,
    market: tuple[Series, OptionValues, Rules],
    problems: Problems,
    p: int,
    scenario: int,
    moved: Moved,
) -> None:
    """Brings a problem's legs and stocks to the prices of a scenario."""
    series, _, rules = market
    for leg in range(problems.leg_offsets[p], problems.leg_offsets[p + 1]):
        beta = series.beta[book.series[problems.leg_position[leg]]]
        multiple = stress_multiple(beta, rules.stress_moves[scenario], rules)
        if beta != beta and problems.legs[leg].is_call:
            multiple = 2.0 - multiple  # without a beta, against the writer
        spot = np.rint(problems.legs[leg].spot * multiple)
        moved.legs[leg - moved.origin[0]].spot = np.int64(spot)
    for stock in range(problems.stock_offsets[p], problems.stock_offsets[p + 1]):
        _move_stock(book, series, rules, problems, stock, scenario, moved)


@njit(**BORROWS)
def _move_stock(
    book: Book,
    series: Series,
    rules: Rules,
    problems: Problems,
    stock: int,
    scenario: int,
    moved: Moved,
) -> None:
    """Brings a stock to its price in a scenario, with what a share then requires."""
    record, i = moved.stocks[stock - moved.origin[1]], problems.stock_position[stock]
    price = problems.stocks[stock].price
    signed = price if book.quantity[i] > 0 else -price
    beta = series.beta[book.series[i]]
    value = signed + stress_line(signed, beta, rules.stress_moves[scenario], rules)
    record.price = abs(value) if (value > 0) == (signed > 0) else 0
    record.maintenance, record.initial = share_requirements(book, series, rules, i, record.price)


@njit(**BORROWS)
def _struck_again(rates: StrategyRates, solution: Solution, p: int, moved: Moved) -> int:
    """Maintenance of a problem's other groups at the moved prices, cents."""
    total = 0
    for g in range(solution.offsets[p], solution.offsets[p + 1]):
        kind = solution.kind[g]
        if kind != SPREAD_LEG and not _is_kept(kind):
            group = _moved_group(solution, g, moved.origin)
            many = 1 if kind == STOCK else solution.count[g]
            total += to_cents(group_maintenance(group, moved.legs, moved.stocks, rates) * many)
    return total


@njit(**BORROWS)
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


@njit(**BORROWS)
def _less(place: int, origin: int) -> int:
    return place - origin if place != NONE else NONE


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
