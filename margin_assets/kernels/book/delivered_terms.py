"""Terms of adjusted contracts: columns of a frame, beside those listed, where any is adjusted.

`delivered`: units that one contract delivers, 0 where no model follows it, null where it is as
listed. `delivered_strike`: strike a delivered unit, less the cash that comes with it, rounded to
the micro-dollar. `delivered_for`: what that is for one contract, exactly.
"""

import polars as pl

ADJUSTED = ("delivered", "delivered_strike", "delivered_for")


def is_adjusted(frame: pl.DataFrame) -> bool:
    """Whether any contract of a frame may be adjusted."""
    return ADJUSTED[0] in frame.columns


def as_listed(positions: pl.DataFrame) -> pl.DataFrame:
    """Positions with the terms that their contracts list, as the table has them."""
    return positions.drop(ADJUSTED, strict=False)


def delivered_units(frame: pl.DataFrame) -> pl.Series:
    """Units that one contract of each row delivers; what has no model as it is quoted."""
    if not is_adjusted(frame):
        return frame["multiplier"]
    stated = pl.when(pl.col("delivered") > 0).then("delivered")
    return frame.select(pl.coalesce(stated, "multiplier")).to_series()


def strike_a_unit(frame: pl.DataFrame) -> pl.Series:
    """Strike a delivered unit, less the cash beside; as listed where nothing was adjusted."""
    if not is_adjusted(frame):
        return frame["strike"]
    return frame.select(pl.coalesce("delivered_strike", "strike")).to_series()


def paid_a_contract(frame: pl.DataFrame) -> pl.Series:
    """USD for all that an adjusted contract delivers, less its cash; null where it is as listed."""
    if not is_adjusted(frame):
        return pl.Series([None] * frame.height, dtype=pl.Decimal(38, 6))
    return frame["delivered_for"]


def is_unmodelled(frame: pl.DataFrame) -> pl.Series:
    """Which contracts deliver what no model follows."""
    if not is_adjusted(frame):
        return pl.repeat(value=False, n=frame.height, eager=True, dtype=pl.Boolean)
    return (frame["delivered"] == 0).fill_null(value=False)
