"""Sessions of a run by month, as pages draw them."""

import polars as pl

from margin_assets.backtest.methods import METHODS


def shares_of_gross(days: pl.DataFrame, *names: str) -> pl.DataFrame:
    """Days with `*_share` of some amounts a dollar of gross value; 0 where nothing is held."""
    gross = pl.col("gross").cast(pl.Float64)
    return days.with_columns(
        pl.when(gross > 0)
        .then(pl.col(name).cast(pl.Float64) / gross)
        .otherwise(0.0)
        .alias(f"{name}_share")
        for name in names
    )


def by_month(days: pl.DataFrame) -> pl.DataFrame:
    """Each month's last requirements and largest loss, as shares of gross value, and its sums."""
    return (
        shares_of_gross(days.sort("business_date"), *METHODS, "loss")
        .with_columns(month=pl.col("business_date").dt.truncate("1mo"))
        .group_by("month", maintain_order=True)
        .agg(
            pl.col("loss_share").max(),
            *(pl.col(f"{name}_share").last() for name in METHODS),
            pl.col("calls_made", "sold_out").sum(),
            pl.col("lost").sum().cast(pl.Float64),
        )
    )
