"""Which multiplier a trade has: the one in force when it counted, whatever came later."""

import polars as pl

from margin_assets.kernels.book import Int64Array
from margin_assets.kernels.money import MICRO, instants, to_scaled
from margin_assets.kernels.terms import multiplier_of


def multiplier_versions(instruments: pl.DataFrame, points: Int64Array) -> pl.DataFrame:
    """Multiplier (micro-units a contract) that each instrument row states, and from when on.

    `points`: when each row counts from; its grid point in the live day, its event time in history.
    """
    return pl.DataFrame(
        {
            "symbol": instruments["symbol"],
            "point": points,
            "event_time": instants(instruments["event_time"]),
            "multiplier": to_scaled(multiplier_of(instruments)),
        }
    )


def traded_multiplier(effects: pl.DataFrame, versions: pl.DataFrame) -> Int64Array:
    """Multiplier (micro-units) of the trade behind each effect, in the effects' order.

    A correction is of the size that its original was traded in: so a bust takes back exactly
    the cash that the fill moved. A trade before the symbol's first instrument row has that row's
    multiplier, as it is booked again when the row comes; without any row it is of single units.
    `versions`: in landing order, none that counts only after the effects.
    """
    sizes = _in_force(versions)
    first = sizes.unique("symbol", keep="first", maintain_order=True).drop("point")
    found = (
        effects.select("symbol", point="traded", order=pl.int_range(pl.len()))
        .sort("point", "order")
        .join_asof(sizes, on="point", by="symbol", check_sortedness=False)
        .join(first, on="symbol", how="left", suffix="_first", validate="m:1")
        .sort("order")
    )
    known = pl.coalesce("multiplier", "multiplier_first", pl.lit(MICRO, pl.Int64))
    multiplier: Int64Array = found.select(known).to_series().to_numpy()
    return multiplier


def _in_force(versions: pl.DataFrame) -> pl.DataFrame:
    """Multiplier of each symbol from a point on, by point.

    The latest by event time is in force; of two at one time the one that landed later.
    """
    ordered = versions.sort("point", "event_time", maintain_order=True)
    is_newest = pl.col("event_time") >= pl.col("event_time").cum_max().over("symbol")
    return (
        ordered.filter(is_newest)
        .unique(["symbol", "point"], keep="last", maintain_order=True)
        .select("symbol", "point", "multiplier")
    )
