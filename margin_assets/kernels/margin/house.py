"""House requirements: the overlays' add-ons, and what governs with them."""

from collections.abc import Callable

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book.book import PORTFOLIO, Book
from margin_assets.kernels.book.delivered_terms import delivered_units
from margin_assets.kernels.book.eras import EPOCH, keys_of
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import BOND, OPTION, Series
from margin_assets.kernels.margin.portfolio_margin import PricedSeries
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import OWNS
from margin_assets.kernels.numeric.money import (
    MAX_POSITION,
    model_line,
    to_decimal,
    to_scaled,
    value_cents,
)
from margin_assets.kernels.overlays.overlays import house_addons, house_totals
from margin_assets.kernels.rules.overlay_rules import OverlayRules, overlay_rules
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.strategies.problems import own_lines, run_end


def overlays_of(accounts: pl.DataFrame) -> OverlayRules:
    """Overlay rules of the day that the rows are of."""
    days = accounts["as_of"].dt.date()
    return overlay_rules(days[0] if len(days) else EPOCH)


def house_charges(
    accounts: pl.DataFrame,
    figures: Figures,
    overlays: OverlayRules,
    positions: Callable[[], pl.DataFrame],
) -> Int64Array:
    """Add-ons of each account in cents; of `positions` only where an overlay is switched on."""
    if not overlays.enabled:
        return np.zeros(accounts.height, dtype=np.int64)
    required = house_accounts(accounts, figures)
    totals = house_totals(addons_of(positions(), required, overlays), required)
    return to_scaled(totals["house_requirement"] - totals["regulatory_requirement"])


def charge_house(figures: Figures, accounts: Int64Array | slice, charge: Int64Array) -> None:
    """Adds the house's charge (cents) to what governs accounts, by place; in place.

    What governs after a stress scenario is charged as much: an add-on is not struck again.
    """
    figures.governing[accounts] += charge
    figures.restruck[accounts] += charge[:, None]


def addons_of(held: pl.DataFrame, accounts: pl.DataFrame, overlays: OverlayRules) -> pl.DataFrame:
    """The add-ons; of no positions an empty table with the columns it always has."""
    if "delta_value" not in held.columns:
        held = held.with_columns(issuer=pl.col("symbol"), delta_value=pl.col("market_value"))
        zero = pl.lit(0).cast(pl.Decimal(38, 2))
        accounts = accounts.with_columns(equity=zero, regulatory_requirement=zero)
    return house_addons(held, accounts, overlays)


def house_accounts(accounts: pl.DataFrame, figures: Figures) -> pl.DataFrame:
    """Accounts with net liquidation and the regulatory requirement, as the overlays take them."""
    return keys_of(accounts, "account_id", "account_type", "as_of").with_columns(
        equity=to_decimal(figures.net_liquidation, 2),
        regulatory_requirement=to_decimal(figures.governing, 2),
    )


def house_positions(
    positions: pl.DataFrame, book: Book, priced: PricedSeries, rules: Rules
) -> pl.DataFrame:
    """Positions with issuer, delta value and own requirement, as the overlays take them."""
    own, has_own = _own_requirements(book, priced.series, rules)
    is_option = pl.Series(priced.series.kind[book.series] == OPTION)
    delta, has_model = _delta_values(book, priced)
    value = to_decimal(delta, 2, ~has_model)
    return positions.with_columns(
        issuer=pl.coalesce("underlying", "symbol"),
        delta_value=pl.when(is_option).then(value).otherwise("market_value"),
        price=pl.when(is_option).then("underlying_price").otherwise("price"),
        multiplier=delivered_units(positions),
        requirement=to_decimal(own, 2, ~has_own),
    )


@njit(**OWNS)
def _own_requirements(book: Book, series: Series, rules: Rules) -> tuple[Int64Array, np.ndarray]:
    """Line of each position in its account's requirement, cents, and whether it has one.

    None has what stands in a group with options or with its other side, nor what a portfolio
    margin account holds.
    """
    own = np.zeros(len(book.series), dtype=np.int64)
    has_own = np.zeros(len(book.series), dtype=np.bool_)
    for a in range(len(book.cash)):
        i, end = book.offsets[a], book.offsets[a + 1]
        while i < end:
            after, _, _, is_grouped = run_end(book, series, i, end)
            while i < after:
                line, _ = own_lines(book, series, rules, a, i)
                is_alone = not is_grouped or series.kind[book.series[i]] == BOND
                if is_alone and book.account_type[a] != PORTFOLIO:
                    own[i], has_own[i] = line, True
                i += 1
    return own, has_own


@njit(**OWNS)
def _delta_values(book: Book, priced: PricedSeries) -> tuple[Int64Array, np.ndarray]:
    series, values = priced.series, priced.values
    found = np.zeros(len(book.series), dtype=np.int64)
    has_model = np.zeros(len(book.series), dtype=np.bool_)
    for i in range(len(book.series)):
        s = book.series[i]
        if series.kind[s] == OPTION and abs(book.quantity[i]) <= MAX_POSITION:
            slot = values.slot[s]
            shares = value_cents(book.quantity[i], series.underlying_price[s])
            found[i] = model_line(shares, values.delta[slot])
            has_model[i] = not values.scan_bound[slot]
    return found, has_model
