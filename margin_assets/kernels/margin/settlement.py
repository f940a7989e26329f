"""Options between the end of their time and the row that settles them, as a bound.

A short one in the money counts as assigned: its shares are delivered or taken at the strike, or
what it owes is paid in cash where it is written on an index. A long one in the money counts as
exercised where that leaves its account with less excess, and as worthless elsewhere; each is
judged by itself. In the money is by the price that values the shares now: what was assigned on
Friday is a position of Monday. Source: product semantics, section 8.2.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book.book import Book, book_of, taken
from margin_assets.kernels.book.series import SECURITY, USABLE, Series
from margin_assets.kernels.margin.mixed_accounts import MAX_GROUPED
from margin_assets.kernels.margin.revaluation import restrikes, revalue
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS
from margin_assets.kernels.numeric.money import (
    BEYOND,
    CENTS,
    MAX_POSITION,
    MICRO,
    bounded,
    rate_line,
    value_cents,
)
from margin_assets.kernels.options.valuation import OptionValues, option_values
from margin_assets.kernels.rules.rules import Rules

Valued = Callable[[], OptionValues]
"""Option values of the series at hand, for when they are needed."""
_MOST = float(MAX_GROUPED) * MICRO * MICRO / CENTS


def settled_book_of(
    positions: pl.DataFrame, accounts: pl.DataFrame, rules: Rules
) -> tuple[Book, Series]:
    """What `book_of` gives, as it counts."""
    book, series = book_of(positions, accounts, rules)
    book = with_dividends(book, accounts)

    def valued() -> OptionValues:
        return option_values(series, rules, restrikes(book, series))

    return settled(book, series, rules, valued), series


def with_dividends(book: Book, accounts: pl.DataFrame) -> Book:
    """A book of the past with what of dividends counts, where `accounts` tell `accrued`.

    Of the live day they are in the book that is given.
    """
    if "accrued" not in accounts.columns:
        return book
    return book._replace(cash=book.cash + bounded(accounts["accrued"], BEYOND))


def settled(
    book: Book,
    series: Series,
    rules: Rules,
    valued: Valued,
    accounts: Int64Array | None = None,
) -> Book:
    """The book with options that have ended as the shares and the cash that they come to.

    Shares are added to a position in the same security, or stand in the place of the first such
    option; what comes to nothing has quantity 0. No place changes. Exercise is judged for the
    accounts given, else for all.
    """
    # Of the symbols first: they are few, and mostly none has ended.
    if not series.is_ended.any() or not series.is_ended[book.series].any():
        return book
    exercised = np.zeros(len(book.series), dtype=np.bool_)
    places = _exercisable(book, series)
    owner = np.searchsorted(book.offsets, places, side="right") - 1
    if accounts is not None:
        is_asked = np.isin(owner, accounts)
        places, owner = places[is_asked], owner[is_asked]
    if len(places):
        trials = _trials(book, places, owner)
        tried = _settled(trials.book, series, rules, trials.exercised)
        figures = revalue(tried, series, rules, valued())
        excess, worthless = figures.equity - figures.governing, np.zeros_like(book.cash)
        worthless[trials.owner[len(places) :]] = excess[len(places) :]
        exercised[places] = excess[: len(places)] < worthless[owner]
    return _settled(book, series, rules, exercised)


def _exercisable(book: Book, series: Series) -> Int64Array:
    """Places of long positions whose owner may exercise them for shares at a gain."""
    gap = np.where(series.is_call, series.price - series.strike, series.strike - series.price)
    may = series.is_ended & ~series.is_on_index & (series.price_state <= USABLE) & (gap > 0)
    is_long = (book.quantity > 0) & (book.quantity <= MAX_POSITION)
    return np.flatnonzero(may[book.series] & is_long).astype(np.int64)


class _Trials(NamedTuple):
    """An account for each position exercised alone, then each account with none exercised."""

    book: Book
    exercised: BoolArray
    owner: Int64Array


def _trials(book: Book, places: Int64Array, account: Int64Array) -> _Trials:
    owner = np.concatenate([account, np.unique(account)]).astype(np.int64)
    held = [np.arange(book.offsets[a], book.offsets[a + 1]) for a in owner]
    of, sizes = np.concatenate(held), np.array([len(part) for part in held])
    alone = np.concatenate([places, np.full(len(owner) - len(places), -1)])
    return _Trials(taken(book, of, owner, sizes), of == np.repeat(alone, sizes), owner)


def _settled(book: Book, series: Series, rules: Rules, exercised: BoolArray) -> Book:
    """The book with short options in the money assigned, and the long ones given exercised."""
    quantity, cash = book.quantity.copy(), book.cash.copy()
    _settle(book, series, rules, exercised, (quantity, cash))
    return book._replace(quantity=quantity, cash=cash)


@njit(**OWNS)
def _settle(
    book: Book,
    series: Series,
    rules: Rules,
    exercised: BoolArray,
    into: tuple[Int64Array, Int64Array],
) -> None:
    quantity, cash = into
    for a in range(len(book.cash)):
        for i in range(book.offsets[a], book.offsets[a + 1]):
            s, held = book.series[i], book.quantity[i]
            if not series.is_ended[s] or abs(held) > MAX_POSITION:
                continue
            shares = held if series.is_call[s] else -held
            price = _share_price(series, s, shares, rules)
            if abs(float(held)) * max(price, series.strike[s]) > _MOST:
                quantity[i] = MAX_POSITION + 1  # no amount of it is exact: `beyond_range`
                continue
            quantity[i] -= held
            gap = price - series.strike[s] if series.is_call[s] else series.strike[s] - price
            if gap <= 0 or (held > 0 and not exercised[i]):
                continue
            cash[a] -= value_cents(shares, series.strike[s])
            if series.is_on_index[s]:
                cash[a] += value_cents(shares, price)
            else:
                quantity[_place_of(book, series, a, s, shares)] += shares


@njit(**BORROWS)
def _share_price(series: Series, s: int, shares: int, rules: Rules) -> int:
    """Price that values shares of an underlying, by the rule of any position's."""
    if series.price_state[s] <= USABLE:
        return series.price[s]
    return 0 if shares > 0 else series.price[s] + rate_line(series.price[s], rules.short_cushion)


@njit(**BORROWS)
def _place_of(book: Book, series: Series, a: int, s: int, shares: int) -> int:
    """Place in the book of the shares of account a: a position in them, best of the other side."""
    found, rank = -1, 0
    for i in range(book.offsets[a], book.offsets[a + 1]):
        t = book.series[i]
        if series.name[t] != series.name[s] or series.kind[t] != SECURITY:
            continue
        is_other_side = (book.quantity[i] > 0) != (shares > 0)
        order = 1 if series.is_ended[t] else 2 + is_other_side
        if order > rank:
            found, rank = i, order
    return found
