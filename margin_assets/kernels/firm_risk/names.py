"""What all accounts hold and would lose, by name and by issuer, in one walk over the book.

Positions in an issuer pay for one another inside an account and nowhere else. A plain name, of
which a unit is worth the same to everybody, is summed in units and valued once; others are valued
by position. Accounts beyond the exact range are left out, as they are of every figure. Every sum is
an integer: threads change no bit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.book.series import OPTION, USABLE, Series
from margin_assets.kernels.book.states import BEYOND_RANGE
from margin_assets.kernels.firm_risk.exact_parts import Summed
from margin_assets.kernels.firm_risk.kept import Kept, Part
from margin_assets.kernels.firm_risk.price_moves import Scenarios
from margin_assets.kernels.numeric.arrays import Int8Array, Int32Array, Int64Array, Int64Table
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import BEYOND, PPM, value_cents
from margin_assets.kernels.numeric.threads import ALONE, allowed, over_ranges
from margin_assets.kernels.options.valuation import OptionValues, option_stress_pnl
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import marked, stress_line

LONG_UNITS, SHORT_UNITS, HOLDERS, LONG_VALUE, SHORT_VALUE, LOSSES = range(6)
_OWN, _SHARED = 1, 2  # a name valued by position; an issuer of several names


class Walked(NamedTuple):
    """What one walk finds, cents and micro-units; a sum beyond all bounds is `BEYOND`."""

    symbols: npt.NDArray[np.int64]
    """By symbol: units long and short, holders; of names valued by position values and losses."""
    issuers: npt.NDArray[np.int64]
    """By class group of several names: holders, then what losing accounts lose, by scenario."""
    pnl: Int64Table
    """By account and scenario, of positions in names valued by position."""
    own_value: Int64Array
    """By account, of securities among these."""


class _Sums(NamedTuple):
    """The same of one thread, and how large its sums may be."""

    symbols: Int64Table
    issuers: Int64Table
    bound: npt.NDArray[np.float64]
    """Largest amount of a position, and all units."""


def kinds_of_names(series: Series, book: Book, kept: Kept | None = None) -> Int8Array:
    """How each symbol is walked: valued by position, in an issuer of several names, both, or 0.

    What counts as several is what the book holds.
    """
    own = (series.kind == OPTION) | (series.leverage != PPM) | (series.price_state > USABLE)
    count = len(series.price)

    def summed(some: Int64Array) -> Summed:
        first, end = (book.offsets[some[0]], book.offsets[some[-1] + 1]) if len(some) else (0, 0)
        return (_held(book.series[first:end], count).astype(np.int64),), float(len(some))

    (holding,) = (kept or Kept()).part("held", count).sums(len(book.cash), summed)
    held = holding > 0
    names = np.bincount(
        series.class_group[held], minlength=int(series.class_group.max(initial=0)) + 1
    )
    shared = names[series.class_group] > 1
    return (own * _OWN + shared * _SHARED).astype(np.int8)


@njit(**OWNS)
def _held(positions: Int32Array, count: int) -> npt.NDArray[np.bool_]:
    held = np.zeros(count, dtype=np.bool_)
    for i in range(len(positions)):
        held[positions[i]] = True
    return held


def is_own(kinds: Int8Array) -> npt.NDArray[np.bool_]:
    """Which names are valued by position."""
    return (kinds & _OWN).astype(np.bool_)


def is_shared(kinds: Int8Array) -> npt.NDArray[np.bool_]:
    """Which names have an issuer of several."""
    return (kinds & _SHARED).astype(np.bool_)


def walked(
    book: Book,
    scenarios: Scenarios,
    kinds: Int8Array,
    states: npt.NDArray[np.int32],
    part: Part | None = None,
) -> Walked:
    """Walks all accounts; `states` are their named states.

    `part` is what is kept of an earlier walk in the same scenarios, of the same kinds.
    """
    series, values, rules = scenarios
    count, accounts = len(rules.stress_moves), len(book.cash)
    part = part or Part(())
    pnl, own_value = part.column("pnl", accounts, count), part.column("own_value", accounts)

    def summed(some: Int64Array) -> Summed:
        threads = allowed() if len(some) > ALONE else 1
        issuers = int(series.class_group.max(initial=-1)) + 1
        of_symbols = np.zeros((threads, len(kinds), LOSSES + count), dtype=np.int64)
        of_issuers = np.zeros((threads, issuers, 1 + count), dtype=np.int64)
        bound = np.zeros((threads, 2))
        pnl[some] = own_value[some] = 0
        edges = [len(some) * t // threads for t in range(threads + 1)]

        def walk(first: int, end: int) -> None:
            for t in range(first, end):
                sums = _Sums(of_symbols[t], of_issuers[t], bound[t])
                its = some[edges[t] : edges[t + 1]]
                _walk(book, series, values, rules, kinds, its, states, pnl, own_value, sums)

        over_ranges(walk, threads, 1)
        positions = float((book.offsets[some + 1] - book.offsets[some]).sum())
        most = max(bound[:, 0].max() * positions, bound[:, 1].sum())
        return (of_symbols.sum(axis=0), of_issuers.sum(axis=0)), float(most)

    symbols, issuers = part.sums(accounts, summed)
    symbols = np.minimum(symbols, BEYOND).astype(np.int64)
    return Walked(symbols, np.minimum(issuers, BEYOND).astype(np.int64), pnl, own_value)


@njit(**OWNS, nogil=True)
def _walk(
    book: Book,
    series: Series,
    values: OptionValues,
    rules: Rules,
    kinds: Int8Array,
    accounts: Int64Array,
    states: npt.NDArray[np.int32],
    pnl: Int64Table,
    own_value: Int64Array,
    sums: _Sums,
) -> None:
    issuer = np.zeros(len(rules.stress_moves), dtype=np.int64)
    name = np.zeros(len(rules.stress_moves), dtype=np.int64)
    _walk_accounts(
        book, series, values, rules, kinds, accounts, states, pnl, own_value, sums, name, issuer
    )


@inner(**BORROWS)
def _walk_accounts(
    book: Book,
    series: Series,
    values: OptionValues,
    rules: Rules,
    kinds: Int8Array,
    accounts: Int64Array,
    states: npt.NDArray[np.int32],
    pnl: Int64Table,
    own_value: Int64Array,
    sums: _Sums,
    name: Int64Array,
    issuer: Int64Array,
) -> None:
    symbols, units = sums.symbols, 0.0
    for a in accounts:
        if states[a] & BEYOND_RANGE:
            continue
        end, is_held = book.offsets[a + 1], False
        for i in range(book.offsets[a], end):
            s, quantity = book.series[i], book.quantity[i]
            units += abs(float(quantity))
            symbols[s, LONG_UNITS if quantity > 0 else SHORT_UNITS] += abs(quantity)
            symbols[s, HOLDERS] += quantity != 0
            if kinds[s] == 0:
                continue
            if quantity != 0:
                is_held |= kinds[s] & _SHARED != 0
                value = _strike(book, series, values, rules, i, sums, name)
                if kinds[s] & _SHARED:
                    for j in range(len(name)):
                        issuer[j] += name[j]
                if kinds[s] & _OWN:
                    own_value[a] += value if series.kind[s] != OPTION else 0
                    _take_own(s, value, name, symbols, pnl[a])
            g = series.class_group[s]
            is_last = i + 1 == end or series.class_group[book.series[i + 1]] != g
            if is_last and kinds[s] & _SHARED:
                _close_issuer(sums.issuers[g], is_held, issuer)
                is_held = False
    sums.bound[1] = units


@inner(**BORROWS, forceinline=True)
def _take_own(s: int, value: int, lines: Int64Array, symbols: Int64Table, pnl: Int64Array) -> None:
    symbols[s, LONG_VALUE if value >= 0 else SHORT_VALUE] += abs(value)
    for j in range(len(lines)):
        pnl[j] += lines[j]
        symbols[s, LOSSES + j] -= min(lines[j], 0)


@inner(**BORROWS, forceinline=True)
def _close_issuer(of: Int64Array, is_held: int, issuer: Int64Array) -> None:
    of[0] += is_held
    for j in range(len(issuer)):
        of[1 + j] -= min(issuer[j], 0)
        issuer[j] = 0


@inner(**BORROWS)
def _strike(
    book: Book,
    series: Series,
    values: OptionValues,
    rules: Rules,
    i: int,
    sums: _Sums,
    lines: Int64Array,
) -> int:
    """Value of the position at i, and its P&L in each scenario as the stress has it; cents."""
    position = marked(book, series, rules, i)
    s, value = position.s, value_cents(position.quantity, position.price)
    largest = abs(float(value))
    for j in range(len(lines)):
        if series.kind[s] == OPTION:
            lines[j] = option_stress_pnl(series, values, position, j)
        else:
            lines[j] = stress_line(value, series.beta[s], rules.stress_moves[j], rules)
        largest = max(largest, abs(float(lines[j])))
    sums.bound[0] = max(sums.bound[0], largest)
    return value
