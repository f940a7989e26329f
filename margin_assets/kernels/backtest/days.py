"""What a day of a book came to: losses of what was held, breaches, and books left alone.

Quantities are micro-units, prices micro-dollars, amounts cents; a loss is positive. Every sum is
an integer, or walks positions in their stored order.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book.book import Book
from margin_assets.kernels.numeric.arrays import FloatArray, Int8Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS
from margin_assets.kernels.numeric.money import signed_value

UNKNOWN = np.iinfo(np.int64).min
"""A change of price, or a loss, that the history does not tell."""
NO_DAY, CALM, BREACH = range(3)
"""What the day before was."""
DAYS, REQUIRED, LOST, BEYOND_REQUIRED = range(4)
"""Sums over account-days: their number, requirements, losses, and losses beyond requirements."""


class Breaches(NamedTuple):
    """Counts and sums by method and group of accounts, and what each account's day before was."""

    before: Int8Array
    """[method, account]"""
    counts: Int64Array
    """[method, group, day before, is breach]"""
    sums: Int64Array
    """[method, group, DAYS to BEYOND_REQUIRED]; cents."""


class Paths(NamedTuple):
    """What securities are worth now, and come to over the sessions after, by their total return."""

    price: Int64Array
    """[security], micro-dollars, now."""
    total: FloatArray
    """[security], now."""
    later: FloatArray
    """[session, security]"""


@njit(**OWNS)
def losses_of(book: Book, change: Int64Array) -> Int64Array:
    """What each account loses when prices change so, had it held on; `UNKNOWN` for want of one."""
    accounts = len(book.cash)
    found = np.zeros(accounts, dtype=np.int64)
    for a in range(accounts):
        for i in range(book.offsets[a], book.offsets[a + 1]):
            moved = change[book.series[i]]
            if moved == UNKNOWN:
                found[a] = UNKNOWN
                break
            found[a] -= signed_value(book.quantity[i], moved)
    return found


@njit(**BORROWS)
def count_breaches(
    loss: Int64Array,
    required: Int64Array,
    group: Int64Array,
    is_held: npt.NDArray[np.bool_],
    into: Breaches,
) -> None:
    """Counts one day: whether each account that holds anything lost more than was required.

    Args:
        loss: [account], until the horizon.
        required: [method, account], before it.
        group: [account].
        is_held: [account], whether it holds anything.
        into: Counted on, in place.
    """
    for m in range(required.shape[0]):
        for a in range(len(loss)):
            if not is_held[a] or loss[a] == UNKNOWN:
                into.before[m, a] = NO_DAY
                continue
            beyond = loss[a] - required[m, a]
            is_breach = beyond > 0
            into.counts[m, group[a], into.before[m, a], 1 if is_breach else 0] += 1
            into.before[m, a] = BREACH if is_breach else CALM
            into.sums[m, group[a], DAYS] += 1
            into.sums[m, group[a], REQUIRED] += required[m, a]
            into.sums[m, group[a], LOST] += max(loss[a], 0)
            into.sums[m, group[a], BEYOND_REQUIRED] += max(beyond, 0)


@njit(**OWNS)
def lowest_left_alone(
    book: Book, equity: Int64Array, accounts: Int64Array, paths: Paths
) -> Int64Array:
    """Lowest equity of some accounts over the sessions to come, had nobody touched them, cents.

    Model values: each position follows the total return of its security, and stands where that
    has no price.

    Args:
        book: As it stands.
        equity: [account], now.
        accounts: Asked for.
        paths: Of all securities.
    """
    found = np.empty(len(accounts), dtype=np.int64)
    for k in range(len(accounts)):
        a = accounts[k]
        lowest = float(equity[a])
        for n in range(len(paths.later)):
            value = float(equity[a])
            for i in range(book.offsets[a], book.offsets[a + 1]):
                s = book.series[i]
                # Not so of what has no price yet, nor of what is worth nothing.
                if paths.total[s] > 0.0:
                    growth = paths.later[n, s] / paths.total[s] - 1.0
                    value += book.quantity[i] * 1e-10 * paths.price[s] * growth
            lowest = min(lowest, value)
        found[k] = np.int64(np.floor(lowest + 0.5))
    return found
