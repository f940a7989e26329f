"""Special memorandum account and what it can buy: Regulation T 220.5 and 220.12."""

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book import CASH, Book, Int64Array, Series, book_of
from margin_assets.kernels.figures import Figures
from margin_assets.kernels.lines import initial_line, mark_price
from margin_assets.kernels.money import MAX_POSITION, PPM, to_decimal, to_scaled, value_cents
from margin_assets.kernels.revaluation import mixed_accounts, revalue
from margin_assets.kernels.rules import Rules

_MOST = 2_000_000_000_000_000_000
"""Cents that are still exact when divided by a rate of a quarter or more."""


def special_memorandum_accounts(
    positions: pl.DataFrame, accounts: pl.DataFrame, rules: Rules
) -> pl.DataFrame:
    """SMA and buying power of each account; `accounts` also holds `sma`, the balance before.

    The SMA never falls because prices fall: it is the greater of the balance before and the
    Regulation T excess, equity less 50% of marginable and 100% of other values. It buys twice
    its amount, but not so much that equity ends below maintenance. A cash account has none and
    buys with its cash.
    """
    book, series = book_of(positions, accounts, rules)
    figures = revalue(book, series, rules)
    everyone = np.arange(len(book.cash), dtype=np.int64)
    is_mixed = mixed_accounts(book, series, everyone)
    needs = np.where(is_mixed, _mixed_needs(figures), _reg_t_needs(book, series, rules))
    excess = figures.reg_t_equity - needs
    spare = figures.reg_t_equity - figures.maintenance
    is_cash = book.account_type == CASH
    sma = np.where(is_cash, 0, np.maximum(to_scaled(accounts["sma"]), np.maximum(excess, 0)))
    power = np.minimum(_buys(sma, rules.initial_long), _buys(spare, rules.long_maintenance))
    return accounts.select("account_id").with_columns(
        reg_t_excess=to_decimal(excess, 2),
        sma=to_decimal(sma, 2),
        buying_power=to_decimal(np.where(is_cash, np.maximum(book.cash, 0), power), 2),
    )


def _mixed_needs(figures: Figures) -> Int64Array:
    """Initial requirement less the cost of long options, but for what counts in equity."""
    securities = figures.net_liquidation - figures.long_options + figures.short_options
    counted = figures.reg_t_equity - securities
    needs: Int64Array = figures.initial - figures.long_options + counted
    return needs


@njit(cache=True)
def _reg_t_needs(book: Book, series: Series, rules: Rules) -> Int64Array:
    """Regulation T alone, without 4210(b)'s greater maintenance."""
    needs = np.zeros(len(book.cash), dtype=np.int64)
    for a in range(len(book.cash)):
        for i in range(book.offsets[a], book.offsets[a + 1]):
            quantity = book.quantity[i]
            if abs(quantity) > MAX_POSITION:
                continue
            value = value_cents(quantity, mark_price(book, series, rules, i))
            marginable = series.is_marginable[book.series[i]]
            needs[a] += initial_line(quantity, value, marginable, 0, rules)
    return needs


def _buys(cents: Int64Array, rate: int) -> Int64Array:
    """What an amount buys where a rate of it must be put up, rounded down; never negative."""
    amount = np.clip(cents, 0, _MOST)
    whole = amount // rate
    return whole * PPM + (amount - whole * rate) * PPM // rate
