"""Entries of the special memorandum account: what each transaction adds or takes.

Source: Regulation T, 12 CFR 220.4(e) and (f), 220.5(b), 220.12.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.book import Book, offsets_of
from margin_assets.kernels.book.fills import fill_cash
from margin_assets.kernels.book.series import Series
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import CENTS, PPM
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.rulebooks import in_force, remembered


class EntryRules(NamedTuple):
    """Rates in ppm of a transaction's cost or proceeds, an amount in cents."""

    long: int
    short: int
    short_hedged: int
    """Of what is sold short against a long call, 220.12(c)(2)."""
    non_margin: int
    retention: int
    """Part of a long sale's proceeds that stays; the rest is released."""
    no_action: int


@remembered
def entry_rules(on: date) -> EntryRules:
    """Numbers of the Regulation T rulebook in force on a day."""
    numbers, rules = in_force("reg_t", on).numbers, rules_in_force(on)
    return EntryRules(
        long=rules.initial_long,
        short=rules.initial_short,
        short_hedged=rules.initial_short_hedged,
        non_margin=rules.initial_non_margin,
        retention=round(numbers["sma"]["retention"] * PPM),
        no_action=round(numbers["margin_call"]["no_action_usd"] * CENTS),
    )


class Trades(NamedTuple):
    """Trades of securities in order of application, quantities in micro-units."""

    held: Int64Array
    """Position before the trade."""
    quantity: Int64Array
    price: Int64Array
    is_marginable: BoolArray
    calls: Int64Array
    """Micro-units that long calls stand for which a short sale at the price may be made against."""


def cash_entries(kind: pl.Series, amount: Int64Array) -> Int64Array:
    """Deposits and income add their amount, withdrawals take it; cents.

    Fees and interest charged are debited to the margin account without regard to the rest
    (220.4(f)): they lower equity, not the SMA.
    """
    is_transfer = kind.is_in(("deposit", "withdrawal")).to_numpy()
    is_income = kind.is_in(("dividend", "interest")).to_numpy()
    return np.where(is_transfer, amount, np.where(is_income, np.maximum(amount, 0), 0))


def trade_entries(trades: Trades, rules: EntryRules) -> Int64Array:
    """What trades of stock and funds add (positive) or take at their own prices, cents.

    What opens a position takes its initial requirement; what closes one releases it: of a long
    sale what is not retained.
    """
    held, quantity = trades.held, trades.quantity
    is_closing = np.sign(held) * np.sign(quantity) < 0
    closing = np.where(is_closing, np.minimum(np.abs(held), np.abs(quantity)), 0)
    opening = np.abs(quantity) - closing
    taken = _rates(quantity, trades.is_marginable, rules, rules.long)
    freed = _rates(held, trades.is_marginable, rules, PPM - rules.retention)
    hedged = np.where(trades.is_marginable, rules.short_hedged, rules.non_margin)
    # Calls serve the first shares sold short, and the last ones that are bought back.
    short = np.maximum(-held, 0)
    sold = np.where(quantity < 0, _within(trades.calls - short, opening), 0)
    kept = np.where(held < 0, _within(trades.calls - (short - closing), closing), 0)
    released = _of_cost(trades, closing - kept, freed) + _of_cost(trades, kept, hedged)
    return released - _of_cost(trades, opening - sold, taken) - _of_cost(trades, sold, hedged)


def _within(units: Int64Array, most: Int64Array) -> Int64Array:
    return np.minimum(np.maximum(units, 0), most)


def calls_against(
    book: Book, series: Series, trades: tuple[Int64Array, Int64Array, Int64Array]
) -> Int64Array:
    """Units that the account of each trade may sell short against its long calls, at its price.

    `trades`: account and symbol by place, price.
    """
    found = np.zeros(len(trades[0]), dtype=np.int64)
    is_call = series.is_call & series.is_listed & series.is_american & ~series.is_ended
    if not is_call.any():
        return found
    is_asked = np.isin(trades[0], _holders(book, is_call, np.unique(trades[0])))
    for n in np.flatnonzero(is_asked).tolist():
        a, s, price = (int(column[n]) for column in trades)
        own = slice(book.offsets[a], book.offsets[a + 1])
        held = book.series[own]
        chosen = is_call[held] & (book.quantity[own] > 0) & (series.name[held] == series.name[s])
        chosen &= series.strike[held] <= price
        calls, units = held[chosen], book.quantity[own][chosen]
        found[n] = _delivered(series, calls, units)
    return found


def _holders(book: Book, is_call: BoolArray, accounts: Int64Array) -> Int64Array:
    """Which of some accounts, each once, are long a call."""
    first = book.offsets[accounts]
    count = book.offsets[accounts + 1] - first
    owner = np.repeat(np.arange(len(accounts)), count)
    places = np.arange(len(owner)) + np.repeat(first - offsets_of(count)[:-1], count)
    is_held = is_call[book.series[places]] & (book.quantity[places] > 0)
    return accounts[np.unique(owner[is_held])]


def _delivered(series: Series, calls: npt.NDArray[np.int32], units: Int64Array) -> int:
    """Units that long calls of so many quoted units deliver, rounded down by series."""
    if series.delivered is series.multiplier:
        return int(units.sum())
    parts = zip(units, series.delivered[calls], series.multiplier[calls], strict=True)
    return sum(int(held) * int(one) // int(quoted) for held, one, quoted in parts)


def _of_cost(trades: Trades, quantity: Int64Array, rate: Int64Array) -> Int64Array:
    """Rate of what a quantity comes to at the price of its trade."""
    if not quantity.any():
        # Of millions of trades most open and few close, and each way of entering them is asked.
        return np.zeros_like(quantity)
    return _share(-fill_cash(quantity, trades.price), rate)


def _rates(side: Int64Array, is_marginable: BoolArray, rules: EntryRules, long: int) -> Int64Array:
    return np.where(~is_marginable, rules.non_margin, np.where(side > 0, long, rules.short))


def _share(cents: Int64Array, rate: Int64Array) -> Int64Array:
    """Amounts times rates, rounded half away from zero."""
    size = np.abs(cents)
    whole = size // PPM
    share = whole * rate + ((size - whole * PPM) * rate + PPM // 2) // PPM
    return np.sign(cents) * share
