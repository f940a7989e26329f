"""What the model takes of option series, and what their quotes imply: volatilities and states."""

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.book import Book, book_of
from margin_assets.kernels.book.series import OPTION, USABLE, Series
from margin_assets.kernels.book.states import (
    NO_RATE,
    NO_UNDERLYING_PRICE,
    QUOTE_BELOW_BOUND,
    QUOTE_OUT_OF_BOUNDS,
)
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.options.implied import BELOW_BOUND, implied_volatilities
from margin_assets.kernels.options.option_terms import Contracts
from margin_assets.kernels.rules.expiry import DAY_HOURS
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.positions import bare_accounts, held_terms, with_marks

_HALF_A_CENT = 0.005
"""Quotes are in cents: one so little below what an option is worth at least is worth that."""


def quote_states(series: Series) -> npt.NDArray[np.int32]:
    """Named states of what an option's model needs; 0 for what is no option."""
    is_option = series.kind == OPTION
    no_spot = series.underlying_state > USABLE
    no_rate = np.isnan(series.rate)
    is_priced = series.price_state <= USABLE
    is_quote = is_priced & ~no_spot & ~no_rate
    states = np.where(no_spot, NO_UNDERLYING_PRICE, 0) | np.where(no_rate, NO_RATE, 0)
    is_out = is_quote & np.isnan(series.implied_volatility)
    states |= np.where(is_out, QUOTE_OUT_OF_BOUNDS, 0)
    states |= np.where(is_quote & (series.implied_volatility == 0.0), QUOTE_BELOW_BOUND, 0)
    return np.where(is_option, states, 0).astype(np.int32)


def implied_of(series: Series, chosen: Int64Array, rules: Rules) -> npt.NDArray[np.float64]:
    """Implied volatility of some option series at their last prices; NaN where there is none.

    0 where the price is below the least that the option is worth.
    """
    found = np.full(len(chosen), np.nan)
    usable = (
        (series.kind[chosen] == OPTION)
        & (series.price_state[chosen] <= USABLE)
        & (series.underlying_state[chosen] <= USABLE)
        & ~np.isnan(series.rate[chosen])
    )
    for rounded in (0.0, _HALF_A_CENT):
        missing = usable & np.isnan(found)
        some = chosen[missing]
        if len(some):
            price = (series.price[some] / MICRO + rounded) / delivered_share(series, some)
            spot, contracts = contracts_of(series, some, rules)
            volatility, state = implied_volatilities(price, spot, contracts)
            is_below = (state == BELOW_BOUND) & (rounded > 0.0)
            found[missing] = np.where(is_below, 0.0, volatility)
    return found


def quoted_positions(
    holdings: pl.DataFrame,
    terms: pl.DataFrame,
    rules: Rules,
    at: int,
    accounts: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, Book, Series]:
    """Positions as `marked_positions` has them, and what their quotes imply at an instant.

    With them the book and series that they were marked by; it has the facts of `accounts`, one
    row an account in order, where they are given.
    """
    unsolved = terms.with_columns(implied_volatility=pl.lit(None, dtype=pl.Float64))
    held = held_terms(holdings, unsolved, at)
    book, series = book_of(held, bare_accounts(held) if accounts is None else accounts, rules)
    options = np.flatnonzero(series.kind == OPTION)
    if len(options):
        volatility = np.full(len(series.kind), np.nan)
        volatility[options] = implied_of(series, options, rules)
        series = series._replace(implied_volatility=volatility)
        told = pl.Series(volatility[book.series]).fill_nan(None)
        held = held.with_columns(implied_volatility=told)
    return with_marks(held, book, series, rules), book, series


def contracts_of(series: Series, some: Int64Array, rules: Rules) -> tuple[FloatArray, Contracts]:
    """Underlyings' prices of some option series, dollars, and terms as the model takes them."""
    return series.underlying_price[some] / MICRO, Contracts(
        series.strike[some] / MICRO,
        series.hours_left[some] / (DAY_HOURS * rules.days_a_year),
        series.rate[some],
        series.dividend_yield[some],
        series.is_call[some],
        series.is_american[some],
    )


def delivered_share(series: Series, options: Int64Array) -> FloatArray:
    """Units of the underlying that a unit which is quoted delivers."""
    share: FloatArray = series.delivered[options] / series.multiplier[options]
    return share
