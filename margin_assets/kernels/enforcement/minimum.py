"""Minimum equity: FINRA 4210(b)(4) and (g)(4)."""

import numpy as np
from numba import njit

from margin_assets.kernels.book.book import CASH, PORTFOLIO, Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS
from margin_assets.kernels.rules.rules import Rules


@njit(**BORROWS)
def minimum_equity(book: Book, figures: Figures, rules: Rules, a: int) -> int:
    """Minimum equity of an account in cents, by 4210(b)(4) and (g)(4); 0 where none applies.

    An account that neither borrows nor is short has none; a purchase never needs more than its
    value; a short sale needs the whole amount.
    """
    kind = book.account_type[a]
    if kind == CASH or book.offsets[a] == book.offsets[a + 1]:
        return 0
    if kind == PORTFOLIO:
        return rules.portfolio_minimum
    has_short = False
    for i in range(book.offsets[a], book.offsets[a + 1]):
        has_short = has_short or book.quantity[i] < 0
    if has_short:
        return rules.margin_minimum
    bought = figures.long_value[a] + figures.long_options[a]
    return min(rules.margin_minimum, bought) if book.cash[a] < 0 else 0


@njit(**OWNS)
def equity_shortfalls(
    book: Book, figures: Figures, rules: Rules, accounts: Int64Array
) -> Int64Array:
    """What the equity of accounts lacks of the minimum, cents; 0 where nothing."""
    found = np.zeros(len(accounts), dtype=np.int64)
    for k in range(len(accounts)):
        a = accounts[k]
        found[k] = max(minimum_equity(book, figures, rules, a) - figures.equity[a], 0)
    return found
