"""Every table of the lake, declared once: schema, write mode, order, retention, place in the UI."""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import dataframely as dy
import polars as pl

from schemas import (
    audit,
    calls,
    columns,
    desk,
    firm,
    house,
    intraday,
    landed,
    liquidation,
    margin,
    notifications,
    reg_t,
)


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
    retention_cycles: int = 500
    """Newest cycles whose versions are kept at most: every commit pays for its log folder."""

    @property
    def grain(self) -> str:
        """What one row is: the first line of the schema's docstring."""
        return (self.schema.__doc__ or "").strip().splitlines()[0]


# Rows that are only added carry their cycle: the past is read in the newest version.
_APPENDED = 100


def _landed(name: str, schema: type[dy.Schema]) -> Table:
    order = ("cycle", "file_id", "file_row")
    return Table(name, schema, Mode.APPEND, "landed", order, 7, retention_cycles=_APPENDED)


def _state(name: str, schema: type[dy.Schema], *order: str) -> Table:
    return Table(name, schema, Mode.STATE, "margin", order, retention_days=1, is_daily=True)


TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _landed("accounts", landed.Accounts),
        _landed("instruments", landed.Instruments),
        _landed("betas", landed.Betas),
        _landed("volatilities", landed.Volatilities),
        _landed("volumes", landed.Volumes),
        _landed("rates", landed.Rates),
        _landed("cash_movements", landed.CashMovements),
        _landed("fills", landed.Fills),
        _landed("prices", landed.Prices),
        _landed("desk_actions", desk.DeskActions),
        _landed("limits", firm.Limits),
        Table(
            "landed_files",
            landed.LandedFiles,
            Mode.APPEND,
            "landed",
            ("cycle", "file_number"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "quarantine",
            landed.Quarantine,
            Mode.APPEND,
            "landed",
            ("cycle", "path", "file_id", "file_row", "quarantine_id"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "refused_accounts",
            desk.RefusedAccounts,
            Mode.APPEND,
            "landed",
            ("cycle", "quarantine_id"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "quarantine_closings",
            desk.QuarantineClosings,
            Mode.APPEND,
            "landed",
            ("cycle", "quarantine_id"),
            7,
            retention_cycles=_APPENDED,
        ),
        _state("positions", margin.Positions, "account_id", "class_group", "symbol"),
        _state("account_state", margin.AccountState, "account_id"),
        Table(
            "enforcement_state",
            margin.EnforcementState,
            Mode.STATE,
            "enforcement",
            ("account_id",),
            1,
        ),
        _state("special_memorandum_accounts", reg_t.SpecialMemorandumAccounts, "account_id"),
        _state("reg_t_requirements", margin.RegTRequirements, "account_id", "group_number"),
        _state("tims_requirements", margin.TimsRequirements, "account_id", "class_group"),
        _state("house_requirements", house.HouseRequirements, "account_id", "overlay", "subject"),
        _state("stress_results", margin.StressResults, "account_id", "move"),
        _state("margin_summary", margin.MarginSummary, "account_id"),
        Table(
            "firm_risk",
            margin.FirmRisk,
            Mode.APPEND,
            "margin",
            ("cycle", "move", "scenario"),
            7,
            is_daily=True,
            retention_cycles=_APPENDED,
        ),
        Table(
            "credit_exposures",
            firm.CreditExposures,
            Mode.APPEND,
            "margin",
            ("cycle", "move", "scenario", "account_type"),
            7,
            is_daily=True,
            retention_cycles=_APPENDED,
        ),
        Table(
            "firm_concentrations",
            firm.FirmConcentrations,
            Mode.APPEND,
            "margin",
            ("cycle", "kind", "rank"),
            7,
            is_daily=True,
            retention_cycles=_APPENDED,
        ),
        Table(
            "limit_breaches",
            firm.LimitBreaches,
            Mode.APPEND,
            "enforcement",
            ("cycle", "breach_id", "version"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "special_memorandum_days",
            reg_t.SpecialMemorandumDays,
            Mode.APPEND,
            "enforcement",
            ("cycle", "account_id", "business_date"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "reg_t_calls",
            reg_t.RegTCalls,
            Mode.STATE,
            "enforcement",
            ("account_id", "opened_on"),
            1,
        ),
        Table(
            "intraday_deficits",
            intraday.IntradayDeficits,
            Mode.STATE,
            "enforcement",
            ("account_id", "deficit_date"),
            1,
        ),
        Table(
            "intraday_state", intraday.IntradayState, Mode.STATE, "enforcement", ("account_id",), 1
        ),
        Table(
            "pattern_day_traders",
            intraday.PatternDayTraders,
            Mode.STATE,
            "enforcement",
            ("account_id", "business_date"),
            1,
            is_daily=True,
        ),
        Table(
            "enforcement_decisions",
            audit.EnforcementDecisions,
            Mode.APPEND,
            "enforcement",
            ("cycle", "decision_number"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "margin_calls",
            calls.MarginCalls,
            Mode.APPEND,
            "enforcement",
            ("cycle", "changed_at", "account_id", "call_type", "version"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "desk_outcomes",
            calls.DeskOutcomes,
            Mode.APPEND,
            "enforcement",
            ("cycle", "action_id"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "liquidation_plans",
            liquidation.LiquidationPlans,
            Mode.APPEND,
            "enforcement",
            ("cycle", "changed_at", "account_id", "plan_id", "version"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "liquidation_orders",
            liquidation.LiquidationOrders,
            Mode.APPEND,
            "enforcement",
            ("cycle", "changed_at", "account_id", "plan_id", "symbol", "version"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table(
            "order_fills",
            liquidation.OrderFills,
            Mode.APPEND,
            "landed",
            ("cycle", "fill_id"),
            7,
            retention_cycles=_APPENDED,
        ),
        Table("cycles", audit.Cycles, Mode.APPEND, "audit", ("cycle", "state"), 7, in_cycle=False),
        Table(
            "validation_results",
            audit.ValidationResults,
            Mode.APPEND,
            "audit",
            ("table_name", "table_version", "partition", "expectation"),
            7,
            in_cycle=False,
        ),
        Table(
            "notifications",
            notifications.Notifications,
            Mode.APPEND,
            "enforcement",
            ("message_id", "version"),
            7,
            in_cycle=False,
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
