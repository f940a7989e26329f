"""What is grouped together: class groups that hold options or one security long and short.

Everything else has its own line: 4210(c) for securities, (e)(2) for bonds.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.series import BOND, OPTION, SECURITY, USABLE, Series, quoted
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import (
    CENTS,
    MAX_POSITION,
    MICRO,
    PPM,
    rate_line,
)
from margin_assets.kernels.options.valuation import unknown_spot
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.bonds import bond_line
from margin_assets.kernels.securities.lines import (
    Carried,
    Marked,
    carried,
    initial_line,
    is_below,
    maintenance_line,
    mark_price,
    marked,
    short_floor,
    short_line,
)
from margin_assets.kernels.strategies.strategies import LEG, STOCK_RECORD, Record, Records

_MICROS_A_CENT = MICRO // CENTS
MAX_CONTRACTS = 1 << 40


class Problems(NamedTuple):
    """Class groups to be grouped, of some accounts, in the order of the accounts and the book."""

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


class _Holders(NamedTuple):
    """Accounts, what they hold, and the rules."""

    book: Book
    series: Series
    rules: Rules
    no_spot: Int64Array
    """Price of each option's underlying where that has none."""


def problems_of(book: Book, series: Series, rules: Rules, accounts: Int64Array) -> Problems:
    """Problems of the given accounts; legs in their canonical order."""
    counts = _count(book, series, accounts)
    if not counts.any():
        # Where nobody holds an option, what fills them need not be compiled.
        return _room(len(accounts), counts)
    return _fill(_Holders(book, series, rules, unknown_spot(series)), accounts, counts)


@inner(**BORROWS)
def run_end(book: Book, series: Series, first: int, end: int) -> tuple[int, int, int, bool]:
    """End of the class group that begins at a position, its options and its securities.

    A security of quantity 0 is an option that came to nothing. Last whether they are grouped: there
    are options, or one security long and short.
    """
    group, options, securities = series.class_group[book.series[first]], 0, 0
    i, has_both_sides = first, False
    while i < end and series.class_group[book.series[i]] == group:
        is_security = series.kind[book.series[i]] == SECURITY and book.quantity[i] != 0
        options += 1 if series.kind[book.series[i]] == OPTION else 0
        if is_security:
            securities += 1
            has_both_sides = has_both_sides or (i > first and are_sides(book, i - 1))
        i += 1
    return i, options, securities, options > 0 or has_both_sides


@inner(**BORROWS)
def are_sides(book: Book, i: int) -> bool:
    """Whether a position and the next one are the two sides of one series."""
    one, other = book.quantity[i], book.quantity[i + 1]
    are_opposite = one > 0 > other or one < 0 < other
    return book.series[i] == book.series[i + 1] and are_opposite


@inner(**BORROWS)
def makes_group(book: Book, series: Series, a: int, i: int) -> bool:
    """Whether position i of account a is grouped for itself: an option, a security's other side."""
    s = book.series[i]
    return series.kind[s] == OPTION or (i > book.offsets[a] and book.series[i - 1] == s)


@njit(**OWNS)
def _count(book: Book, series: Series, accounts: Int64Array) -> Int64Array:
    """Problems, legs and stocks of all."""
    counts = np.zeros(3, dtype=np.int64)
    for a in accounts:
        i, end = book.offsets[a], book.offsets[a + 1]
        while i < end:
            after, options, securities, is_grouped = run_end(book, series, i, end)
            if is_grouped:
                counts[0] += 1
                counts[1] += options
                counts[2] += securities
            i = after
    return counts


@njit(**OWNS)
def _fill(holders: _Holders, accounts: Int64Array, counts: Int64Array) -> Problems:
    book, series = holders.book, holders.series
    found = _room(len(accounts), counts)
    p = n_legs = n_stocks = 0
    for n in range(len(accounts)):
        a = accounts[n]
        i, end = book.offsets[a], book.offsets[a + 1]
        while i < end:
            after, _, _, is_grouped = run_end(book, series, i, end)
            if is_grouped:
                first = n_legs
                for at in range(i, after):
                    if series.kind[book.series[at]] == OPTION:
                        found.leg_position[n_legs] = at
                        n_legs += 1
                    elif series.kind[book.series[at]] == SECURITY and book.quantity[at] != 0:
                        _set_stock(holders, at, n_stocks, found)
                        if at > i and are_sides(book, at - 1):
                            found.stocks[n_stocks - 1].other = 1
                            found.stocks[n_stocks].other = -1
                        n_stocks += 1
                _put_in_order(book, series, found.leg_position, first, n_legs)
                for leg in range(first, n_legs):
                    _set_leg(holders, leg, found)
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


@inner(**BORROWS)
def _put_in_order(book: Book, series: Series, places: Int64Array, first: int, end: int) -> None:
    """Listed first, then by expiry, strike and right; equals stay in the order of the book."""
    for i in range(first + 1, end):
        place = places[i]
        j = i
        while j > first and _comes_before(series, book.series[place], book.series[places[j - 1]]):
            places[j] = places[j - 1]
            j -= 1
        places[j] = place


@inner(**BORROWS)
def _comes_before(series: Series, s: int, t: int) -> bool:
    if series.is_listed[s] != series.is_listed[t]:
        return bool(series.is_listed[s])
    if series.expiry[s] != series.expiry[t]:
        return bool(series.expiry[s] < series.expiry[t])
    if series.strike[s] != series.strike[t]:
        return bool(series.strike[s] < series.strike[t])
    return bool(series.is_call[s] and not series.is_call[t])


@inner(**BORROWS)
def _set_leg(holders: _Holders, leg: int, found: Problems) -> None:
    book, series, rules, no_spot = holders
    record, i = found.legs[leg], found.leg_position[leg]
    s = book.series[i]
    is_priced = series.underlying_state[s] <= USABLE
    price = mark_price(book, series, rules, i)
    record.underlying = series.name[s]
    record.spot = series.underlying_price[s] if is_priced else no_spot[s]
    record.is_call, record.strike = series.is_call[s], series.strike[s]
    record.expiry = series.expiry[s]
    record.is_european, record.is_listed = not series.is_american[s], series.is_listed[s]
    record.units, record.quoted = series.delivered[s], series.multiplier[s]
    record.contracts = whole_contracts(book.quantity[i], series.multiplier[s])
    record.price, record.is_unpriced = price, series.price_state[s] > USABLE
    table = 0 if series.is_listed[s] else 1
    leverage = abs(series.leverage[s])
    record.base = rate_line(rules.option_rates[table, series.rate_class[s], 0], leverage)
    record.floor = rate_line(rules.option_rates[table, series.rate_class[s], 1], leverage)
    record.has_fund_cover = series.has_fund_cover[s]
    record.lends_on = lendable(series, s, price)
    record.loan = PPM - rules.long_option if record.lends_on > 0 else 0


@inner(**BORROWS)
def whole_contracts(quantity: int, multiplier: int) -> int:
    """Contracts of a position in units; a part of one is a whole one short, and none long."""
    contracts = quantity // multiplier  # rounded down: a short part becomes a whole contract
    return min(max(contracts, -MAX_CONTRACTS), MAX_CONTRACTS)


@inner(**BORROWS)
def lendable(series: Series, s: int, price: int) -> int:
    """4210(f)(2)(D): what of a long option's price has loan value when it is carried alone.

    Beyond nine months the whole of a listed one, the intrinsic value of an American OTC one.
    """
    if not series.is_long_dated[s]:
        return 0
    if series.is_listed[s]:
        return price
    if not series.is_american[s]:
        return 0
    gap = series.underlying_price[s] - series.strike[s]
    inside = max(gap if series.is_call[s] else -gap, 0)
    return min(quoted(series, s, inside), price)


@inner(**BORROWS)
def _set_stock(holders: _Holders, i: int, stock: int, found: Problems) -> None:
    book, series, rules, _ = holders
    record, s = found.stocks[stock], book.series[i]
    found.stock_position[stock] = i
    record.underlying = series.name[s]
    record.shares, record.other = book.quantity[i], 0
    record.covers_index = series.covers[s]
    record.sale_price = book.sale_price[i]
    price_stock(series, marked(book, series, rules, i), rules, record)


@inner(**BORROWS)
def price_stock(series: Series, position: Marked, rules: Rules, record: Record) -> None:
    """What one share of a position requires at a price under 4210(c) and (e)(1) and Regulation T.

    A non-marginable short one takes the greater of all lines, beside a long call too.
    """
    s, quantity, price = position
    leverage, marginable = series.leverage[s], series.is_marginable[s]
    share = MICRO if quantity > 0 else -MICRO
    value = price if quantity > 0 else -price
    held = Carried(share, value, is_below(price, rules), leverage, marginable)
    if quantity < 0:
        line = short_line(held, short_floor(held.below, rules) * _MICROS_A_CENT, rules)
    else:
        line = maintenance_line(held, rules)
    record.price, record.maintenance = price, line
    record.initial = initial_line(held, line, rules)
    record.boxed = rate_line(price, rules.same_security)
    hedged = rate_line(price, rules.initial_short_hedged)
    record.call_initial = hedged if marginable else record.initial


@inner(**BORROWS)
def own_lines(book: Book, series: Series, rules: Rules, a: int, i: int) -> tuple[int, int]:
    """Maintenance and initial of position i of account a where it stands alone, cents."""
    if abs(book.quantity[i]) > MAX_POSITION:
        return 0, 0
    position = marked(book, series, rules, i)
    held = carried(series, position, rules)
    if series.kind[position.s] == BOND:
        line = bond_line(series, position, held.value, book.is_exempt[a], rules)
        return line, line
    line = maintenance_line(held, rules)
    return line, initial_line(held, line, rules)
