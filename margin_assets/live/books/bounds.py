"""Accounts on the bounds of unusable prices: which of them these bounds alone would liquidate."""

from copy import copy

import numpy as np
import polars as pl

from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import STALE, USABLE
from margin_assets.kernels.book.states import UNPRICED
from margin_assets.kernels.enforcement.liquidation import liquidated
from margin_assets.kernels.enforcement.rungs import Ladder
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instant
from margin_assets.kernels.options.quotes import implied_of
from margin_assets.kernels.rules.grid import rules_at
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.positions import marked_positions
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market


def spared(
    market: Market,
    holdings: Holdings,
    ladder: Ladder,
    figures: Figures,
    at: tuple[int, Int64Array],
) -> Int64Array:
    """Which of the accounts evaluated at a grid point are not liquidated, though figures say so.

    Calls and restrictions rest on bounds; a liquidation only if it would be with each unusable
    price at its last known value too.
    """
    point, accounts = at
    rules = rules_at(point)
    on_bounds = accounts[figures.states[accounts] & UNPRICED != 0]
    due = liquidated(figures, rules, ladder, (point, on_bounds))
    if not len(due):
        return due
    place = holdings.by_id(due)
    chosen = holdings.account_state(place).with_columns(as_of=instant(point))
    held = holdings.holdings(market.symbols, due)
    positions = marked_positions(held, terms_at_last_known(market, point, rules), rules, point)
    known = Margined(positions, chosen, rules).governed.figures
    its = Ladder._make(column[place] for column in ladder)
    still = liquidated(known, rules, its, (point, np.arange(len(place), dtype=np.int64)))
    return np.delete(place, still)


def terms_at_last_known(market: Market, at: int, rules: Rules) -> pl.DataFrame:
    """The market's terms with each unusable price at its last known value.

    That is the last price, however old, or the last fill's where there never was a price. What
    never had either stays without.
    """
    view, prices = copy(market), market.prices
    is_priced = prices.time >= 0
    known = (prices.state > USABLE) & (is_priced | (prices.fills.time >= 0))
    view.prices = copy(prices)
    view.prices.price = np.where(known & ~is_priced, prices.fills.price, prices.price)
    view.prices.time = np.where(known & ~is_priced, prices.fills.time, prices.time)
    view.prices.state = np.where(known, STALE, prices.state).astype(np.int8)
    changed = view.with_options(np.flatnonzero(known))
    options = changed[market.underlying[changed] >= 0]
    view.implied_volatility = market.implied_volatility.copy()
    view.implied_volatility[options] = implied_of(view.series(at, rules), options, rules)
    return view.terms(at)
