"""Every table of the lake, declared once: schema, write mode, order, retention, place in the UI."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import dataframely as dy
import polars as pl

from schemas import (
    audit,
    backtest,
    books,
    columns,
    contracts,
    firm,
    house,
    intraday,
    landed,
    margin,
    reg_t,
    settlement,
    stock_record,
)
from schemas.avalanche import answers, by_hour, results
from schemas.desk import acts, calls, liquidation, notifications
from schemas.rates import feeds as rates
from schemas.rates import results as rates_results


class Mode(StrEnum):
    """How a table is written."""

    APPEND = "append"
    """Rows are added and never rewritten; Delta refuses anything else."""
    STATE = "state"
    """The current state, replaced where it changed."""


@dataclass(frozen=True)
class Table:
    """One table: its schema, and what storage and orchestration need to know of it."""

    name: str
    schema: type[dy.Schema]
    mode: Mode
    group: str
    order: tuple[str, ...]
    """Columns that put rows into their one canonical order."""
    retention_days: int
    """Days of versions kept for time travel, as far as `retention_cycles` goes."""
    is_daily: bool = False
    """Whether history is also computed by business date, in `daily/<name>`."""
    in_cycle: bool = True
    """Whether cycles write it: then it is pinned, digested and replayed."""
    is_whole: bool = False
    """Of a state: whether whatever cycle writes it replaces all of it, not some shards."""
    retention_cycles: int = 500
    """Newest cycles whose versions are kept at most: every commit pays for its log folder."""

    @property
    def grain(self) -> str:
        """What one row is: the first line of the schema's docstring."""
        return (self.schema.__doc__ or "").strip().splitlines()[0]


# Rows that are only added carry their cycle: the past is read in the newest version.
_APPENDED = 100


def _landed(name: str, schema: type[dy.Schema]) -> Table:
    return _added(name, schema, "landed", "file_id", "file_row")


def _state(name: str, schema: type[dy.Schema], *order: str) -> Table:
    return Table(name, schema, Mode.STATE, "margin", order, retention_days=1, is_daily=True)


def _of_an_account(name: str, schema: type[dy.Schema], *beside: str) -> Table:
    order = ("account_id", *beside)
    return Table(name, schema, Mode.STATE, "enforcement", order, retention_days=1)


def _added(
    name: str, schema: type[dy.Schema], group: str, *order: str, is_daily: bool = False
) -> Table:
    """A table whose cycles add rows, each row with its cycle."""
    keys = ("cycle", *order)
    return Table(
        name, schema, Mode.APPEND, group, keys, 7, is_daily=is_daily, retention_cycles=_APPENDED
    )


def _of_position(name: str, schema: type[dy.Schema], *beside: str) -> Table:
    order = ("account_id", "desk", "legal_entity", "instrument_id", *beside)
    return Table(name, schema, Mode.STATE, "rates", order, 1, is_daily=True, is_whole=True)


def _of_desk(name: str, schema: type[dy.Schema], *beside: str) -> Table:
    order = ("account_id", "desk", "legal_entity", "currency", *beside)
    return _added(name, schema, "rates", *order, is_daily=True)


def _beside_cycles(name: str, schema: type[dy.Schema], group: str, *order: str) -> Table:
    return Table(name, schema, Mode.APPEND, group, order, retention_days=7, in_cycle=False)


def _answer(name: str, schema: type[dy.Schema], *beside: str) -> Table:
    """A table of what follows from a run of the avalanche."""
    return _beside_cycles(name, schema, "avalanche", "run_id", *beside)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _landed("accounts", landed.Accounts),
        _landed("instruments", landed.Instruments),
        _landed("option_adjustments", contracts.OptionAdjustments),
        _landed("betas", landed.Betas),
        _landed("volatilities", landed.Volatilities),
        _landed("volumes", landed.Volumes),
        _landed("rates", landed.Rates),
        _landed("cash_movements", landed.CashMovements),
        _landed("opening_balances", books.OpeningBalances),
        _landed("corporate_actions", books.CorporateActions),
        _landed("fills", landed.Fills),
        _landed("exercises", settlement.Exercises),
        _landed("prices", landed.Prices),
        _landed("stock_record", stock_record.StockRecord),
        _landed("desk_actions", acts.DeskActions),
        _landed("limits", firm.Limits),
        _landed("bonds", rates.Bonds),
        _landed("swaps", rates.Swaps),
        _landed("fixings", rates.Fixings),
        _landed("fx_rates", rates.FxRates),
        _landed("curve_quotes", rates.CurveQuotes),
        _landed("rates_positions", rates.RatesPositions),
        _added("landed_files", landed.LandedFiles, "landed", "file_number"),
        _added(
            "quarantine",
            landed.Quarantine,
            "landed",
            "path",
            "file_id",
            "file_row",
            "quarantine_id",
        ),
        _added("refused_accounts", acts.RefusedAccounts, "landed", "quarantine_id"),
        _added("quarantine_closings", acts.QuarantineClosings, "landed", "quarantine_id"),
        _added(
            "settlements",
            settlement.Settlements,
            "margin",
            "settled_at",
            "account_id",
            "symbol",
            "settled_by_rule",
            "exercise_id",
        ),
        _state("positions", margin.Positions, "account_id", "class_group", "symbol"),
        _state("account_state", margin.AccountState, "account_id"),
        _of_an_account("enforcement_state", margin.EnforcementState),
        _state("special_memorandum_accounts", reg_t.SpecialMemorandumAccounts, "account_id"),
        _state("reg_t_requirements", margin.RegTRequirements, "account_id", "group_number"),
        _state("tims_requirements", margin.TimsRequirements, "account_id", "class_group"),
        _state("house_requirements", house.HouseRequirements, "account_id", "overlay", "subject"),
        _state("stress_results", margin.StressResults, "account_id", "move"),
        _state("margin_summary", margin.MarginSummary, "account_id"),
        _added("firm_risk", margin.FirmRisk, "margin", "move", "scenario", is_daily=True),
        _added(
            "credit_exposures",
            firm.CreditExposures,
            "margin",
            "move",
            "scenario",
            "account_type",
            is_daily=True,
        ),
        _added(
            "firm_concentrations", firm.FirmConcentrations, "margin", "kind", "rank", is_daily=True
        ),
        _added("limit_breaches", firm.LimitBreaches, "enforcement", "breach_id", "version"),
        _added(
            "special_memorandum_days",
            reg_t.SpecialMemorandumDays,
            "enforcement",
            "account_id",
            "business_date",
        ),
        _of_an_account("reg_t_calls", reg_t.RegTCalls, "opened_on"),
        _of_an_account("intraday_deficits", intraday.IntradayDeficits, "deficit_date"),
        _of_an_account("intraday_state", intraday.IntradayState),
        Table(
            "pattern_day_traders",
            intraday.PatternDayTraders,
            Mode.STATE,
            "enforcement",
            ("account_id", "business_date"),
            1,
            is_daily=True,
        ),
        _added(
            "enforcement_decisions", audit.EnforcementDecisions, "enforcement", "decision_number"
        ),
        _added(
            "margin_calls",
            calls.MarginCalls,
            "enforcement",
            "changed_at",
            "account_id",
            "call_type",
            "version",
        ),
        _added("desk_outcomes", calls.DeskOutcomes, "enforcement", "action_id"),
        _added(
            "liquidation_plans",
            liquidation.LiquidationPlans,
            "enforcement",
            "changed_at",
            "account_id",
            "plan_id",
            "version",
        ),
        _added(
            "liquidation_orders",
            liquidation.LiquidationOrders,
            "enforcement",
            "changed_at",
            "account_id",
            "plan_id",
            "symbol",
            "version",
        ),
        _added("order_fills", liquidation.OrderFills, "landed", "fill_id"),
        _added("curves", rates_results.Curves, "rates", "curve", "node", is_daily=True),
        _of_position("rates_values", rates_results.RatesValues),
        _of_position("rates_sensitivities", rates_results.RatesSensitivities, "tenor"),
        _of_desk("desk_risk", rates_results.DeskRisk),
        _of_desk("desk_sensitivities", rates_results.DeskSensitivities, "curve", "tenor"),
        _of_desk("rates_scenarios", rates_results.RatesScenarios, "scenario"),
        _added(
            "accrued_dividends",
            books.AccruedDividends,
            "margin",
            *("changed_at", "account_id", "action_id", "kind"),
        ),
        Table(
            "breaks",
            stock_record.Breaks,
            Mode.STATE,
            "margin",
            ("account_id", "kind", "symbol"),
            retention_days=7,
            is_daily=True,
            in_cycle=False,
        ),
        _beside_cycles("cycles", audit.Cycles, "audit", "cycle", "state"),
        _beside_cycles(
            "validation_results",
            audit.ValidationResults,
            "audit",
            "table_name",
            "table_version",
            "partition",
            "expectation",
        ),
        _beside_cycles(
            "notifications", notifications.Notifications, "enforcement", "message_id", "version"
        ),
        _beside_cycles(
            "avalanche_books",
            results.AvalancheBooks,
            "avalanche",
            *("snapshot_id", "table_name", "line"),
        ),
        _beside_cycles("avalanche_runs", results.AvalancheRuns, "avalanche", "run_id"),
        _beside_cycles("avalanche_paths", results.AvalanchePaths, "avalanche", "run_id", "path"),
        _beside_cycles(
            "im_requirements", results.ImRequirements, "avalanche", "snapshot_id", "ns_id"
        ),
        _beside_cycles(
            "model_change_impacts",
            results.ModelChangeImpacts,
            "avalanche",
            *("snapshot_id", "ns_id", "old_model_id", "new_model_id"),
        ),
        *(_beside_cycles(name, schema, "backtest", *order) for name, schema, order in backtest.ALL),
        _answer("funding_forecast", answers.FundingForecast, "day"),
        _answer("facility_sizes", answers.FacilitySizes, "facility_id"),
        _answer("margin_attribution", answers.MarginAttribution, "manager_id", "factor_id"),
        _answer("concentration_shares", answers.ConcentrationShares, "dimension", "member"),
        _answer("margin_efficiency", answers.MarginEfficiency, "manager_id"),
        _answer("early_warnings", answers.EarlyWarnings),
        _answer("recommendations", answers.Recommendations, "rank"),
        _answer("reverse_stress", answers.ReverseStress, "answer", "factor_id"),
        _answer("need_by_hour", by_hour.NeedByHour, "hour"),
        _answer("sources_by_hour", by_hour.SourcesByHour, "hour"),
        _answer("calls_by_hour", by_hour.CallsByHour, "venue_id", "hour"),
        _beside_cycles("warning_readings", answers.WarningReadings, "avalanche", "book_number"),
    )
}
FEEDS = tuple(name for name, table in TABLES.items() if issubclass(table.schema, landed.Landed))
"""Tables that files land for, in the order in which a cycle accepts them."""

_BESIDE: dict[str, dict[str, dy.Column]] = {
    "fills": {
        "order_id": columns.beside(
            "Order of a liquidation plan that it fills; kept in `order_fills`, else ignored."
        )
    }
}
"""Columns that files of a feed may bring and its table has not."""

WRITTEN_BY_THE_LAKE = tuple(landed.Landed.columns())
"""Columns of a landed table that no file brings."""


@cache
def landed_columns(feed: str) -> dict[str, dy.Column]:
    """Columns that are read of a file of the feed: those of its table, and those beside it."""
    return feed_columns(feed) | _BESIDE.get(feed, {})


@cache
def feed_columns(feed: str) -> dict[str, dy.Column]:
    """Columns that a file of the feed brings to its table, in the order of the schema."""
    columns = TABLES[feed].schema.columns()
    return {name: columns[name] for name in columns if name not in WRITTEN_BY_THE_LAKE}


@cache
def empty(table: str) -> pl.DataFrame:
    """No rows of a table, as its kernel gives them: without `as_of` and cycle."""
    return TABLES[table].schema.create_empty().drop("as_of", "cycle")


@cache
def empty_feed(feed: str) -> pl.DataFrame:
    """No rows of a feed, as accepted: each with the grid `point` that it counts from."""
    return TABLES[feed].schema.create_empty().with_columns(point=pl.lit(0, pl.Int64))
