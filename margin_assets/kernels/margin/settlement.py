"""Options between the end of their time and the row that settles them, as a bound.

A short one in the money counts as assigned: its shares are delivered or taken at the strike. A long
one in the money counts as exercised where that leaves its account with less excess, and as
worthless elsewhere. The value of the last session decides, while what it comes to is worth today's
price: an option that is in the money by one of them alone, long or short, counts as whichever
outcome leaves less. On an index a short one owes cash, by the value that decides once it is known,
and a long one is worth nothing. An account that has several is carried at the worst of: none
delivered, each alone, all that the rule would deliver, and all that are worse alone.
Source: product semantics, section 8.2.
"""

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book.book import Book, book_of, taken
from margin_assets.kernels.book.deciding import UNDECIDED, deciding_values
from margin_assets.kernels.book.series import SECURITY, USABLE, Series
from margin_assets.kernels.margin.mixed_accounts import MAX_GROUPED
from margin_assets.kernels.margin.revaluation import restrikes, revalue
from margin_assets.kernels.numeric.arrays import BoolArray, Int8Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
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
_EITHER, _BY_RULE = 1, 2
_MOST = float(MAX_GROUPED) * MICRO * MICRO / CENTS


class Asked(NamedTuple):
    """Whose options are settled, and by what."""

    deciding: Int64Array | None = None
    """`deciding_values`: by place of the series; None where none is known."""
    accounts: Int64Array | None = None
    """Outcomes are weighed for these; None: for all."""


EVERYBODY = Asked()


def settled_book_of(
    positions: pl.DataFrame, accounts: pl.DataFrame, rules: Rules
) -> tuple[Book, Series]:
    """What `book_of` gives, as it counts."""
    book, series = book_of(positions, accounts, rules)
    deciding = deciding_values(positions, book, series)
    book = with_dividends(book, accounts)

    @cache
    def valued() -> OptionValues:
        return option_values(series, rules, restrikes(book, series))

    return settled(book, series, rules, valued, Asked(deciding)), series


def with_dividends(book: Book, accounts: pl.DataFrame) -> Book:
    """A book of the past with what of dividends counts, where `accounts` tell `accrued`.

    Of the live day they are in the book that is given.
    """
    if "accrued" not in accounts.columns:
        return book
    return book._replace(cash=book.cash + bounded(accounts["accrued"], BEYOND))


def settled(
    book: Book, series: Series, rules: Rules, valued: Valued, asked: Asked = EVERYBODY
) -> Book:
    """The book with options that have ended as the shares and the cash that they come to.

    Shares are added to a position in the same security, or stand in the place of the first such
    option; what comes to nothing has quantity 0. No place changes.
    """
    # Of the symbols first: they are few, and mostly none has ended.
    if not series.is_ended.any() or not series.is_ended[book.series].any():
        return book
    deciding = asked.deciding
    if deciding is None:
        deciding = np.full(len(series.price), UNDECIDED, dtype=np.int64)
    terms = _Terms(series, rules, deciding)
    may_be = _may_be_either(book, terms)
    places = np.flatnonzero(may_be).astype(np.int64)
    owner = np.searchsorted(book.offsets, places, side="right") - 1
    if asked.accounts is not None:
        is_asked = np.isin(owner, asked.accounts)
        places, owner = places[is_asked], owner[is_asked]
    delivered = np.zeros(len(book.series), dtype=np.bool_)
    if len(places):
        either = _Either(places, owner.astype(np.int64), may_be[places] == _BY_RULE)
        delivered[_worst(book, terms, valued, either)] = True
    return _settled(book, terms, delivered)


class _Terms(NamedTuple):
    """What every trial is settled by."""

    series: Series
    rules: Rules
    deciding: Int64Array


class _Either(NamedTuple):
    """Positions that may be delivered or not."""

    places: Int64Array
    """In order."""
    owner: Int64Array
    is_by_rule: BoolArray
    """Which of them the rule would deliver."""


def _worst(book: Book, terms: _Terms, valued: Valued, either: _Either) -> Int64Array:
    """Places that are delivered where it is worst for their owners; of equals the fewer."""
    places, owner, is_by_rule = either
    whose, starts = np.unique(owner, return_index=True)
    mine, of_places = np.split(places, starts[1:]), np.searchsorted(whose, owner)
    several = [a for a, own in enumerate(mine) if len(own) > 1]
    alone_in = np.split(places, np.arange(1, len(places)))
    ruled = np.split(is_by_rule, starts[1:])
    sets = [places[:0]] * len(whose) + alone_in + [mine[a][ruled[a]] for a in several]
    of = np.concatenate([np.arange(len(whose)), of_places, several]).astype(np.int64)
    excess = _excess(book, terms, valued, (sets, whose[of]))
    alone = excess[len(whose) : len(whose) + len(places)]
    is_worse = np.split(alone < excess[of_places], starts[1:])
    again = [a for a in several if is_worse[a].sum() > 1]
    if again:
        together = [mine[a][is_worse[a]] for a in again]
        sets, of = sets + together, np.concatenate([of, again])
        tried = _excess(book, terms, valued, (together, whose[again]))
        excess = np.concatenate([excess, tried])
    # Stable: of equals the first, which delivers fewer.
    order = np.lexsort((excess, of))
    first = order[np.unique(of[order], return_index=True)[1]]
    return np.concatenate([sets[n] for n in first])


def _excess(
    book: Book, terms: _Terms, valued: Valued, trials: tuple[list[Int64Array], Int64Array]
) -> Int64Array:
    """Excess of an account for each trial: its places that are delivered, and whose they are."""
    sets, owners = trials
    held = [np.arange(book.offsets[a], book.offsets[a + 1]) for a in owners]
    delivered = [np.isin(part, chosen) for part, chosen in zip(held, sets, strict=True)]
    sizes = np.array([len(part) for part in held], dtype=np.int64)
    tried = taken(book, np.concatenate(held), owners, sizes)
    counted = _settled(tried, terms, np.concatenate(delivered))
    figures = revalue(counted, terms.series, terms.rules, valued())
    found: Int64Array = figures.equity - figures.governing
    return found


def _settled(book: Book, terms: _Terms, delivered: BoolArray) -> Book:
    """The book with short options in the money assigned, and those given delivered."""
    quantity, cash = book.quantity.copy(), book.cash.copy()
    _settle(book, terms, delivered, (quantity, cash))
    return book._replace(quantity=quantity, cash=cash)


@njit(**OWNS)
def _may_be_either(book: Book, terms: _Terms) -> Int8Array:
    """Which positions may be delivered in shares, or not: 0, `_EITHER`, `_BY_RULE`.

    Of long ones all that are in the money, by what decides or by the price now; of short ones those
    of which the two differ.
    """
    series, rules, deciding = terms
    found = np.zeros(len(book.series), dtype=np.int8)
    for i in range(len(book.series)):
        s, held = book.series[i], book.quantity[i]
        if not series.is_ended[s] or series.is_on_index[s] or abs(held) > MAX_POSITION or not held:
            continue
        is_in = _gain(series, s, _share_price(series, s, _shares(series, s, held), rules)) > 0
        is_decided = deciding[s] >= 0
        was_in = _gain(series, s, deciding[s]) > 0 if is_decided else is_in
        may_be = (is_in or was_in) and series.price_state[s] <= USABLE
        if may_be if held > 0 else is_in != was_in:
            found[i] = _BY_RULE if was_in else _EITHER
    return found


@njit(**OWNS)
def _settle(
    book: Book, terms: _Terms, delivered: BoolArray, into: tuple[Int64Array, Int64Array]
) -> None:
    (series, rules, deciding), (quantity, cash) = terms, into
    for a in range(len(book.cash)):
        for i in range(book.offsets[a], book.offsets[a + 1]):
            s, held = book.series[i], book.quantity[i]
            if not series.is_ended[s] or abs(held) > MAX_POSITION:
                continue
            shares = _shares(series, s, held)
            price = _share_price(series, s, shares, rules)
            if abs(float(held)) * max(price, series.strike[s], deciding[s]) > _MOST:
                quantity[i] = MAX_POSITION + 1  # no amount of it is exact: `beyond_range`
                continue
            quantity[i] -= held
            if series.is_on_index[s]:
                owed = deciding[s] if deciding[s] >= 0 else price
                if held < 0 and _gain(series, s, owed) > 0:
                    cash[a] += value_cents(shares, owed) - value_cents(shares, series.strike[s])
                continue
            is_in = _gain(series, s, price) > 0
            was_in = _gain(series, s, deciding[s]) > 0 if deciding[s] >= 0 else is_in
            if delivered[i] or (held < 0 and is_in and was_in):
                cash[a] -= value_cents(shares, series.strike[s])
                quantity[_place_of(book, series, a, s, shares)] += shares


@inner(**BORROWS)
def _shares(series: Series, s: int, held: int) -> int:
    """Shares that an option comes to where it is exercised or assigned."""
    return held if series.is_call[s] else -held


@inner(**BORROWS)
def _gain(series: Series, s: int, price: int) -> int:
    """What a unit is in the money by, negative out of it."""
    return price - series.strike[s] if series.is_call[s] else series.strike[s] - price


@inner(**BORROWS)
def _share_price(series: Series, s: int, shares: int, rules: Rules) -> int:
    """Price that values shares of an underlying, by the rule of any position's."""
    if series.price_state[s] <= USABLE:
        return series.price[s]
    return 0 if shares > 0 else series.price[s] + rate_line(series.price[s], rules.short_cushion)


@inner(**BORROWS)
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
