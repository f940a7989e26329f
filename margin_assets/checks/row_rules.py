"""Row rules of the schemas as asset checks: one a table, generated.

Dagster resolves annotations when a check is built, so this module must not use
`from __future__ import annotations`.
"""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from margin_assets.checks.daily import daily_check
from margin_assets.kernels.margin.consistency import broken_rules
from margin_assets.lake.store.declared import DAILY, schema_of
from schemas import TABLES


def check_name(table: str) -> str:
    """Name of a table's check."""
    return f"{table}_obeys_its_schema"


def row_rules_result(name: str, frame: pl.DataFrame) -> dg.AssetCheckResult:
    """Verdict on rows of a table or daily twin, with the rows that broke each rule."""
    broken = broken_rules(frame, schema_of(name))
    return dg.AssetCheckResult(
        passed=not broken,
        metadata={
            "rows": frame.height,
            "broken_rules": broken,
            "rows_broken": sum(broken.values()),
        },
    )


def row_rules_check(table: str) -> dg.AssetChecksDefinition:
    """The check of one table: of the run's dates if it is daily, else of the whole."""
    name, sentence = check_name(table), f"Every row obeys its rules. {TABLES[table].grain}"
    if TABLES[table].is_daily:

        def verdict(frames: Mapping[str, pl.DataFrame]) -> dg.AssetCheckResult:
            return row_rules_result(DAILY + table, frames[table])

        return daily_check(name, sentence, [table], verdict, blocking=True)

    def compute(rows: pl.LazyFrame) -> dg.AssetCheckResult:
        return row_rules_result(table, rows.collect())

    return dg.asset_check(asset=table, name=name, description=sentence, blocking=True)(compute)


ROW_RULES = tuple(
    row_rules_check(table.name) for table in TABLES.values() if table.in_cycle or table.is_daily
)
