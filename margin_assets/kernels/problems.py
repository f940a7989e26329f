"""What is grouped together: every class group of an account that holds options, as legs and stock.

Everything else has its own line: 4210(c) for securities, (e)(1) for one security held both ways,
(e)(2) for bonds.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.bonds import bond_line
from margin_assets.kernels.book import BOND, OPTION, SECURITY, USABLE, Book, Int64Array, Series
from margin_assets.kernels.compiled import BORROWS, OWNS
from margin_assets.kernels.lines import initial_line, is_below, maintenance_line, mark_price
from margin_assets.kernels.money import (
    CENTS,
    MAX_POSITION,
    MICRO,
    PPM,
    rate_line,
    value_cents,
)
from margin_assets.kernels.rules import Rules
from margin_assets.kernels.strategies import LEG, STOCK_RECORD, Records
from margin_assets.kernels.valuation import unknown_spot

Int32Array = npt.NDArray[np.int32]
_MICROS_A_CENT = MICRO // CENTS
MAX_CONTRACTS = 1 << 40


class Problems(NamedTuple):
    """Class groups with options, of some accounts, in the order of the accounts and the book."""

    of_account: Int64Array
    """Problem p of the n-th account: of_account[n] <= p < of_account[n+1]."""
    leg_offsets: Int64Array
    stock_offsets: Int64Array
    legs: Records
    """`LEG`s of all problems."""
    stocks: Records
    """`STOCK_RECORD`s of all problems."""
    leg_position: Int64Array
    """Place in the book of each leg."""
    stock_position: Int64Array


def problems_of(book: Book, series: Series, rules: Rules, accounts: Int64Array) -> Problems:
    """Problems of the given accounts; legs in their canonical order."""
    counts = _count(book, series, accounts)
    return _fill(book, series, unknown_spot(series), rules, accounts, counts)


@njit(**BORROWS)
def run_end(book: Book, series: Series, first: int, end: int) -> tuple[int, int, int]:
    """End of the class group that begins at a position, its options and its securities.

    A security of quantity 0 is an option that came to nothing.
    """
    group, options, securities = series.class_group[book.series[first]], 0, 0
    i = first
    while i < end and series.class_group[book.series[i]] == group:
        is_security = series.kind[book.series[i]] == SECURITY and book.quantity[i] != 0
        options += 1 if series.kind[book.series[i]] == OPTION else 0
        securities += 1 if is_security else 0
        i += 1
    return i, options, securities


@njit(**OWNS)
def _count(book: Book, series: Series, accounts: Int64Array) -> Int64Array:
    """Problems, legs and stocks of all."""
    counts = np.zeros(3, dtype=np.int64)
    for a in accounts:
        i, end = book.offsets[a], book.offsets[a + 1]
        while i < end:
            after, options, securities = run_end(book, series, i, end)
            if options > 0:
                counts[0] += 1
                counts[1] += options
                counts[2] += securities
            i = after
    return counts


@njit(**OWNS)
def _fill(
    book: Book,
    series: Series,
    no_spot: Int64Array,
    rules: Rules,
    accounts: Int64Array,
    counts: Int64Array,
) -> Problems:
    found = _room(len(accounts), counts)
    p = n_legs = n_stocks = 0
    for n in range(len(accounts)):
        a = accounts[n]
        i, end = book.offsets[a], book.offsets[a + 1]
        while i < end:
            after, options, _ = run_end(book, series, i, end)
            if options > 0:
                first = n_legs
                for at in range(i, after):
                    if series.kind[book.series[at]] == OPTION:
                        found.leg_position[n_legs] = at
                        n_legs += 1
                    elif series.kind[book.series[at]] == SECURITY and book.quantity[at] != 0:
                        _set_stock(book, series, rules, at, n_stocks, found)
                        n_stocks += 1
                _put_in_order(book, series, found.leg_position, first, n_legs)
                for leg in range(first, n_legs):
                    _set_leg(book, series, no_spot, rules, leg, found)
                p += 1
                found.leg_offsets[p], found.stock_offsets[p] = n_legs, n_stocks
            i = after
        found.of_account[n + 1] = p
    return found


@njit(**OWNS)
def _room(accounts: int, counts: Int64Array) -> Problems:
    problems, legs, stocks = counts[0], counts[1], counts[2]
    return Problems(
        np.zeros(accounts + 1, dtype=np.int64),
        np.zeros(problems + 1, dtype=np.int64),
        np.zeros(problems + 1, dtype=np.int64),
        np.empty(legs, dtype=LEG),
        np.empty(stocks, dtype=STOCK_RECORD),
        np.empty(legs, dtype=np.int64),
        np.empty(stocks, dtype=np.int64),
    )


@njit(**BORROWS)
def _put_in_order(book: Book, series: Series, places: Int64Array, first: int, end: int) -> None:
    """Listed first, then by expiry, strike and right; equals stay in the order of the book."""
    for i in range(first + 1, end):
        place = places[i]
        j = i
        while j > first and _comes_before(series, book.series[place], book.series[places[j - 1]]):
            places[j] = places[j - 1]
            j -= 1
        places[j] = place


@njit(**BORROWS)
def _comes_before(series: Series, s: int, t: int) -> bool:
    if series.is_listed[s] != series.is_listed[t]:
        return bool(series.is_listed[s])
    if series.expiry[s] != series.expiry[t]:
        return bool(series.expiry[s] < series.expiry[t])
    if series.strike[s] != series.strike[t]:
        return bool(series.strike[s] < series.strike[t])
    return bool(series.is_call[s] and not series.is_call[t])


@njit(**BORROWS)
def _set_leg(
    book: Book, series: Series, no_spot: Int64Array, rules: Rules, leg: int, found: Problems
) -> None:
    record, i = found.legs[leg], found.leg_position[leg]
    s = book.series[i]
    is_priced = series.underlying_state[s] <= USABLE
    price = mark_price(book, series, rules, i)
    record.underlying = series.name[s]
    record.spot = series.underlying_price[s] if is_priced else no_spot[s]
    record.is_call, record.strike = series.is_call[s], series.strike[s]
    record.expiry = series.expiry[s]
    record.is_european, record.is_listed = not series.is_american[s], series.is_listed[s]
    record.units = series.multiplier[s]
    record.contracts = whole_contracts(book.quantity[i], series.multiplier[s])
    record.price, record.is_unpriced = price, series.price_state[s] > USABLE
    table = 0 if series.is_listed[s] else 1
    leverage = abs(series.leverage[s])
    record.base = rate_line(rules.option_rates[table, series.rate_class[s], 0], leverage)
    record.floor = rate_line(rules.option_rates[table, series.rate_class[s], 1], leverage)
    record.loan = loan_rate(series, s, price, rules)


@njit(**BORROWS)
def whole_contracts(quantity: int, multiplier: int) -> int:
    """Contracts of a position in units; a part of one is a whole one short, and none long."""
    contracts = quantity // multiplier  # rounded down: a short part becomes a whole contract
    return min(max(contracts, -MAX_CONTRACTS), MAX_CONTRACTS)


@njit(**BORROWS)
def loan_rate(series: Series, s: int, price: int, rules: Rules) -> int:
    """4210(f)(2)(D): loan value of a long option carried alone, ppm of its market value.

    Beyond nine months a listed one lends a quarter of its value, an American OTC one a quarter
    of its intrinsic value.
    """
    if not series.is_long_dated[s]:
        return 0
    loan = PPM - rules.long_option
    if series.is_listed[s]:
        return loan
    if not series.is_american[s] or price <= 0:
        return 0
    gap = series.underlying_price[s] - series.strike[s]
    inside = min(max(gap if series.is_call[s] else -gap, 0), price)
    return int(inside / price * loan)


@njit(**BORROWS)
def _set_stock(
    book: Book, series: Series, rules: Rules, i: int, stock: int, found: Problems
) -> None:
    record, s = found.stocks[stock], book.series[i]
    price = mark_price(book, series, rules, i)
    found.stock_position[stock] = i
    record.underlying = series.name[s]
    record.shares, record.price = book.quantity[i], price
    record.maintenance, record.initial = share_requirements(book, series, rules, i, price)
    record.covers_index = series.covers[s]


@njit(**BORROWS)
def share_requirements(
    book: Book, series: Series, rules: Rules, i: int, price: int
) -> tuple[int, int]:
    """4210(c) and Regulation T requirement of one share of a position, micro-dollars."""
    s, quantity = book.series[i], book.quantity[i]
    leverage, marginable = series.leverage[s], series.is_marginable[s]
    share = MICRO if quantity > 0 else -MICRO
    value = price if quantity > 0 else -price
    below = is_below(price, rules)
    line = maintenance_line(share, value, below, leverage, marginable, rules)
    if quantity < 0:
        floor = rules.short_below_floor if below else rules.short_floor
        line = _short_share(price, below, leverage, marginable, floor, rules)
    return line, initial_line(share, value, marginable, line, rules)


@njit(**BORROWS)
def _short_share(
    price: int, below: bool, leverage: int, marginable: bool, floor: int, rules: Rules
) -> int:
    """The short line with its dollar floor in micro-dollars: `maintenance_line` counts cents."""
    percent = rules.short_below if below else rules.short_maintenance
    line = max(rate_line(price, rate_line(percent, abs(leverage))), floor * _MICROS_A_CENT)
    return line if marginable else max(line, rate_line(price, rules.short_non_marginable))


@njit(**BORROWS)
def own_lines(book: Book, series: Series, rules: Rules, a: int, i: int) -> tuple[int, int, int]:
    """Maintenance and initial of the positions from i on that stand alone, and how many they are.

    One, or two where a security is held long and short: 4210(e)(1).
    """
    s, quantity = book.series[i], book.quantity[i]
    if abs(quantity) > MAX_POSITION:
        return 0, 0, 1
    value = value_cents(quantity, mark_price(book, series, rules, i))
    if series.kind[s] == BOND:
        line = bond_line(quantity, value, series, s, book.is_exempt[a], rules)
        return line, line, 1
    if i + 1 < book.offsets[a + 1] and book.series[i + 1] == s:
        return (*_boxed_lines(book, series, rules, i), 2)
    return (*_security_lines(book, series, rules, i, quantity), 1)


@njit(**BORROWS)
def _security_lines(
    book: Book, series: Series, rules: Rules, i: int, quantity: int
) -> tuple[int, int]:
    s, price = book.series[i], mark_price(book, series, rules, i)
    value = value_cents(quantity, price)
    below, marginable = is_below(price, rules), series.is_marginable[s]
    line = maintenance_line(quantity, value, below, series.leverage[s], marginable, rules)
    return line, initial_line(quantity, value, marginable, line, rules)


@njit(**BORROWS)
def _boxed_lines(book: Book, series: Series, rules: Rules, i: int) -> tuple[int, int]:
    """4210(e)(1): what is held both ways takes a rate of the long value, the rest its own line."""
    one, other = book.quantity[i], book.quantity[i + 1]
    if (one > 0) == (other > 0):
        first, opening = _security_lines(book, series, rules, i, one)
        second, closing = _security_lines(book, series, rules, i + 1, other)
        return first + second, opening + closing
    boxed = min(abs(one), abs(other))
    long = value_cents(boxed, mark_price(book, series, rules, i if one > 0 else i + 1))
    line = rate_line(long, rules.same_security)
    rest = one + other
    if rest == 0:
        return line, line
    maintenance, initial = _security_lines(
        book, series, rules, i if (one > 0) == (rest > 0) else i + 1, rest
    )
    return line + maintenance, line + initial
