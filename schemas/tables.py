"""Every table of the lake, declared once: schema, write mode, order, retention, place in the UI."""

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
    kinds,
    landed,
    margin,
    reg_t,
    settlement,
    stock_record,
)
from schemas.avalanche import answers, by_hour, results
from schemas.desk import acts, calls, liquidation, notifications
from schemas.kinds import Mode, Table
from schemas.rates import feeds as rates
from schemas.rates import results as rates_results

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        kinds.landed("accounts", landed.Accounts),
        kinds.landed("instruments", landed.Instruments),
        kinds.landed("option_adjustments", contracts.OptionAdjustments),
        kinds.landed("betas", landed.Betas),
        kinds.landed("volatilities", landed.Volatilities),
        kinds.landed("volumes", landed.Volumes),
        kinds.landed("rates", landed.Rates),
        kinds.landed("cash_movements", landed.CashMovements),
        kinds.landed("opening_balances", books.OpeningBalances),
        kinds.landed("corporate_actions", books.CorporateActions),
        kinds.landed("fills", landed.Fills),
        kinds.landed("exercises", settlement.Exercises),
        kinds.landed("prices", landed.Prices),
        kinds.landed("stock_record", stock_record.StockRecord),
        kinds.landed("desk_actions", acts.DeskActions),
        kinds.landed("limits", firm.Limits),
        kinds.landed("bonds", rates.Bonds),
        kinds.landed("swaps", rates.Swaps),
        kinds.landed("fixings", rates.Fixings),
        kinds.landed("fx_rates", rates.FxRates),
        kinds.landed("curve_quotes", rates.CurveQuotes),
        kinds.landed("rates_positions", rates.RatesPositions),
        kinds.added("landed_files", audit.LandedFiles, "landed", "file_number"),
        kinds.added(
            "quarantine",
            audit.Quarantine,
            "landed",
            "path",
            "file_id",
            "file_row",
            "quarantine_id",
        ),
        kinds.added("refused_accounts", acts.RefusedAccounts, "landed", "quarantine_id"),
        kinds.added("quarantine_closings", acts.QuarantineClosings, "landed", "quarantine_id"),
        kinds.added(
            "settlements",
            settlement.Settlements,
            "margin",
            "settled_at",
            "account_id",
            "symbol",
            "settled_by_rule",
            "exercise_id",
        ),
        kinds.state("positions", margin.Positions, "account_id", "class_group", "symbol"),
        kinds.state("account_state", margin.AccountState, "account_id"),
        kinds.of_an_account("enforcement_state", margin.EnforcementState),
        kinds.state("special_memorandum_accounts", reg_t.SpecialMemorandumAccounts, "account_id"),
        kinds.state("reg_t_requirements", margin.RegTRequirements, "account_id", "group_number"),
        kinds.state("tims_requirements", margin.TimsRequirements, "account_id", "class_group"),
        kinds.state(
            "house_requirements", house.HouseRequirements, "account_id", "overlay", "subject"
        ),
        kinds.state("stress_results", margin.StressResults, "account_id", "move"),
        kinds.state("margin_summary", margin.MarginSummary, "account_id"),
        kinds.added("firm_risk", margin.FirmRisk, "margin", "move", "scenario", is_daily=True),
        kinds.added(
            "credit_exposures",
            firm.CreditExposures,
            "margin",
            "move",
            "scenario",
            "account_type",
            is_daily=True,
        ),
        kinds.added(
            "firm_concentrations", firm.FirmConcentrations, "margin", "kind", "rank", is_daily=True
        ),
        kinds.added("limit_breaches", firm.LimitBreaches, "enforcement", "breach_id", "version"),
        kinds.added(
            "special_memorandum_days",
            reg_t.SpecialMemorandumDays,
            "enforcement",
            "account_id",
            "business_date",
        ),
        kinds.of_an_account("reg_t_calls", reg_t.RegTCalls, "opened_on"),
        kinds.of_an_account("intraday_deficits", intraday.IntradayDeficits, "deficit_date"),
        kinds.of_an_account("intraday_state", intraday.IntradayState),
        Table(
            "pattern_day_traders",
            intraday.PatternDayTraders,
            Mode.STATE,
            "enforcement",
            ("account_id", "business_date"),
            1,
            is_daily=True,
        ),
        kinds.added(
            "enforcement_decisions", audit.EnforcementDecisions, "enforcement", "decision_number"
        ),
        kinds.added(
            "margin_calls",
            calls.MarginCalls,
            "enforcement",
            "changed_at",
            "account_id",
            "call_type",
            "version",
        ),
        kinds.added("desk_outcomes", calls.DeskOutcomes, "enforcement", "action_id"),
        kinds.added(
            "liquidation_plans",
            liquidation.LiquidationPlans,
            "enforcement",
            "changed_at",
            "account_id",
            "plan_id",
            "version",
        ),
        kinds.added(
            "liquidation_orders",
            liquidation.LiquidationOrders,
            "enforcement",
            "changed_at",
            "account_id",
            "plan_id",
            "symbol",
            "version",
        ),
        kinds.added("order_fills", liquidation.OrderFills, "landed", "fill_id"),
        kinds.added("curves", rates_results.Curves, "rates", "curve", "node", is_daily=True),
        kinds.of_position("rates_values", rates_results.RatesValues),
        kinds.of_position("rates_sensitivities", rates_results.RatesSensitivities, "tenor"),
        kinds.of_desk("desk_risk", rates_results.DeskRisk),
        kinds.of_desk("desk_sensitivities", rates_results.DeskSensitivities, "curve", "tenor"),
        kinds.of_desk("rates_scenarios", rates_results.RatesScenarios, "scenario"),
        kinds.added(
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
        kinds.beside_cycles("cycles", audit.Cycles, "audit", "cycle", "state"),
        kinds.beside_cycles(
            "validation_results",
            audit.ValidationResults,
            "audit",
            "table_name",
            "table_version",
            "partition",
            "expectation",
        ),
        kinds.beside_cycles(
            "notifications", notifications.Notifications, "enforcement", "message_id", "version"
        ),
        kinds.beside_cycles(
            "avalanche_books",
            results.AvalancheBooks,
            "avalanche",
            *("snapshot_id", "table_name", "line"),
        ),
        kinds.beside_cycles("avalanche_runs", results.AvalancheRuns, "avalanche", "run_id"),
        kinds.beside_cycles(
            "avalanche_paths", results.AvalanchePaths, "avalanche", "run_id", "path"
        ),
        kinds.beside_cycles(
            "im_requirements", results.ImRequirements, "avalanche", "snapshot_id", "ns_id"
        ),
        kinds.beside_cycles(
            "model_change_impacts",
            results.ModelChangeImpacts,
            "avalanche",
            *("snapshot_id", "ns_id", "old_model_id", "new_model_id"),
        ),
        *(
            kinds.beside_cycles(name, schema, "backtest", *order)
            for name, schema, order in backtest.ALL
        ),
        kinds.answer("funding_forecast", answers.FundingForecast, "day"),
        kinds.answer("facility_sizes", answers.FacilitySizes, "facility_id"),
        kinds.answer("margin_attribution", answers.MarginAttribution, "manager_id", "factor_id"),
        kinds.answer("concentration_shares", answers.ConcentrationShares, "dimension", "member"),
        kinds.answer("margin_efficiency", answers.MarginEfficiency, "manager_id"),
        kinds.answer("early_warnings", answers.EarlyWarnings),
        kinds.answer("recommendations", answers.Recommendations, "rank"),
        kinds.answer("reverse_stress", answers.ReverseStress, "answer", "factor_id"),
        kinds.answer("need_by_hour", by_hour.NeedByHour, "hour"),
        kinds.answer("sources_by_hour", by_hour.SourcesByHour, "hour"),
        kinds.answer("calls_by_hour", by_hour.CallsByHour, "venue_id", "hour"),
        kinds.beside_cycles(
            "warning_readings", answers.WarningReadings, "avalanche", "book_number"
        ),
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
