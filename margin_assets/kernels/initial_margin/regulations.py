"""Which rows of a portfolio count for which side under which regulation, and the worst of them."""

import polars as pl

COLLECT, POST = "collect", "post"
SIDE_TYPE = pl.Enum([COLLECT, POST])
"""Margin that is collected, and that is posted: the same rows seen by the other side."""

UNITS = pl.Schema(
    {
        "unit": pl.Int64(),
        "portfolio": pl.Int64(),
        "side": SIDE_TYPE,
        "regulation": pl.String(),
    }
)
"""A unit is a portfolio seen by one side under one regulation; its regulation is null where none
is named, and then it is what is collected."""


def units_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Units of rows with columns `portfolio`, `collect` and `post`, of the schema `UNITS`.

    A portfolio has one unit for every regulation that any of its rows names for a side, in the
    order of portfolios, sides and names; one that names none has one unit without regulation.
    """
    named = [_named(rows, side) for side in (COLLECT, POST)]
    regulated = pl.concat(named).unique()
    bare = rows.select("portfolio").unique().join(regulated, on="portfolio", how="anti")
    bare = bare.with_columns(side=pl.lit(COLLECT, SIDE_TYPE), regulation=pl.lit(None, pl.String))
    found = pl.concat([regulated, bare]).sort("portfolio", "side", "regulation")
    return found.with_row_index("unit").cast(UNITS).select(UNITS.names())


def _named(rows: pl.DataFrame, side: str) -> pl.DataFrame:
    return (
        rows.select("portfolio", regulation=side)
        .explode("regulation")
        .drop_nulls()
        .unique()
        .select("portfolio", pl.lit(side, SIDE_TYPE).alias("side"), "regulation")
    )


def by_unit(rows: pl.DataFrame, units: pl.DataFrame, *, is_parameter: pl.Expr) -> pl.DataFrame:
    """Rows with `unit` and `side`, each as often as it counts, units in their own order.

    A row counts where it names the regulation. Where a portfolio names regulations, a row that
    names none counts nowhere, but a parameter (a multiplier, a factor, a fixed amount) without a
    regulation counts under every one: to leave it out would margin too little.
    """
    is_bare = pl.col("regulation").is_null()
    bare = units.filter(is_bare).select("unit", "portfolio", "side")
    regulated = units.filter(~is_bare)
    whole = rows.join(bare, on="portfolio", how="inner", validate="m:1", maintain_order="left")
    if regulated.is_empty():
        return whole.drop("collect", "post")
    named = [
        rows.with_columns(regulation=pl.col(side), side=pl.lit(side, SIDE_TYPE))
        .explode("regulation")
        .join(regulated, on=["portfolio", "side", "regulation"], how="inner", maintain_order="left")
        .drop("regulation")
        for side in (COLLECT, POST)
    ]
    is_silent = (pl.col("collect").list.len() == 0) & (pl.col("post").list.len() == 0)
    everywhere = rows.filter(is_parameter & is_silent).join(
        regulated.drop("regulation"), on="portfolio", how="inner", maintain_order="left"
    )
    columns = whole.columns
    found = [frame.select(columns) for frame in (whole, *named, everywhere)]
    return pl.concat(found).drop("collect", "post").sort("unit", maintain_order=True)


def worst(units: pl.DataFrame) -> pl.DataFrame:
    """The unit of each portfolio with the largest `total`; of equals the first."""
    return units.sort("portfolio", pl.col("total"), "unit", descending=[False, True, False]).unique(
        "portfolio", keep="first", maintain_order=True
    )
