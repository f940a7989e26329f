"""Margin assets by business date: each one a sentence over a kernel.

Dagster resolves annotations when an asset is built, so this module must not use
`from __future__ import annotations`.
"""

from collections.abc import Callable

import dagster as dg
import polars as pl

from margin_assets.assets.declared import daily_asset
from margin_assets.assets.partitions import calendar, closes
from margin_assets.calendar import sessions
from margin_assets.kernels.history import history, pattern_history, sma_history
from margin_assets.kernels.margin import reg_t_groups, requirements
from margin_assets.kernels.margin.margined import Eras, margined


def margined_asset(function: Callable[[Eras], pl.DataFrame]) -> dg.AssetsDefinition:
    """Daily asset over positions and accounts, which the live walk margins once for all."""

    def computed(positions: pl.LazyFrame, account_state: pl.LazyFrame) -> pl.DataFrame:
        return function(margined(positions.collect(), account_state.collect()))

    computed.__name__, computed.__doc__ = function.__name__, function.__doc__
    _OF_ERAS[function.__name__] = function
    return daily_asset(computed)


LandedKernel = Callable[[history.Landed, history.Booked, pl.DataFrame], pl.DataFrame]
"""Everything landed, and business dates with their closes, in; rows of these dates out."""
_MARKS = history.Landed._fields
_ACCOUNTS = ("cash_movements", "accounts")


def landed_asset(function: LandedKernel) -> dg.AssetsDefinition:
    """Daily asset over everything landed: of what has a path that is walked from its beginning."""

    def computed(context: dg.AssetExecutionContext, **tables: pl.LazyFrame) -> pl.DataFrame:
        names = (*_MARKS, *_ACCOUNTS)
        rows = dict(zip(names, pl.collect_all([tables[n] for n in names]), strict=True))
        landed = history.Landed(*(rows[name] for name in _MARKS))
        movements, accounts = (rows[name] for name in _ACCOUNTS)
        booked = history.Booked(landed.fills, movements, accounts, landed.instruments)
        return function(landed, booked, closes(context.partition_keys))

    computed.__name__, computed.__doc__ = function.__name__, function.__doc__
    return daily_asset(computed, (*_MARKS, *_ACCOUNTS))


_OF_ERAS: dict[str, Callable[[Eras], pl.DataFrame]] = {}


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
    return history.positions_at(landed, closes(context.partition_keys), sessions().times)


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


@landed_asset
def special_memorandum_accounts(
    landed: history.Landed, booked: history.Booked, dates: pl.DataFrame
) -> pl.DataFrame:
    """Special memorandum account of every margin account at the close, by its whole path."""
    return sma_history.memoranda_at(landed, booked, dates, calendar())


@landed_asset
def pattern_day_traders(
    landed: history.Landed, booked: history.Booked, dates: pl.DataFrame
) -> pl.DataFrame:
    """Day trading of margin accounts under the rule before intraday margin, at the day's end."""
    days = dates["business_date"].to_list()
    return pattern_history.pattern_day_traders_at(landed, booked, days, calendar())


@margined_asset
def reg_t_requirements(eras: Eras) -> pl.DataFrame:
    """Groups of least requirement under FINRA 4210 and Regulation T, options included."""
    return reg_t_groups.reg_t_requirements(eras)


@margined_asset
def tims_requirements(eras: Eras) -> pl.DataFrame:
    """P&L of each account's class groups at the ten valuation points of FINRA 4210(g)."""
    return requirements.tims_requirements(eras)


@margined_asset
def house_requirements(eras: Eras) -> pl.DataFrame:
    """Add-ons of the house overlays that are switched on, one row a charge."""
    return requirements.house_requirements(eras)


@margined_asset
def stress_results(eras: Eras) -> pl.DataFrame:
    """Beta-weighted SPY stress of each account, requirement held and struck again."""
    return requirements.stress_results(eras)


@margined_asset
def margin_summary(eras: Eras) -> pl.DataFrame:
    """Reg T against portfolio margin of each account, and what governs it."""
    return requirements.margin_summary(eras)


@daily_asset
def firm_risk(margin_summary: pl.LazyFrame, stress_results: pl.LazyFrame) -> pl.DataFrame:
    """Each SPY scenario over the whole firm."""
    return requirements.firm_risk(margin_summary.collect(), stress_results.collect())


DAILY_ASSETS = (
    positions,
    account_state,
    special_memorandum_accounts,
    pattern_day_traders,
    reg_t_requirements,
    tims_requirements,
    house_requirements,
    stress_results,
    margin_summary,
    firm_risk,
)


def walk(positions: pl.DataFrame, account_state: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Tables over positions and accounts, which are margined once."""
    eras = margined(positions, account_state)
    return {name: function(eras) for name, function in _OF_ERAS.items()}
