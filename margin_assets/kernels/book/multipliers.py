"""Which multiplier a trade has: the one in force when it counted, whatever came later."""

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.series import leverage_ppm
from margin_assets.kernels.book.terms import multiplier_of
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO, PPM, instants, to_scaled


def multiplier_versions(instruments: pl.DataFrame, points: Int64Array) -> pl.DataFrame:
    """Multiplier (micro-units a contract) that each instrument row states, and from when on.

    With the leverage (ppm) of what moves by a multiple of something else each day.

    `points`: when each row counts from; its grid point in the live day, its event time in history.
    """
    return pl.DataFrame(
        {
            "symbol": instruments["symbol"],
            "point": points,
            "event_time": instants(instruments["event_time"]),
            "multiplier": to_scaled(multiplier_of(instruments)),
            "leverage": leverage_ppm(_own_leverage(instruments)),
        }
    )


def traded_multiplier(effects: pl.DataFrame, versions: pl.DataFrame) -> Int64Array:
    """Multiplier (micro-units) of the trade behind each effect, in the effects' order.

    A correction is of the size that its original was traded in: so a bust takes back exactly
    the cash that the fill moved. A trade before the symbol's first instrument row has that row's
    multiplier, as it is booked again when the row comes; without any row it is of single units.
    `versions`: in landing order, none that counts only after the effects.
    """
    return _traded(effects, versions, "multiplier", MICRO)


def traded_leverage(trades: pl.DataFrame, versions: pl.DataFrame) -> Int64Array:
    """Leverage (ppm) of what was traded, as its instrument row said then; an option has none."""
    return _traded(trades, versions, "leverage", PPM)


def _own_leverage(instruments: pl.DataFrame) -> npt.NDArray[np.float64]:
    own = pl.when(pl.col("asset_class") != "option").then("leverage").fill_null(1.0)
    leverage: npt.NDArray[np.float64] = instruments.select(own).to_series().to_numpy()
    return leverage


def _traded(effects: pl.DataFrame, versions: pl.DataFrame, name: str, absent: int) -> Int64Array:
    if versions["symbol"].is_unique().all():
        # One row a symbol, as mostly: it holds before its own point and after.
        said = versions.select("symbol", name)
        alone = effects.select("symbol").join(
            said, on="symbol", how="left", validate="m:1", maintain_order="left"
        )
        return alone[name].fill_null(absent).to_numpy()
    terms = _in_force(versions).select("symbol", "point", name)
    first = terms.unique("symbol", keep="first", maintain_order=True).drop("point")
    found = (
        effects.select("symbol", point="traded", order=pl.int_range(pl.len()))
        .sort("point", "order")
        .join_asof(terms, on="point", by="symbol", check_sortedness=False)
        .join(first, on="symbol", how="left", suffix="_first", validate="m:1")
        .sort("order")
    )
    known = pl.coalesce(name, f"{name}_first", pl.lit(absent, pl.Int64))
    values: Int64Array = found.select(known).to_series().to_numpy()
    return values


def _in_force(versions: pl.DataFrame) -> pl.DataFrame:
    """Terms of each symbol from a point on, by point.

    The latest by event time is in force; of two at one time the one that landed later.
    """
    ordered = versions.sort("point", "event_time", maintain_order=True)
    is_newest = pl.col("event_time") >= pl.col("event_time").cum_max().over("symbol")
    return (
        ordered.filter(is_newest)
        .unique(["symbol", "point"], keep="last", maintain_order=True)
        .select("symbol", "point", "multiplier", "leverage")
    )
