"""What must hold between tables: each kernel returns the accounts for which it does not.

Frames that hold several business dates carry `business_date` and give it back.
"""

import dataframely as dy
import polars as pl

ACCOUNT = "account_id"


def broken_rules(frame: pl.DataFrame, schema: type[dy.Schema]) -> dict[str, int]:
    """Rows that break each declared rule; empty when all rows obey."""
    _, failures = schema.filter(frame)
    return failures.counts()


def accounts_without_summary(positions: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """Accounts that hold positions and have no row in the summary."""
    keys = _keys(positions)
    return positions.select(keys).unique().join(summary, on=keys, how="anti").sort(keys)


def reg_t_gaps(lines: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """Accounts whose Reg T lines do not add up to the requirement of the summary."""
    keys = _keys(summary)
    totals = lines.group_by(keys).agg(total=pl.col("maintenance_requirement").sum())
    return _differing(summary, totals, "reg_t_requirement")


def portfolio_margin_gaps(groups: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """Accounts whose class groups do not add up to the portfolio margin of the summary.

    Accounts with a product group of several class groups are left out: offsets inside it make
    the whole less than the sum.
    """
    keys = _keys(summary)
    totals = groups.group_by(keys).agg(
        total=pl.col("requirement").sum(),
        is_shared=pl.col("product_group").is_duplicated().any(),
    )
    shared = totals.filter("is_shared")
    alone = summary.join(shared, on=keys, how="anti")
    return _differing(alone, totals.drop("is_shared"), "portfolio_margin_requirement")


def still_stress_gaps(stress: pl.DataFrame, summary: pl.DataFrame) -> pl.DataFrame:
    """Accounts whose stress row at a move of 0 says something else than the summary."""
    keys = _keys(summary)
    still = stress.filter(pl.col("move") == 0.0).select(
        *keys, "pnl", "excess_held", stressed_excess="excess"
    )
    options = pl.col("long_option_value") + pl.col("short_option_value")
    # An option paid for has no value under Reg T, and its value counts in stress.
    agrees = (
        (pl.col("pnl") == 0)
        & (pl.col("excess_held") >= pl.col("excess"))
        & (pl.col("stressed_excess") >= pl.col("excess"))
        & ((pl.col("excess_held") == pl.col("excess")) | (options > 0))
        & ((pl.col("stressed_excess") == pl.col("excess")) | (options > 0))
    )
    both = summary.join(still, on=keys, how="left", validate="1:1")
    return both.filter(~agrees.fill_null(value=False)).select(keys).sort(keys)


def indeterminate_accounts(summary: pl.DataFrame) -> pl.DataFrame:
    """Accounts that lack an input, with the named states."""
    keys = _keys(summary)
    return summary.filter(pl.col("status") == "indeterminate").select(*keys, "reasons").sort(keys)


def quarantine_rate(landed_files: pl.DataFrame) -> float:
    """Part of the rows of some landed files that was quarantined; 0 of none.

    A file that is quarantined whole counts as one row at least.
    """
    counts = landed_files.select(
        quarantined=pl.col("rows_quarantined").sum(),
        all=pl.max_horizontal("rows_read", "rows_quarantined").sum(),
    )
    quarantined, everything = counts.row(0)
    return float(quarantined / everything) if everything else 0.0


def _differing(summary: pl.DataFrame, totals: pl.DataFrame, column: str) -> pl.DataFrame:
    keys = _keys(summary)
    both = summary.select(*keys, column).join(totals, on=keys, how="left", validate="1:1")
    zero = pl.lit(0).cast(pl.Decimal(38, 2))
    return both.filter(pl.col(column) != pl.col("total").fill_null(zero)).sort(keys)


def _keys(frame: pl.DataFrame) -> list[str]:
    return [ACCOUNT] if "business_date" not in frame.columns else ["business_date", ACCOUNT]
