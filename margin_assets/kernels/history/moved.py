"""All that moves positions, in the order in which accounts meet it."""

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
from margin_assets.kernels.history.acted import Path, moved_by_actions, path_of
from margin_assets.kernels.history.history import Landed
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.grid import grid_point, rules_at
from margin_assets.kernels.rules.timelines import Calendar

_COLUMNS = ("account_id", "symbol", "point", "quantity", "price", "is_entered", "is_leg")


def grid_points(rows: pl.DataFrame) -> Int64Array:
    """Grid points at which rows count."""
    times = counting_from(rows)
    interval = rules_at(int(times.max(initial=0))).grid_interval
    points: Int64Array = grid_point(times, interval)
    return points


def moved(landed: Landed, calendar: Calendar) -> pl.DataFrame:
    """Changes of positions by point: what actions do, then fills, then what is settled.

    `is_entered`: fills that correct nothing, and shares that exercised options come to (`is_leg`).
    """
    fills = landed.fills
    path = path_of(fills, landed.opening_balances, landed.corporate_actions, calendar.opens)
    told = history.settled_of(landed.settlements, path.fills, landed.corporate_actions)
    settled = _placed(told)
    traded = effects_at(fills, grid_points(fills)).with_columns(
        is_entered=pl.col("point") == pl.col("traded"), is_leg=pl.lit(value=False)
    )
    parts = (*_beside(landed, path, settled), traded, *_legs(settled))
    return pl.concat([part.select(_COLUMNS) for part in parts]).sort("point", maintain_order=True)


def _placed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(point=pl.Series(grid_points(rows), dtype=pl.Int64))


def _beside(landed: Landed, path: Path, settled: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Opening balances, and what actions add."""
    openings = _placed(opening_fills(landed.opening_balances))
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
