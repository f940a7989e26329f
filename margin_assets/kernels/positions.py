"""Positions and cash: from what was filled and moved to what is held, marked."""

from typing import NamedTuple

import numpy as np
import polars as pl
from numba import njit

from margin_assets.kernels.book import Book, Int64Array, Series, book_of
from margin_assets.kernels.fills import history_effects
from margin_assets.kernels.lines import mark_price
from margin_assets.kernels.money import instants, to_decimal, to_instants, to_scaled, value_cents
from margin_assets.kernels.rules import Rules, benchmark, rules_in_force
from margin_assets.kernels.terms import (
    first_instant,
    instrument_terms,
    latest,
    marked_terms,
    with_price_states,
)

HOLDING = ("account_id", "symbol", "quantity", "last_fill_price")


class Landed(NamedTuple):
    """Landed tables in landing order, as an asset reads them."""

    fills: pl.DataFrame
    cash_movements: pl.DataFrame
    accounts: pl.DataFrame
    instruments: pl.DataFrame
    prices: pl.DataFrame
    betas: pl.DataFrame


def marked_positions(
    holdings: pl.DataFrame, terms: pl.DataFrame, rules: Rules, as_of: int
) -> pl.DataFrame:
    """Positions with their mark and value, sorted by account, class group and symbol.

    `holdings`: account, symbol, quantity, last fill price; flat ones must be gone. `terms`: one
    row a symbol. A long position without a usable price is worth 0; a short one is carried at
    the raised last price.
    """
    joined = holdings.join(terms, on="symbol", how="left", validate="m:1").sort(
        "account_id", "class_group", "symbol"
    )
    book, series = book_of(joined, _bare_accounts(joined))
    price, value = _mark(book, series, rules)
    return joined.with_columns(
        price=to_decimal(price, 6).set(pl.Series(price == 0), None),
        market_value=to_decimal(value, 2),
        as_of=to_instants(np.full(joined.height, as_of, dtype=np.int64)),
    )


def _bare_accounts(positions: pl.DataFrame) -> pl.DataFrame:
    ids = positions.select("account_id").unique(maintain_order=True)
    return ids.with_columns(
        account_type=pl.lit("reg_t"),
        is_registered=pl.lit(value=True),
        cash=pl.lit(0).cast(pl.Decimal(38, 2)),
    )


@njit(cache=True)
def _mark(book: Book, series: Series, rules: Rules) -> tuple[Int64Array, Int64Array]:
    price = np.empty(len(book.series), dtype=np.int64)
    value = np.empty(len(book.series), dtype=np.int64)
    for i in range(len(book.series)):
        price[i] = mark_price(book, series, rules, i)
        value[i] = value_cents(book.quantity[i], price[i])
    return price, value


def holdings_at(fills: pl.DataFrame, at: int) -> pl.DataFrame:
    """What each account holds at an instant, by trade date; flat positions are gone."""
    effects = history_effects(fills).filter(pl.col("point") <= at)
    held = (
        effects.group_by("account_id", "symbol", maintain_order=True)
        .agg(pl.col("quantity").sum(), pl.col("price").last())
        .filter(pl.col("quantity") != 0)
    )
    return held.select(
        "account_id",
        "symbol",
        quantity=to_decimal(held["quantity"].to_numpy(), 6),
        last_fill_price=to_decimal(held["price"].to_numpy(), 6),
    )


def positions_at(landed: Landed, at: int, opens: Int64Array) -> pl.DataFrame:
    """Positions at an instant (microseconds), recomputed from everything landed."""
    day = to_instants(np.array([at], dtype=np.int64)).dt.date().item()
    rules = rules_in_force(day)
    holdings = holdings_at(landed.fills, at)
    instruments = latest(landed.instruments, "symbol", at)
    betas = landed.betas.with_columns(event_time=first_instant(landed.betas["as_of_date"]))
    terms = marked_terms(
        instrument_terms(holdings["symbol"].unique().sort(), instruments),
        latest(landed.prices, "symbol", at),
        latest(betas, "symbol", at),
        benchmark(day),
    )
    return marked_positions(holdings, with_price_states(terms, at, opens, rules), rules, at)


def account_state_at(landed: Landed, at: int) -> pl.DataFrame:
    """Type and cash of every account at an instant: movements plus what fills moved."""
    moved = landed.cash_movements.filter(pl.Series(instants_up_to(landed.cash_movements, at)))
    effects = history_effects(landed.fills).filter(pl.col("point") <= at)
    cash = pl.concat(
        [
            moved.select("account_id", cash=pl.Series(to_scaled(moved["amount"]))),
            effects.select("account_id", "cash"),
        ]
    )
    totals = cash.group_by("account_id").agg(pl.col("cash").sum())
    types = latest(landed.accounts, "account_id", at).select("account_id", "account_type")
    state = totals.join(types, on="account_id", how="full", coalesce=True, validate="1:1").sort(
        "account_id"
    )
    return state.select(
        "account_id",
        pl.col("account_type").fill_null("reg_t"),
        is_registered=pl.col("account_type").is_not_null(),
        cash=to_decimal(state["cash"].fill_null(0).to_numpy(), 2),
        as_of=to_instants(np.full(state.height, at, dtype=np.int64)),
    )


def instants_up_to(frame: pl.DataFrame, at: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which rows have an event time at or before an instant (microseconds)."""
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]] = instants(frame["event_time"]) <= at
    return chosen
