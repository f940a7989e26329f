"""A file of option quotes as long rows: what a contract is, and the middle of its quote."""

import polars as pl

from margin_assets.backtest.faults import BacktestError
from margin_assets.backtest.history.document import HistoryFile
from margin_assets.kernels.numeric.money import MICRO

_RIGHTS = {"c": "call", "p": "put"}


def option_quotes(table: pl.DataFrame, file: HistoryFile) -> pl.DataFrame:
    """Columns expiry, strike, right and bid and ask, or close; underlying and date or the file's.

    The price is the middle of a bid and an ask above 0 that do not cross, or the close where the
    file has no bids. A row without a strike, as chains have one of the underlying, is none.

    Raises:
        BacktestError: Nothing says what the options are written on, or of which day they are.
    """
    for column, stated, key in (("underlying", file.symbol, "symbol"), ("day", file.day, "day")):
        if column not in table.columns and stated is None:
            raise BacktestError(f"{file.path}: no column {column}, and no {key} in the document")
    own = {"underlying": pl.lit(file.symbol), "day": pl.lit(file.day)}
    missing = [told.alias(name) for name, told in own.items() if name not in table.columns]
    first = pl.col("right").cast(pl.String).str.to_lowercase().str.head(1)
    return (
        table.drop_nulls("strike")
        .with_columns(missing)
        .select(
            *("underlying", "day", "file_row"),
            expiry=_day(pl.col("expiry")),
            right=first.replace_strict(_RIGHTS, default=None),
            strike=(pl.col("strike").cast(pl.Float64) * MICRO).round().cast(pl.Int64),
            style=pl.lit(file.style),
            multiplier=pl.lit(file.multiplier),
            close=_middle() if "bid" in table.columns else pl.col("close").cast(pl.Float64),
        )
        .drop_nulls(["expiry", "right"])
    )


def _day(column: pl.Expr) -> pl.Expr:
    """Written with or without hyphens."""
    return column.cast(pl.String).str.replace_all("-", "").str.to_date("%Y%m%d")


def _middle() -> pl.Expr:
    bid, ask = (pl.col(name).cast(pl.Float64).fill_null(0.0) for name in ("bid", "ask"))
    return pl.when((ask > 0.0) & (bid >= 0.0) & (bid <= ask)).then((bid + ask) / 2.0)
