"""Figures of every account: of securities by the fused pass, of all else by the mixed one."""

import numpy as np
from numba import njit

from margin_assets.kernels.book.book import PORTFOLIO, Book
from margin_assets.kernels.book.figures import Figures, empty_figures
from margin_assets.kernels.book.series import OPTION, SECURITY, Series
from margin_assets.kernels.margin.mixed_accounts import revalue_mixed
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.options.valuation import OptionValues, option_values
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.securities import revalue_securities


def revalue(
    book: Book,
    series: Series,
    rules: Rules,
    values: OptionValues | None = None,
    into: tuple[Int64Array, Figures] | None = None,
) -> Figures:
    """Figures of every account, or of the accounts given, written in place into the figures given.

    Without values the options are valued here, and portfolio margin is struck again in stress.
    """
    total = len(book.offsets) - 1
    accounts, figures = into or (np.arange(total, dtype=np.int64), empty_figures(total, rules))
    is_mixed = mixed_accounts(book, series, accounts)
    if not is_mixed.any():
        revalue_securities(book, series, rules, accounts, figures)
        return figures
    known = option_values(series, rules, restrikes(book, series)) if values is None else values
    if not is_mixed.all():
        revalue_securities(book, series, rules, accounts[~is_mixed], figures)
    revalue_mixed(book, series, known, rules, (accounts[is_mixed], figures))
    return figures


def mixed_accounts(book: Book, series: Series, accounts: Int64Array) -> np.ndarray:
    """Which accounts hold an option, a bond, or one security long and short."""
    found: np.ndarray = _mixed_accounts(book, series, accounts)
    return found


@njit(**OWNS)
def _mixed_accounts(book: Book, series: Series, accounts: Int64Array) -> np.ndarray:
    found = np.zeros(len(accounts), dtype=np.bool_)
    for n in range(len(accounts)):
        first, end = book.offsets[accounts[n]], book.offsets[accounts[n] + 1]
        for i in range(first, end):
            if series.kind[book.series[i]] != SECURITY:
                found[n] = True
            if i > first and book.series[i] == book.series[i - 1]:
                found[n] = True
    return found


def restrikes(book: Book, series: Series) -> Int64Array:
    """Options that portfolio-margin accounts hold."""
    if not (series.kind == OPTION).any():
        return np.zeros(0, dtype=np.int64)
    owner = np.repeat(book.account_type, np.diff(book.offsets))
    held = np.zeros(len(series.kind), dtype=np.bool_)
    held[book.series[owner == PORTFOLIO]] = True
    return np.flatnonzero(held & (series.kind == OPTION))
