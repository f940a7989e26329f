"""Entries of the special memorandum account: what each transaction adds or takes.

Source: Regulation T, 12 CFR 220.4(e) and (f), 220.5(b), 220.12.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book import Int64Array
from margin_assets.kernels.fills import fill_cash
from margin_assets.kernels.intraday import BoolArray
from margin_assets.kernels.money import CENTS, PPM
from margin_assets.kernels.rules import rules_in_force
from margin_assets.rulebooks import in_force, remembered


class EntryRules(NamedTuple):
    """Rates in ppm of a transaction's cost or proceeds, an amount in cents."""

    long: int
    short: int
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
    opened = -fill_cash(np.abs(quantity) - closing, trades.price)
    closed = -fill_cash(closing, trades.price)
    taken = _rates(quantity, trades.is_marginable, rules, rules.long)
    freed = _rates(held, trades.is_marginable, rules, PPM - rules.retention)
    return _share(closed, freed) - _share(opened, taken)


def _rates(side: Int64Array, is_marginable: BoolArray, rules: EntryRules, long: int) -> Int64Array:
    return np.where(~is_marginable, rules.non_margin, np.where(side > 0, long, rules.short))


def _share(cents: Int64Array, rate: Int64Array) -> Int64Array:
    """Amounts times rates, rounded half away from zero."""
    size = np.abs(cents)
    whole = size // PPM
    share = whole * rate + ((size - whole * PPM) * rate + PPM // 2) // PPM
    return np.sign(cents) * share
