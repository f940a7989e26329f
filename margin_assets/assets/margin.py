"""Margin assets by business date: each one a sentence over a kernel.

Dagster resolves annotations when an asset is built, so this module must not use
`from __future__ import annotations`.
"""

from collections.abc import Callable

import dagster as dg
import polars as pl

from margin_assets.assets.declared import ENGINE, daily_asset
from margin_assets.assets.partitions import closes
from margin_assets.assets.sharded import Kernel, over_accounts
from margin_assets.calendar import calendar, sessions
from margin_assets.kernels.book.deciding import without_values
from margin_assets.kernels.book.delivered_terms import as_listed
from margin_assets.kernels.corporate.actions import register_of
from margin_assets.kernels.corporate.carried import Traded
from margin_assets.kernels.corporate.contracts import Told, delivered_at
from margin_assets.kernels.firm_risk import tables as firm_tables
from margin_assets.kernels.history import history
from margin_assets.kernels.history.accrued import with_accrued
from margin_assets.kernels.history.breaks import breaks_at
from margin_assets.kernels.history.pattern_history import pattern_day_traders_at
from margin_assets.kernels.history.recorded import Known
from margin_assets.kernels.history.sma_history import memoranda_at
from margin_assets.kernels.margin.tables import OVER_ACCOUNTS
from margin_assets.kernels.rules.timelines import Calendar


def margined_asset(name: str, kernel: Kernel) -> dg.AssetsDefinition:
    """Daily asset over positions and accounts, which the live cycle margins once for all."""

    def computed(  # noqa: PLR0913 (an argument a table)
        context: dg.AssetExecutionContext,
        positions: pl.LazyFrame,
        account_state: pl.LazyFrame,
        accrued_dividends: pl.LazyFrame,
        instruments: pl.LazyFrame,
        corporate_actions: pl.LazyFrame,
        option_adjustments: pl.LazyFrame,
    ) -> pl.DataFrame:
        accounts = with_accrued(*pl.collect_all([account_state, accrued_dividends]))
        told = instruments, corporate_actions, option_adjustments
        held = delivered(positions.collect(), *told), accounts
        return over_accounts(context.resources.engine.engine(), kernel, held)

    return daily_asset(name, needs=(ENGINE,))(computed)


FirmKernel = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""Positions, accounts, summary and stress in; rows of the firm out."""
LandedKernel = Callable[[history.Landed, history.Booked, pl.DataFrame, Calendar], pl.DataFrame]
"""Everything landed, and business dates with their closes, in; rows of these dates out."""
_MARKS = history.Landed._fields
_ACCOUNTS = ("cash_movements", "accounts")
_BOOKS = ("corporate_actions", "opening_balances", "settlements")


def everything_landed(
    tables: dict[str, pl.LazyFrame],
) -> tuple[history.Landed, history.Booked, dict[str, pl.DataFrame]]:
    """Landed tables as the kernels of history take them, and all of them by name."""
    rows = dict(zip(tables, pl.collect_all(tables.values()), strict=True))
    landed = history.Landed(*(rows[name] for name in _MARKS))
    movements, accounts = (rows[name] for name in _ACCOUNTS)
    books = (rows[name] for name in (*_BOOKS, "accrued_dividends"))
    booked = history.Booked(landed.fills, movements, accounts, landed.instruments, *books)
    return landed, booked, rows


def landed_asset(name: str, kernel: LandedKernel) -> dg.AssetsDefinition:
    """Daily asset over everything landed: of what has a path that is walked from its beginning."""

    def computed(context: dg.AssetExecutionContext, **tables: pl.LazyFrame) -> pl.DataFrame:
        landed, booked, _ = everything_landed(tables)
        return kernel(landed, booked, closes(context.partition_keys), calendar())

    return daily_asset(name, (*_MARKS, *_ACCOUNTS, "accrued_dividends"))(computed)


def delivered(positions: pl.DataFrame, *told: pl.LazyFrame) -> pl.DataFrame:
    """Positions with what adjusted contracts deliver; `told` as the fields of `Told`."""
    return delivered_at(positions, Told(*pl.collect_all(told)), sessions().opens)


def over_firm(
    account_state: pl.LazyFrame, accrued: pl.LazyFrame, *tables: pl.LazyFrame
) -> list[pl.DataFrame]:
    """Accounts with their accrued dividends, then the tables, in memory."""
    accounts, owed, *rest = pl.collect_all([account_state, accrued, *tables])
    return [with_accrued(accounts, owed), *rest]


@daily_asset("positions")
def positions(  # noqa: PLR0913 (an argument a table)
    context: dg.AssetExecutionContext,
    fills: pl.LazyFrame,
    instruments: pl.LazyFrame,
    prices: pl.LazyFrame,
    betas: pl.LazyFrame,
    rates: pl.LazyFrame,
    volatilities: pl.LazyFrame,
    corporate_actions: pl.LazyFrame,
    opening_balances: pl.LazyFrame,
    settlements: pl.LazyFrame,
    option_adjustments: pl.LazyFrame,
) -> pl.DataFrame:
    """Positions at the close, trade date, each with the mark that values it."""
    marks = (fills, instruments, prices, betas, rates, volatilities)
    books = (corporate_actions, opening_balances, settlements, option_adjustments)
    landed = history.Landed(*pl.collect_all([*marks, *books]))
    at = history.positions_at(landed, closes(context.partition_keys), sessions().times)
    return without_values(as_listed(at))


@daily_asset("account_state")
def account_state(  # noqa: PLR0913 (an argument a table)
    context: dg.AssetExecutionContext,
    fills: pl.LazyFrame,
    cash_movements: pl.LazyFrame,
    accounts: pl.LazyFrame,
    instruments: pl.LazyFrame,
    corporate_actions: pl.LazyFrame,
    opening_balances: pl.LazyFrame,
    settlements: pl.LazyFrame,
) -> pl.DataFrame:
    """Type and cash of every account at the close."""
    books = (corporate_actions, opening_balances, settlements)
    tables = (fills, cash_movements, accounts, instruments, *books)
    booked = history.Booked(*pl.collect_all(tables))
    return history.account_state_at(booked, closes(context.partition_keys), sessions().times)


def firm_asset(name: str, kernel: FirmKernel) -> dg.AssetsDefinition:
    """Daily asset over the whole firm, from what its accounts come to in each scenario."""

    def computed(  # noqa: PLR0913 (an argument a table)
        positions: pl.LazyFrame,
        account_state: pl.LazyFrame,
        accrued_dividends: pl.LazyFrame,
        margin_summary: pl.LazyFrame,
        stress_results: pl.LazyFrame,
        instruments: pl.LazyFrame,
        corporate_actions: pl.LazyFrame,
        option_adjustments: pl.LazyFrame,
    ) -> pl.DataFrame:
        held = delivered(positions.collect(), instruments, corporate_actions, option_adjustments)
        accounts = (account_state, accrued_dividends)
        return kernel(held, *over_firm(*accounts, margin_summary, stress_results))

    return daily_asset(name)(computed)


@daily_asset("firm_concentrations")
def firm_concentrations(  # noqa: PLR0913 (an argument a table)
    positions: pl.LazyFrame,
    account_state: pl.LazyFrame,
    accrued_dividends: pl.LazyFrame,
    volumes: pl.LazyFrame,
    instruments: pl.LazyFrame,
    corporate_actions: pl.LazyFrame,
    option_adjustments: pl.LazyFrame,
) -> pl.DataFrame:
    """Names and issuers that lose most at the firm's worst scenario, and how they trade."""
    held, state = pl.collect_all([positions, account_state])
    accounts = with_accrued(state, accrued_dividends.collect())
    adjusted = delivered(held, instruments, corporate_actions, option_adjustments)
    register = register_of(corporate_actions.collect(), sessions().opens)
    traded = Traded(volumes.collect(), register)
    return firm_tables.firm_concentrations_at(adjusted, accounts, traded)


OVER_FIRM: dict[str, FirmKernel] = {
    "credit_exposures": firm_tables.credit_exposures_at,
    "firm_risk": firm_tables.firm_risk_at,
}
WALKED: dict[str, LandedKernel] = {
    "special_memorandum_accounts": memoranda_at,
    "pattern_day_traders": pattern_day_traders_at,
}


@daily_asset("breaks", (*_MARKS, *_ACCOUNTS, "accrued_dividends", "stock_record"))
def breaks(context: dg.AssetExecutionContext, **tables: pl.LazyFrame) -> pl.DataFrame:
    """Where the firm's own books and ours differ at the close; nothing is changed by it."""
    landed, booked, beside = everything_landed(tables)
    known = Known(landed, booked, beside["stock_record"], calendar())
    return breaks_at(known, closes(context.partition_keys))


DAILY_ASSETS = (
    positions,
    account_state,
    *(landed_asset(name, kernel) for name, kernel in WALKED.items()),
    *(margined_asset(name, kernel) for name, kernel in OVER_ACCOUNTS.items()),
    breaks,
    firm_concentrations,
    *(firm_asset(name, kernel) for name, kernel in OVER_FIRM.items()),
)
