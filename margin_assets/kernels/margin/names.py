"""What all accounts hold and would lose, by name and by issuer, in one walk over the book.

Inside an account positions in a name, and in an issuer, pay for one another; between accounts
nothing does. Accounts beyond the exact range are left out, as they are of every figure. Every sum
is an integer: threads change no bit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import get_num_threads, njit, prange

from margin_assets.kernels.book.book import BEYOND_RANGE, OPTION, Book, Series
from margin_assets.kernels.margin.exact_parts import Summed, in_parts
from margin_assets.kernels.margin.price_moves import Scenarios
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS
from margin_assets.kernels.numeric.money import value_cents
from margin_assets.kernels.options.valuation import OptionValues, option_stress_pnl
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import mark_price, stress_line

_LONG, _SHORT, _UNITS, _HOLDERS, _LOSSES = range(5)

Table = np.ndarray[tuple[int, int], np.dtype[np.int64]]


class Names(NamedTuple):
    """Sums over accounts, cents and micro-units; one entry a symbol, or a class group."""

    long_value: Int64Array
    short_value: Int64Array
    """Absolute value."""
    units: Int64Array
    """Long plus short."""
    holders: Int64Array
    losses: Table
    """What losing accounts lose in it, by scenario."""
    issuer_holders: Int64Array
    issuer_losses: Table


class _Room(NamedTuple):
    """Sums of each thread apart, all that is of one name, or issuer, side by side in memory."""

    symbols: npt.NDArray[np.int64]
    """Thread, symbol, and then long value, short value, units, holders and the losses."""
    issuers: npt.NDArray[np.int64]
    """Thread, class group, and then holders and the losses."""
    largest: npt.NDArray[np.int64]
    """Of each thread the largest amount of a position."""
    units: npt.NDArray[np.float64]
    """Of each thread all units, as a double."""


class _Sums(NamedTuple):
    """The same of one thread."""

    symbols: Table
    issuers: Table
    largest: Int64Array
    units: npt.NDArray[np.float64]


def names_of(
    book: Book, scenarios: Scenarios, accounts: Int64Array, states: npt.NDArray[np.int32]
) -> tuple[Names, Table]:
    """Sums over the accounts given, and each one's P&L by scenario, cents (of the others 0).

    `states` are the named states of every account.
    """
    (series, values, _), rules = scenarios
    pnl = np.zeros((len(book.cash), len(rules.stress_moves)), dtype=np.int64)

    def summed(some: Int64Array) -> Summed:
        room = _room(series.class_group, len(rules.stress_moves))
        pnl[some] = 0
        _walk(book, series, values, rules, some, states, pnl, *room)
        positions = int(np.diff(book.offsets)[some].sum())
        bound = max(float(room.largest.max()) * positions, float(room.units.sum()))
        return (room.symbols.sum(axis=0), room.issuers.sum(axis=0)), bound

    symbols, issuers = in_parts(accounts, summed)
    *held, losses = (*symbols[:, :_LOSSES].T, symbols[:, _LOSSES:])
    return Names(*held, losses, issuers[:, 0], issuers[:, 1:]), pnl


def _room(class_group: npt.NDArray[np.int32], scenarios: int) -> _Room:
    threads, issuers = get_num_threads(), int(class_group.max(initial=-1)) + 1
    return _Room(
        symbols=np.zeros((threads, len(class_group), _LOSSES + scenarios), dtype=np.int64),
        issuers=np.zeros((threads, issuers, 1 + scenarios), dtype=np.int64),
        largest=np.zeros(threads, dtype=np.int64),
        units=np.zeros(threads),
    )


@njit(parallel=True, cache=True, nogil=True)
def _walk(
    book: Book,
    series: Series,
    values: OptionValues,
    rules: Rules,
    accounts: Int64Array,
    states: npt.NDArray[np.int32],
    pnl: Table,
    symbols: npt.NDArray[np.int64],
    issuers: npt.NDArray[np.int64],
    largest: npt.NDArray[np.int64],
    units: npt.NDArray[np.float64],
) -> None:
    threads = len(units)
    each = (len(accounts) + threads - 1) // threads
    for t in prange(threads):
        # The body is a call of its own: Numba's parallel pass loses writes to tuple members.
        some = accounts[t * each : (t + 1) * each]
        sums = _Sums(symbols[t], issuers[t], largest[t : t + 1], units[t : t + 1])
        _walk_part(book, series, values, rules, some, states, pnl, sums)


@njit(**OWNS)
def _walk_part(
    book: Book,
    series: Series,
    values: OptionValues,
    rules: Rules,
    accounts: Int64Array,
    states: npt.NDArray[np.int32],
    pnl: Table,
    sums: _Sums,
) -> None:
    count = len(rules.stress_moves)
    name, issuer = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for a in accounts:
        if not states[a] & BEYOND_RANGE:
            _walk_account(book, series, values, rules, a, pnl, sums, name, issuer)


@njit(**BORROWS, forceinline=True)
def _walk_account(
    book: Book,
    series: Series,
    values: OptionValues,
    rules: Rules,
    a: int,
    pnl: Table,
    sums: _Sums,
    name: Int64Array,
    issuer: Int64Array,
) -> None:
    end, count = book.offsets[a + 1], len(name)
    largest, units = sums.largest[0], sums.units[0]
    is_held = is_issuer_held = False
    for i in range(book.offsets[a], end):
        s, quantity = book.series[i], book.quantity[i]
        if quantity != 0:
            is_held = is_issuer_held = True
            price = mark_price(book, series, rules, i)
            value = value_cents(quantity, price)
            sums.symbols[s, _LONG if value >= 0 else _SHORT] += abs(value)
            sums.symbols[s, _UNITS] += abs(quantity)
            units += abs(float(quantity))
            largest = max(largest, abs(value))
            for j in range(count):
                line = _line(series, values, rules, s, quantity, price, value, j)
                name[j] += line
                largest = max(largest, abs(line))
        after = book.series[i + 1] if i + 1 < end else -1
        if after == s:
            continue
        sums.symbols[s, _HOLDERS] += is_held
        is_held = False
        for j in range(count):
            pnl[a, j] += name[j]
            issuer[j] += name[j]
            sums.symbols[s, _LOSSES + j] -= min(name[j], 0)
            name[j] = 0
        g = series.class_group[s]
        if after < 0 or series.class_group[after] != g:
            sums.issuers[g, 0] += is_issuer_held
            is_issuer_held = False
            for j in range(count):
                sums.issuers[g, 1 + j] -= min(issuer[j], 0)
                issuer[j] = 0
    sums.largest[0], sums.units[0] = largest, units


@njit(**BORROWS, forceinline=True)
def _line(
    series: Series,
    values: OptionValues,
    rules: Rules,
    s: int,
    quantity: int,
    price: int,
    value: int,
    scenario: int,
) -> int:
    """P&L of a position in a scenario, cents, as `stress_pnl` has it, of a value known already."""
    if series.kind[s] == OPTION:
        return option_stress_pnl(series, values, s, quantity, price, scenario)
    return stress_line(value, series.beta[s], rules.stress_moves[scenario], rules)
