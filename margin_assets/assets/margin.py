"""Margin assets by business date: each one a sentence over a kernel.

Dagster resolves annotations when an asset is built, so this module must not use
`from __future__ import annotations`.
"""

from collections.abc import Callable
from typing import Any

import dagster as dg
import polars as pl

from margin_assets.assets.declared import daily_asset
from margin_assets.assets.partitions import calendar, closes
from margin_assets.calendar import sessions
from margin_assets.kernels import history, house, reg_t_groups, requirements, sma_history


@daily_asset
def positions(  # noqa: PLR0913 (an argument a table)
    context: dg.AssetExecutionContext,
    fills: pl.LazyFrame,
    instruments: pl.LazyFrame,
    prices: pl.LazyFrame,
    betas: pl.LazyFrame,
    rates: pl.LazyFrame,
    volatilities: pl.LazyFrame,
) -> pl.DataFrame:
    """Positions at the close, trade date, each with the mark that values it."""
    tables = (fills, instruments, prices, betas, rates, volatilities)
    landed = history.Landed(*pl.collect_all(tables))
    return history.positions_at(landed, closes(context.partition_keys), sessions().opens)


@daily_asset
def account_state(
    context: dg.AssetExecutionContext,
    fills: pl.LazyFrame,
    cash_movements: pl.LazyFrame,
    accounts: pl.LazyFrame,
    instruments: pl.LazyFrame,
) -> pl.DataFrame:
    """Type and cash of every account at the close."""
    booked = history.Booked(*pl.collect_all([fills, cash_movements, accounts, instruments]))
    return history.account_state_at(booked, closes(context.partition_keys))


@daily_asset
def special_memorandum_accounts(  # noqa: PLR0913 (an argument a table)
    context: dg.AssetExecutionContext,
    fills: pl.LazyFrame,
    instruments: pl.LazyFrame,
    prices: pl.LazyFrame,
    betas: pl.LazyFrame,
    rates: pl.LazyFrame,
    volatilities: pl.LazyFrame,
    cash_movements: pl.LazyFrame,
    accounts: pl.LazyFrame,
) -> pl.DataFrame:
    """Special memorandum account of every margin account at the close, by its whole path."""
    tables = (fills, instruments, prices, betas, rates, volatilities, cash_movements, accounts)
    *marks, movements, kinds = pl.collect_all(tables)
    landed = history.Landed(*marks)
    booked = history.Booked(landed.fills, movements, kinds, landed.instruments)
    return sma_history.memoranda_at(landed, booked, closes(context.partition_keys), calendar())


@daily_asset
def reg_t_requirements(positions: pl.LazyFrame, account_state: pl.LazyFrame) -> pl.DataFrame:
    """Groups of least requirement under FINRA 4210 and Regulation T, options included."""
    return reg_t_groups.reg_t_requirements(positions.collect(), account_state.collect())


@daily_asset
def tims_requirements(positions: pl.LazyFrame, account_state: pl.LazyFrame) -> pl.DataFrame:
    """P&L of each account's class groups at the ten valuation points of FINRA 4210(g)."""
    return requirements.tims_requirements(positions.collect(), account_state.collect())


@daily_asset
def house_requirements(positions: pl.LazyFrame, account_state: pl.LazyFrame) -> pl.DataFrame:
    """Add-ons of the house overlays that are switched on, one row a charge."""
    return house.house_requirements(positions.collect(), account_state.collect())


@daily_asset
def stress_results(positions: pl.LazyFrame, account_state: pl.LazyFrame) -> pl.DataFrame:
    """Beta-weighted SPY stress of each account, requirement held and struck again."""
    return requirements.stress_results(positions.collect(), account_state.collect())


@daily_asset
def margin_summary(positions: pl.LazyFrame, account_state: pl.LazyFrame) -> pl.DataFrame:
    """Reg T against portfolio margin of each account, and what governs it."""
    return requirements.margin_summary(positions.collect(), account_state.collect())


@daily_asset
def firm_risk(margin_summary: pl.LazyFrame, stress_results: pl.LazyFrame) -> pl.DataFrame:
    """Each SPY scenario over the whole firm."""
    return requirements.firm_risk(margin_summary.collect(), stress_results.collect())


DAILY_ASSETS = (
    positions,
    account_state,
    special_memorandum_accounts,
    reg_t_requirements,
    tims_requirements,
    house_requirements,
    stress_results,
    margin_summary,
    firm_risk,
)
# The firm is summed from all accounts, of which a live cycle shapes the tables of some.
_WALKED = DAILY_ASSETS[3:-1]


def undecorated(asset: dg.AssetsDefinition) -> Callable[..., pl.DataFrame]:
    """The plain function behind an asset: what the live session calls."""
    compute: Any = asset.op.compute_fn
    function: Callable[..., pl.DataFrame] = compute.decorated_fn
    return function


def walk(positions: pl.DataFrame, account_state: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Walks the graph of the accounts' tables in memory, in topological order."""
    frames = {"positions": positions.lazy(), "account_state": account_state.lazy()}
    for asset in _WALKED:
        name = asset.key.path[-1]
        inputs = {key.path[-1]: frames[key.path[-1]] for key in asset.keys_by_input_name.values()}
        frames[name] = undecorated(asset)(**inputs).lazy()
    return {name: frames[name].collect() for name in (a.key.path[-1] for a in _WALKED)}
