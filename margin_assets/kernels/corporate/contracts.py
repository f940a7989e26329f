"""Contracts on securities that were acted on, of which nobody has said what they deliver now."""

import polars as pl

from margin_assets.kernels.corporate.actions import NEVER, SAME, Register, versions_of
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants, to_instants
from margin_assets.kernels.rules.expiry import NEW_YORK


def unadjusted_contracts(
    positions: pl.DataFrame,
    instruments: pl.DataFrame,
    actions: pl.DataFrame,
    adjustments: pl.DataFrame,
    opens: Int64Array,
) -> pl.DataFrame:
    """Positions in contracts from before an action without an adjustment since: account, symbol.

    A dividend in cash changes no contract. `opens` of all sessions; the rest are tables as landed.
    """
    keys = ["account_id", "symbol"]
    held = positions.filter(pl.col("strike").is_not_null())
    register = Register()
    register.learn(versions_of(actions, instants(actions["event_time"]), opens))
    acted = [
        (action.symbol, action.at)
        for action in register.standing(NEVER)
        if action.own != SAME or action.given.units or action.paid
    ]
    last = pl.DataFrame(acted, schema={"underlying": pl.String, "at": pl.Int64}, orient="row")
    acting = last.group_by("underlying").agg(pl.col("at").max())
    ex = acting.with_columns(acts_at=to_instants(acting["at"].to_numpy()))
    listed = instruments.group_by("symbol").agg(pl.col("event_time").max())
    told = adjustments.group_by("symbol").agg(pl.col("effective_on").max())
    found = (
        held.select(*keys, "underlying", "as_of")
        .join(ex, on="underlying")
        .join(listed, on="symbol", how="left")
        .join(told, on="symbol", how="left")
        .filter(
            pl.col("acts_at") <= pl.col("as_of"),
            (pl.col("event_time") < pl.col("acts_at")).fill_null(value=True),
            (
                pl.col("effective_on") < pl.col("acts_at").dt.convert_time_zone(NEW_YORK).dt.date()
            ).fill_null(value=True),
        )
    )
    return found.select(keys).sort(keys)
