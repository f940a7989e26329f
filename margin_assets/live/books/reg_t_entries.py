"""What the transactions of a grid point enter into special memorandum accounts."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.book import REG_T
from margin_assets.kernels.book.series import SECURITY, Series, sizes
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import to_scaled
from margin_assets.kernels.reg_t.reg_t_book import BY_CASH, BY_TRADE, entry_frame
from margin_assets.kernels.reg_t.sma_entries import (
    Trades,
    calls_against,
    cash_entries,
    entry_rules,
    trade_entries,
)
from margin_assets.kernels.rules.grid import day_of
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.names import NOBODY, Names


class Noted(NamedTuple):
    """What the transactions of a grid point enter, as they stand before they are taken."""

    entries: pl.DataFrame
    others: Int64Array
    """Accounts that trade options or bonds: their trades are measured, not entered by price."""
    paid: Int64Array
    """Cents that the cash movements of the point bring each of them."""
    corrected: Int64Array
    """Accounts whose earlier fills are corrected: they are restated, and nothing is entered."""


class Firm(NamedTuple):
    """What transactions are applied to."""

    holdings: Holdings
    series: Series
    symbols: Names


def noted(point: int, changed: Mapping[str, pl.DataFrame], firm: Firm, owed: Int64Array) -> Noted:
    """Entries of a grid point: cash of margin accounts and of those with calls, and trades."""
    is_margin = firm.holdings.account_type == REG_T
    parts, others, corrected = [], NOBODY, NOBODY
    paid = np.zeros(len(owed), dtype=np.int64)
    if "cash_movements" in changed:
        rows = changed["cash_movements"]
        place, amount = firm.holdings.accounts.of(rows, "account_id"), to_scaled(rows["amount"])
        np.add.at(paid, place, amount)
        counts = is_margin[place] | (owed[place] > 0)
        entered = np.where(counts, cash_entries(rows["kind"], amount), 0)
        parts.append(entry_frame(place, point, entered, BY_CASH))
    if "effects" in changed:
        place, entered, is_other = _trades(point, changed["effects"], firm)
        is_later = (changed["effects"]["traded"] < point).to_numpy()
        corrected = np.unique(place[is_later & (is_margin[place] | (owed[place] > 0))])
        others = np.setdiff1d(place[is_other & is_margin[place]], corrected)
        counts = is_margin[place] & ~np.isin(place, others)
        parts.append(entry_frame(place, point, np.where(counts, entered, 0), BY_TRADE))
    entries = pl.concat([entry_frame(NOBODY, point, NOBODY, BY_CASH), *parts])
    others_only = ~entries["place"].is_in(pl.Series(corrected).implode())
    return Noted(entries.filter(others_only), others, paid[others], corrected)


def exercise_entries(point: int, legs: pl.DataFrame, firm: Firm) -> pl.DataFrame:
    """Entries of shares that exercised options buy or sell at their strike, margin accounts' alone.

    Current market value is the total cost throughout the day of a purchase, 12 CFR 220.2, and a
    deficiency that a day's transactions create is called, 220.4(c)(1).
    """
    place, entered, _ = _trades(point, legs, firm)
    is_margin = firm.holdings.account_type[place] == REG_T
    return entry_frame(place, point, np.where(is_margin, entered, 0), BY_TRADE)


def _trades(
    point: int, effects: pl.DataFrame, firm: Firm
) -> tuple[Int64Array, Int64Array, np.ndarray]:
    """Account of each trade, its entry as of stock, and whether it is of something else."""
    place = firm.holdings.accounts.of(effects, "account_id")
    symbol = firm.symbols.of(effects, "symbol")
    quantity, price = effects["quantity"].to_numpy(), effects["price"].to_numpy()
    book = firm.holdings.book(sizes(firm.series))
    trades = Trades(
        held=firm.holdings.held_before(place, symbol, quantity),
        quantity=quantity,
        price=price,
        is_marginable=firm.series.is_marginable[symbol],
        calls=calls_against(book, firm.series, (place, symbol, price)),
    )
    is_other = (firm.series.kind[symbol] != SECURITY) | firm.series.is_ended[symbol]
    return place, trade_entries(trades, entry_rules(day_of(point))), is_other
