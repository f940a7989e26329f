"""House requirements: the overlays' add-ons, and what governs with them."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book import OPTION, Book, Int64Array, book_of
from margin_assets.kernels.compiled import OWNS
from margin_assets.kernels.eras import EPOCH, keys_of, under_its_rules
from margin_assets.kernels.figures import Figures
from margin_assets.kernels.mixed import Market, market_of
from margin_assets.kernels.money import MAX_POSITION, model_line, to_decimal, to_scaled, value_cents
from margin_assets.kernels.overlays import OverlayRules, house_addons, house_totals, overlay_rules
from margin_assets.kernels.revaluation import restrikes, revalue
from margin_assets.kernels.rules import Rules
from margin_assets.kernels.valuation import option_values


def house_requirements(positions: pl.DataFrame, accounts: pl.DataFrame) -> pl.DataFrame:
    """Add-ons of the house overlays that the day's rulebook switches on, one row a charge."""
    return under_its_rules(_house, positions, accounts)


def _house(positions: pl.DataFrame, accounts: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    book, series = book_of(positions, accounts, rules)
    overlays = overlays_of(accounts)
    if not overlays.enabled:
        return addons_of(positions.clear(), accounts.clear(), overlays)
    values = option_values(series, rules, np.zeros(0, dtype=np.int64))
    figures = revalue(book, series, rules, values)
    held = house_positions(positions, book, market_of(series, values))
    return addons_of(held, house_accounts(accounts, figures), overlays)


def overlays_of(accounts: pl.DataFrame) -> OverlayRules:
    """Overlay rules of the day that the rows are of."""
    days = accounts["as_of"].dt.date()
    return overlay_rules(days[0] if len(days) else EPOCH)


class Governed(NamedTuple):
    """Figures of accounts with what the house adds."""

    book: Book
    figures: Figures
    charge: Int64Array
    """Cents an account, already in what governs."""


def governed(
    positions: pl.DataFrame,
    accounts: pl.DataFrame,
    rules: Rules,
    overlays: OverlayRules | None = None,
) -> Governed:
    """Figures of every account of the frames, house add-ons included; by the day's overlays."""
    book, series = book_of(positions, accounts, rules)
    values = option_values(series, rules, restrikes(book, series))
    figures = revalue(book, series, rules, values)
    charging = overlays or overlays_of(accounts)
    charge = add_house((positions, accounts), figures, (book, market_of(series, values)), charging)
    return Governed(book, figures, charge)


def add_house(
    frames: tuple[pl.DataFrame, pl.DataFrame],
    figures: Figures,
    market: tuple[Book, Market],
    overlays: OverlayRules,
) -> Int64Array:
    """Add-ons of each account in cents, added to what governs today, held and struck again.

    `frames`: positions and accounts, of which book and market were made.
    """
    positions, accounts = frames
    if not overlays.enabled:
        return np.zeros(accounts.height, dtype=np.int64)
    held = house_positions(positions, *market)
    added = addons_of(held, house_accounts(accounts, figures), overlays)
    totals = house_totals(added, house_accounts(accounts, figures))
    charge = to_scaled(totals["house_requirement"] - totals["regulatory_requirement"])
    figures.governing[:] += charge
    figures.held[:] += charge[:, None]
    figures.restruck[:] += charge[:, None]
    return charge


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


def house_positions(positions: pl.DataFrame, book: Book, market: Market) -> pl.DataFrame:
    """Positions with issuer and delta value, as the overlays take them."""
    is_option = pl.Series(market.series.kind[book.series] == OPTION)
    delta, has_model = _delta_values(book, market)
    value = to_decimal(delta, 2).set(pl.Series(~has_model), None)
    return positions.with_columns(
        issuer=pl.coalesce("underlying", "symbol"),
        delta_value=pl.when(is_option).then(value).otherwise("market_value"),
        price=pl.when(is_option).then("underlying_price").otherwise("price"),
    )


@njit(**OWNS)
def _delta_values(book: Book, market: Market) -> tuple[Int64Array, np.ndarray]:
    series, values = market.series, market.values
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
