"""Initial margin by schedule: a share of each trade's notional, reduced where values net."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from margin_assets.kernels.initial_margin.crif_terms import SCHEDULE_CLASSES

SCHEDULE_CLASS_TYPE = pl.Enum(SCHEDULE_CLASSES)

TRADES = pl.Schema(
    {
        "unit": pl.Int64(),
        "trade_id": pl.String(),
        "product_class": SCHEDULE_CLASS_TYPE,
        "valued_on": pl.Date(),
        "ends_on": pl.Date(),
        "notional_usd": pl.Float64(),
        "value_usd": pl.Float64(),
    }
)
"""Trades, one row each. A notional's sign is nothing; a value is positive where it is owed to the
side whose margin it is. Days may be null of classes whose rate knows no maturity."""


def schedule_margins(trades: pl.DataFrame, numbers: Mapping[str, Any]) -> pl.DataFrame:
    """Margin of each unit and product class by schedule, US dollars, with the ratio of its unit.

    Columns `unit`, `product_class`, `gross`, `net_to_gross_ratio`, `total`. The ratio is the net
    value of a unit's trades over the sum of the positive ones, 0 where the net is below 0, and 1
    where no value is positive: then nothing says that values net.

    Source: 12 CFR 23.154(c) and Commission Delegated Regulation (EU) 2016/2251, Annex IV: gross
    margin times (0.4 + 0.6 x net-to-gross ratio).
    """
    rated = trades.with_columns(gross=pl.col("notional_usd").abs() * _rate(numbers))
    fixed, netted = numbers["gross_share"], numbers["net_to_gross_share"]
    value = pl.col("value_usd")
    ratios = rated.group_by("unit").agg(
        net=value.sum().clip(lower_bound=0.0), positive=value.clip(lower_bound=0.0).sum()
    )
    ratio = (
        pl.when(pl.col("positive") > 0.0).then(pl.col("net") / pl.col("positive")).otherwise(1.0)
    )
    return (
        rated.group_by("unit", "product_class")
        .agg(pl.col("gross").sum())
        .join(ratios.select("unit", net_to_gross_ratio=ratio), on="unit", validate="m:1")
        .with_columns(total=pl.col("gross") * (fixed + netted * pl.col("net_to_gross_ratio")))
        .sort("unit", "product_class")
    )


def _rate(numbers: Mapping[str, Any]) -> pl.Expr:
    """Share of the notional, by product class and what is left of its life.

    A trade that ends on the day on which a limit is reached is still within it.
    """
    ends = pl.col("ends_on")
    found = []
    for name, rates in numbers["rates"].items():
        is_class = pl.col("product_class") == name
        for rate, years in zip(rates, [*numbers["limits_years"], None], strict=False):
            is_within = is_class
            if years is not None and len(rates) > 1:
                is_within &= ends <= pl.col("valued_on").dt.offset_by(f"{years}y")
            found.append(pl.when(is_within).then(rate))
    return pl.coalesce(found)
