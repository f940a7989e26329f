"""The last fill of each symbol, whoever's: its price marks what has no usable price yet."""

import polars as pl

TRADE_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "symbol": pl.String,
    "original": pl.String,
    "original_time": pl.Int64,
    "landed": pl.Int64,
    "fill_id": pl.String,
    "quantity": pl.Int64,
    "price": pl.Int64,
}
"""One version of a fill: what stands in the place of `original` from now on, 0 for a bust."""


def with_places(effects: pl.DataFrame, fills: pl.DataFrame, first: int = 0) -> pl.DataFrame:
    """Effects with `landed`, the place of each one's original among all fills.

    `fills` are the rows behind the effects in landing order, the first of which has the place
    `first`; a version of an earlier fill has none here.
    """
    places = pl.int_range(first, first + pl.len(), dtype=pl.Int64)
    # The id of a refused correction may land again: what landed last has it.
    landed = fills.select(original="fill_id", landed=places).unique("original", keep="last")
    return effects.join(landed, on="original", how="left", maintain_order="left", validate="m:1")


def trades_of(effects: pl.DataFrame) -> pl.DataFrame:
    """Versions of fills, by the effects that they have, in the order in which they act."""
    standing = pl.col("quantity") + pl.col("undone_quantity")
    return effects.with_columns(quantity=standing).select(*TRADE_COLUMNS)


def last_fills(trades: pl.DataFrame) -> pl.DataFrame:
    """Last fill of each symbol: `symbol`, `fill_id`, `price` (micro-dollars) and `time`.

    The last by (event time, landing) of those that stand. A correction stands in the place of its
    original, so that its price is of the original's time; what is busted was no fill.
    """
    standing = (
        trades.group_by("original", maintain_order=True)
        .agg(pl.all().exclude("landed").last(), pl.col("landed").drop_nulls().first())
        .filter(pl.col("quantity") != 0)
        .sort("original_time", "landed", maintain_order=True)
    )
    return standing.group_by("symbol", maintain_order=True).agg(
        pl.col("fill_id").last(), pl.col("price").last(), time=pl.col("original_time").last()
    )
