"""Positions and cash at past instants, recomputed from everything landed."""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book import Int64Array
from margin_assets.kernels.fills import history_effects
from margin_assets.kernels.money import BEYOND, instants, to_decimal, to_instants, to_scaled
from margin_assets.kernels.positions import marked_positions
from margin_assets.kernels.rules import benchmark, rules_in_force
from margin_assets.kernels.terms import (
    first_instant,
    instrument_terms,
    latest,
    marked_terms,
    with_price_states,
)


class Landed(NamedTuple):
    """Landed tables in landing order."""

    fills: pl.DataFrame
    instruments: pl.DataFrame
    prices: pl.DataFrame
    betas: pl.DataFrame


def positions_at(landed: Landed, closes: pl.DataFrame, opens: Int64Array) -> pl.DataFrame:
    """Positions at each business date's close (`as_of`, microseconds), by trade date."""
    effects = history_effects(landed.fills)
    betas = landed.betas.with_columns(event_time=first_instant(landed.betas["as_of_date"]))
    dated = landed._replace(betas=betas)
    days = [
        _positions(dated, effects, at, opens).select(
            pl.lit(day, pl.Date).alias("business_date"), pl.all()
        )
        for day, at in closes.iter_rows()
    ]
    return pl.concat(days)


def _positions(landed: Landed, effects: pl.DataFrame, at: int, opens: Int64Array) -> pl.DataFrame:
    day = day_of(at)
    rules = rules_in_force(day)
    holdings = _holdings(effects.filter(pl.col("point") <= at))
    terms = marked_terms(
        instrument_terms(
            holdings["symbol"].unique().sort(), latest(landed.instruments, "symbol", at)
        ),
        latest(landed.prices, "symbol", at),
        latest(landed.betas, "symbol", at),
        benchmark(day),
    )
    return marked_positions(holdings, with_price_states(terms, at, opens, rules), rules, at)


def _holdings(effects: pl.DataFrame) -> pl.DataFrame:
    """What each account holds after some effects; flat positions are gone."""
    held = (
        effects.group_by("account_id", "symbol", maintain_order=True)
        .agg(_exact("quantity"), pl.col("price").last())
        .filter(pl.col("quantity") != 0)
    )
    return held.select(
        "account_id",
        "symbol",
        quantity=to_decimal(held["quantity"].to_numpy(), 6),
        last_fill_price=to_decimal(held["price"].to_numpy(), 6),
    )


def account_state_at(
    fills: pl.DataFrame, movements: pl.DataFrame, accounts: pl.DataFrame, closes: pl.DataFrame
) -> pl.DataFrame:
    """Type and cash of every account at each close: movements plus what fills moved."""
    moved = pl.concat(
        [
            movements.select(
                "account_id",
                point=pl.Series(instants(movements["event_time"])),
                cash=pl.Series(to_scaled(movements["amount"])),
            ),
            history_effects(fills).select("account_id", "point", "cash"),
        ]
    )
    days = [
        _account_state(moved, accounts, at).select(
            pl.lit(day, pl.Date).alias("business_date"), pl.all()
        )
        for day, at in closes.iter_rows()
    ]
    return pl.concat(days)


def _account_state(moved: pl.DataFrame, accounts: pl.DataFrame, at: int) -> pl.DataFrame:
    totals = moved.filter(pl.col("point") <= at).group_by("account_id").agg(_exact("cash"))
    types = latest(accounts, "account_id", at).select("account_id", "account_type")
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


def _exact(name: str) -> pl.Expr:
    """Sum that cannot wrap; beyond all bounds it is `BEYOND`, which no rule takes for an amount."""
    return pl.col(name).cast(pl.Int128).sum().clip(-BEYOND, BEYOND).cast(pl.Int64)


def day_of(at: int) -> date:
    """UTC day of an instant: its rulebooks are in force."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + at // 86_400_000_000)
