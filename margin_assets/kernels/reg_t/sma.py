"""Special memorandum account and what it can buy: Regulation T 220.5 and 220.12."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book.book import CASH, Book
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.book.states import BEYOND_RANGE, INDETERMINATE
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.revaluation import mixed_accounts
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.numeric.money import MAX_POSITION, PPM, to_decimal, to_scaled
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import carried, initial_line, marked

_MOST = 2_000_000_000_000_000_000
"""Cents that are still exact when divided by a rate of a quarter or more."""


class RegTFigures(NamedTuple):
    """Where accounts stand under Regulation T, in cents; one entry an account."""

    requirement: Int64Array
    """50% of marginable and 100% of other values, without 4210(b)'s greater maintenance."""
    excess: Int64Array
    """Regulation T equity less the requirement; negative: the account is restricted."""
    spare: Int64Array
    """The same equity less maintenance."""
    is_known: BoolArray
    """Whether all inputs were there; else the figures are bounds on the safe side."""


def reg_t_figures(
    book: Book, series: Series, rules: Rules, figures: Figures, accounts: Int64Array
) -> RegTFigures:
    """Figures of Regulation T of some accounts, from figures that hold at the same prices."""
    # Where lines do not add up to an exact sum the largest is needed, as the passes have it.
    needs, is_exact = figures.initial[accounts], figures.states[accounts] & BEYOND_RANGE == 0
    exact = accounts[is_exact]
    plain, is_mixed = _reg_t_needs(book, series, rules, exact), mixed_accounts(book, series, exact)
    needs[is_exact] = np.where(is_mixed, mixed_needs(figures, exact), plain)
    equity = figures.reg_t_equity[accounts]
    is_known = figures.states[accounts] & INDETERMINATE == 0
    return RegTFigures(needs, equity - needs, equity - figures.maintenance[accounts], is_known)


def mixed_excess(figures: Figures, accounts: Int64Array) -> Int64Array:
    """Excess of accounts with every initial requirement as the mixed pass has it, cents.

    One measure before and after a trade, whatever pass takes the account.
    """
    excess: Int64Array = figures.reg_t_equity[accounts] - mixed_needs(figures, accounts)
    return excess


def special_memorandum_accounts(era: Margined) -> pl.DataFrame:
    """SMA and buying power of each account; its `accounts` also hold `sma`, the balance before.

    The SMA never falls because prices fall: it is the greater of the balance before and the
    Regulation T excess, equity less 50% of marginable and 100% of other values. It buys twice
    its amount, but not so much that equity ends below maintenance. A cash account has none and
    buys with its cash.
    """
    book, series, rules, figures = era.book, era.series, era.rules, era.figures
    everyone = np.arange(len(book.cash), dtype=np.int64)
    found = reg_t_figures(book, series, rules, figures, everyone)
    is_cash = book.account_type == CASH
    sma = np.where(
        is_cash, 0, np.maximum(to_scaled(era.accounts["sma"]), np.maximum(found.excess, 0))
    )
    power = buying_power(sma, found.spare, rules)
    return era.accounts.select("account_id").with_columns(
        reg_t_excess=to_decimal(found.excess, 2),
        sma=to_decimal(sma, 2),
        buying_power=to_decimal(np.where(is_cash, np.maximum(book.cash, 0), power), 2),
    )


def available(balance: Int64Array, owed: Int64Array, excess: Int64Array) -> Int64Array:
    """What accounts may commit: the greater of SMA and excess, less what calls still lack; cents.

    Negative where neither covers what the day's transactions took.
    """
    lacking = np.maximum(owed - np.maximum(balance, 0), 0)
    found: Int64Array = np.maximum(balance - owed, excess - lacking)
    return found


def buying_power(sma: Int64Array, spare: Int64Array, rules: Rules) -> Int64Array:
    """What an SMA buys of marginable stock, equity staying above maintenance; cents."""
    power: Int64Array = np.minimum(
        _buys(sma, rules.initial_long), _buys(spare, rules.long_maintenance)
    )
    return power


def mixed_needs(figures: Figures, accounts: Int64Array) -> Int64Array:
    """Initial requirement less the cost of long options, but for what counts in equity."""
    options = figures.long_options[accounts]
    securities = figures.net_liquidation[accounts] - options + figures.short_options[accounts]
    counted = figures.reg_t_equity[accounts] - securities
    needs: Int64Array = figures.initial[accounts] - options + counted
    return needs


@njit(**OWNS)
def _reg_t_needs(book: Book, series: Series, rules: Rules, accounts: Int64Array) -> Int64Array:
    """Regulation T alone, without 4210(b)'s greater maintenance."""
    needs = np.zeros(len(accounts), dtype=np.int64)
    for n in range(len(accounts)):
        a = accounts[n]
        for i in range(book.offsets[a], book.offsets[a + 1]):
            if abs(book.quantity[i]) <= MAX_POSITION:
                position = carried(series, marked(book, series, rules, i), rules)
                needs[n] += initial_line(position, 0, rules)
    return needs


def _buys(cents: Int64Array, rate: int) -> Int64Array:
    """What an amount buys where a rate of it must be put up, rounded down; never negative."""
    amount = np.minimum(np.maximum(cents, 0), _MOST)
    whole = amount // rate
    return whole * PPM + (amount - whole * rate) * PPM // rate
