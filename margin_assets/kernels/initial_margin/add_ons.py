"""Add-ons of SIMM: product class multipliers, factors of notionals and fixed amounts."""

import polars as pl

from margin_assets.kernels.initial_margin.crif_terms import (
    FIXED_AMOUNT,
    MULTIPLIER,
    NOTIONAL,
    NOTIONAL_FACTOR,
    PRODUCT_CLASS_TYPE,
)

_PERCENT = 100.0

ADD_ON_ROWS = pl.Schema(
    {
        "unit": pl.Int64(),
        "risk_type": pl.String(),
        "qualifier": pl.String(),
        "amount": pl.Float64(),
    }
)
"""Rows of add-ons: notionals and fixed amounts in US dollars, factors in percent, multipliers bare.
A qualifier is a product of the two parties' own, or the product class that is multiplied."""


def contradictions(rows: pl.DataFrame) -> pl.DataFrame:
    """Units and qualifiers with two multipliers or two factors that differ: columns of the rows."""
    return (
        rows.filter(pl.col("risk_type").is_in([MULTIPLIER, NOTIONAL_FACTOR]))
        .group_by("unit", "risk_type", "qualifier", maintain_order=True)
        .agg(least=pl.col("amount").min(), most=pl.col("amount").max())
        .filter(pl.col("least") != pl.col("most"))
    )


def add_ons(rows: pl.DataFrame, product_classes: pl.DataFrame) -> pl.DataFrame:
    """What is added to each unit's margin by rows of `ADD_ON_ROWS`: columns `unit` and `add_on`.

    A product class of `product_classes` with a multiplier adds what the multiplier has above one,
    so that product classes and add-ons sum to the total. A notional without a factor and a factor
    without a notional add nothing. Sizes of notionals are summed, whichever way they point.

    Source: ISDA SIMM methodology 2.5, sections B (multiplicative scales) and K (add-on margins).
    """
    parts = [_multiplied(rows, product_classes), _of_notionals(rows), _fixed(rows)]
    return pl.concat(parts).group_by("unit").agg(pl.col("add_on").sum()).sort("unit")


def _values(rows: pl.DataFrame, risk_type: str) -> pl.DataFrame:
    """The one value of each unit and qualifier: multipliers or factors."""
    return (
        rows.filter(pl.col("risk_type") == risk_type)
        .group_by("unit", "qualifier")
        .agg(value=pl.col("amount").first())
    )


def _multiplied(rows: pl.DataFrame, product_classes: pl.DataFrame) -> pl.DataFrame:
    multipliers = _values(rows, MULTIPLIER).with_columns(
        product_class=pl.col("qualifier").cast(PRODUCT_CLASS_TYPE)
    )
    return product_classes.join(
        multipliers, on=["unit", "product_class"], how="inner", validate="1:1"
    ).select("unit", add_on=pl.col("total") * (pl.col("value") - 1.0))


def _of_notionals(rows: pl.DataFrame) -> pl.DataFrame:
    notionals = rows.filter(pl.col("risk_type") == NOTIONAL).join(
        _values(rows, NOTIONAL_FACTOR), on=["unit", "qualifier"], how="inner", validate="m:1"
    )
    return notionals.select("unit", add_on=pl.col("amount").abs() * pl.col("value") / _PERCENT)


def _fixed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("risk_type") == FIXED_AMOUNT).select("unit", add_on="amount")
