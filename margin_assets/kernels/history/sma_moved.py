"""All that moves positions, in the order in which special memorandum accounts meet it."""

import polars as pl

from margin_assets.kernels.book.counting import counting_from
from margin_assets.kernels.book.fills import effects_at
from margin_assets.kernels.corporate.exercises import (
    LOT,
    are_holders,
    leg_effects,
    settled_rows,
    share_legs,
)
from margin_assets.kernels.corporate.openings import opening_effects, opening_fills
from margin_assets.kernels.history import history
from margin_assets.kernels.history.acted import moved_by_actions, path_of
from margin_assets.kernels.history.sma_walk import Firm
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.grid import grid_point, rules_at

_COLUMNS = ("account_id", "symbol", "point", "quantity", "price", "is_entered", "is_leg")


def grid_points(rows: pl.DataFrame) -> Int64Array:
    """Grid points at which rows count."""
    times = counting_from(rows)
    interval = rules_at(int(times.max(initial=0))).grid_interval
    points: Int64Array = grid_point(times, interval)
    return points


def moved(firm: Firm) -> pl.DataFrame:
    """Changes of positions by point: what actions do, then fills, then what is settled.

    `is_entered`: fills that correct nothing, and shares that exercised options come to (`is_leg`).
    """
    fills = firm.landed.fills
    settled = _placed(history.settled_of(firm.landed.settlements, fills))
    traded = effects_at(fills, grid_points(fills)).with_columns(
        is_entered=pl.col("point") == pl.col("traded"), is_leg=pl.lit(value=False)
    )
    parts = (*_beside(firm, settled), traded, *_legs(settled))
    return pl.concat([part.select(_COLUMNS) for part in parts]).sort("point", maintain_order=True)


def _placed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(point=pl.Series(grid_points(rows), dtype=pl.Int64))


def _beside(firm: Firm, settled: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Opening balances, and what actions add."""
    landed = firm.landed
    openings = _placed(opening_fills(landed.opening_balances))
    path = path_of(
        landed.fills, landed.opening_balances, landed.corporate_actions, firm.calendar.opens
    )
    path = history.with_settled(path._replace(fills=_placed(path.fills)), settled)
    until = int(path.fills["point"].to_numpy().max(initial=0))
    told = {"is_entered": pl.lit(value=False), "is_leg": pl.lit(value=False)}
    acted = moved_by_actions(path, until).with_columns(price=pl.lit(0, pl.Int64), **told)
    return opening_effects(openings).with_columns(**told), acted


def _legs(settled: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Legs of what was settled: shares that long options came to are transactions, no other is."""
    rows, points = settled_rows(settled), settled["point"].to_numpy()
    before = rows.select(pl.col("contracts").cum_sum().over(LOT) - pl.col("contracts"))
    is_holder = are_holders(rows, before.to_series())
    others = rows.with_columns(shares=rows["shares"].set(is_holder, 0))
    entered = share_legs(rows.filter(is_holder), points[is_holder.to_numpy()])
    told = {"is_leg": pl.lit(value=True)}
    return (
        leg_effects(others, points).with_columns(is_entered=pl.lit(value=False), **told),
        entered.with_columns(is_entered=pl.lit(value=True), **told),
    )
