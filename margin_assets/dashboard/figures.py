"""Every account as of one sealed cycle, in one frame: what the pages sort, filter and sum.

Amounts are whole cents (int64), as the session has them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from margin_assets.lake.published import ABOUT
from schemas.landed import ACCOUNT_TYPES

LEVELS = ("ok", "warning", "call", "close_only", "liquidation")
"""Severity of an account: the highest of its dimensions, ascending."""
LIVE, TABLES = "live", "tables"
_CALL = 2
"""Code of a call among the margin states."""
_NEVER = (1 << 63) - 1
_UNSET = -1
AMOUNTS = {
    "gross_market_value": "gross_market_value",
    "exposure": "beta_weighted_exposure",
    "equity": "equity",
    "net_liquidation": "net_liquidation",
    "reg_t_equity": "reg_t_equity",
    "reg_t_requirement": "reg_t_requirement",
    "portfolio_margin_requirement": "portfolio_margin_requirement",
    "governing_requirement": "governing_requirement",
}
"""Amounts by their published name, and their column of `margin_summary`."""


@dataclass(frozen=True)
class Figures:
    """The accounts of one sealed cycle, and what is known of the cycle itself."""

    cycle: int
    as_of: datetime | None
    """Last evaluated grid point, UTC."""
    sealed_at: datetime | None
    """None where the log of the ledger does not tell."""
    source: str
    """`live`: all as of the cycle. `tables`: rows of a large book may be older."""
    accounts: pl.DataFrame
    """One row an account; columns of `shown`."""
    scenarios: tuple[str, ...] = ()
    moves: tuple[float, ...] = ()
    restricting: tuple[bool, ...] = ()
    firm: tuple[dict[str, Any], ...] = ()
    """Rows of `firm_risk`, which has moves of every price beside those of the scenarios."""
    issuers: dict[str, Any] | None = None
    """Losses of the largest issuers by scenario, and of which cycle; None where none tells."""
    totals: dict[str, Any] = field(default_factory=dict)
    """Counts by level and sums over all accounts."""


def empty() -> Figures:
    """Nothing is sealed yet."""
    columns: dict[str, Any] = {
        **dict.fromkeys(("account_id", "account_type", "reasons"), pl.String),
        **dict.fromkeys((*AMOUNTS, "largest_position", "call_opened", "deadline"), pl.Int64),
        **dict.fromkeys(_FLAGS, pl.Boolean),
        "margin_status": pl.Int8,
    }
    raw = pl.DataFrame(schema=columns | {"pnl": pl.Array(pl.Int64, 0)})
    accounts = shown(raw, ())
    return Figures(0, None, None, TABLES, accounts, totals=totals_of(accounts))


_FLAGS = ("is_indeterminate", "is_stressed", "is_overdue", "is_liquidating", "minimum_call")


def read_published(path: Path) -> Figures:
    """The figures of a published file.

    Raises:
        OSError, pa.ArrowInvalid: it is gone, or no such file.
    """
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
    about = json.loads((table.schema.metadata or {})[ABOUT.encode()])
    held = pl.DataFrame(pl.from_arrow(table))
    kinds = pl.Series(about["account_types"], dtype=pl.String)
    raw = held.with_columns(
        account_type=kinds.gather(held["account_type"].cast(pl.UInt32)),
        reasons=_reasons(held, about["states"], about["flagged"]),
        is_indeterminate=(pl.col("states") & about["indeterminate"]) != 0,
    )
    accounts, at = shown(raw, about["scenarios"]), about["sealed_at"]
    return Figures(
        cycle=about["cycle"],
        as_of=datetime.fromisoformat(about["as_of"]),
        sealed_at=None if at is None else datetime.fromisoformat(at),
        source=LIVE,
        accounts=accounts,
        scenarios=tuple(about["scenarios"]),
        moves=tuple(about["moves"]),
        restricting=tuple(about["restricting"]),
        firm=tuple(about["firm"]),
        issuers=about["issuers"],
        totals=totals_of(accounts),
    )


def _reasons(held: pl.DataFrame, names: Sequence[str], flagged: Sequence[str]) -> pl.Series:
    """Named states of each account; few combinations occur."""
    distinct = held["states"].unique()
    words = [";".join(n for i, n in enumerate(names) if state >> i & 1) for state in distinct]
    named = held["states"].replace_strict(distinct, words, return_dtype=pl.String)
    if not flagged:
        return named
    is_flagged = held["account_id"].is_in(list(flagged))
    both = (named + ";refused_rows").str.strip_chars_start(";")
    return named.zip_with(~is_flagged, both)


def shown(raw: pl.DataFrame, scenarios: Sequence[str]) -> pl.DataFrame:
    """The columns of the pages, from the columns that were published."""
    excess = pl.col("equity") - pl.col("governing_requirement")
    gross, equity = pl.col("gross_market_value"), pl.col("equity")
    worst = pl.col("pnl").arr.min() if scenarios else pl.lit(None, pl.Int64)
    # The first of equals; cheaper than the place of the least, looked up by name.
    named = [
        pl.when(pl.col("pnl").arr.get(place) == worst).then(pl.lit(name))
        for place, name in enumerate(scenarios)
    ]
    return raw.select(
        "account_id",
        "account_type",
        "is_indeterminate",
        "reasons",
        *AMOUNTS,
        "pnl",
        "is_stressed",
        "is_overdue",
        "is_liquidating",
        "minimum_call",
        "margin_status",
        level=_level(),
        # Of who is not called time brings a release alone: that is nothing to be late for.
        deadline=pl.when(pl.col("margin_status") == _CALL).then(_instant("deadline", _NEVER)),
        call_opened=_instant("call_opened", _UNSET),
        excess=excess,
        deficiency=pl.max_horizontal(-excess, 0),
        excess_ratio=pl.when(gross > 0).then(excess / gross),
        largest_share=pl.when(gross > 0).then(pl.col("largest_position") / gross),
        leverage=pl.when(equity > 0).then(gross / equity),
        rule=_rule(),
        worst_pnl=worst,
        worst_scenario=pl.coalesce(*named, pl.lit(None, pl.String)),
        restriction=_restriction(),
    )


def _level() -> pl.Expr:
    return (
        pl.when("is_liquidating")
        .then(4)
        .when(pl.col("is_stressed") | pl.col("is_overdue"))
        .then(3)
        .when((pl.col("margin_status") == _CALL) | pl.col("minimum_call"))
        .then(2)
        .otherwise(pl.col("margin_status"))
        .cast(pl.Int8)
    )


def _instant(column: str, none: int) -> pl.Expr:
    """Microseconds; null where there is none."""
    return pl.when(pl.col(column) != none).then(column)


def _rule() -> pl.Expr:
    """What decides the requirement: the method of the account's type, or the house above it."""
    is_portfolio = pl.col("account_type") == ACCOUNT_TYPES[2]
    method = (
        pl.when(is_portfolio).then("portfolio_margin_requirement").otherwise("reg_t_requirement")
    )
    return (
        pl.when(pl.col("governing_requirement") > method)
        .then(pl.lit("house"))
        .when(is_portfolio)
        .then(pl.lit("portfolio_margin"))
        .otherwise(pl.lit("reg_t"))
    )


def _restriction() -> pl.Expr:
    stress = pl.when("is_stressed").then(pl.lit("stress"))
    overdue = pl.when("is_overdue").then(pl.lit("overdue_call"))
    return pl.concat_str([stress, overdue], separator=";", ignore_nulls=True)


def totals_of(accounts: pl.DataFrame) -> dict[str, Any]:
    """Counts by level, and sums over all accounts, cents."""
    counts = dict(accounts.group_by("level").len().rows())
    sums = accounts.select(
        indeterminate=pl.col("is_indeterminate").sum(),
        equity=pl.col("equity").cast(pl.Int128).sum(),
        requirement=pl.col("governing_requirement").cast(pl.Int128).sum(),
        deficiency=pl.col("deficiency").cast(pl.Int128).sum(),
        deficient=(pl.col("deficiency") > 0).sum(),
        calls=(pl.col("margin_status") == _CALL).sum(),
    ).row(0, named=True)
    return {
        "levels": {word: counts.get(place, 0) for place, word in enumerate(LEVELS)},
        "accounts": accounts.height,
        **{name: int(value or 0) for name, value in sums.items()},
    }
