"""Splits and dividends of the securities of a history, by session."""

from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.backtest.history.segments import Segment
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import PPM


class Actions(NamedTuple):
    """Splits or dividends in order of their sessions."""

    place: Int64Array
    security: Int64Array
    value: Int64Array
    """New shares for an old one, ppm; or micro-dollars a share held before."""

    def on(self, place: int) -> tuple[Int64Array, Int64Array]:
        """Securities and values of one session."""
        first, end = np.searchsorted(self.place, [place, place + 1])
        return self.security[first:end], self.value[first:end]


def price_at_opening(price: Int64Array, splits: Actions, place: int) -> Int64Array:
    """Closes before a session, a split of its opening taken out of them; micro-dollars."""
    found: Int64Array = price[place - 1].copy()
    for security, ratio in zip(*(column.tolist() for column in splits.on(place)), strict=True):
        found[security] = (2 * int(found[security]) * PPM + ratio) // (2 * ratio)
    return found


def actions_by_ticker(actions: pl.DataFrame, days: list[date]) -> dict[str, pl.DataFrame]:
    """Actions of each ticker with the place of the first session on or after their day."""
    known = np.array(days, dtype="datetime64[D]")
    placed = actions.with_columns(
        place=pl.Series(np.searchsorted(known, actions["day"].to_numpy().astype("datetime64[D]")))
    ).filter(pl.col("place") < len(days))
    parts = placed.sort("symbol", "place").partition_by("symbol", as_dict=True)
    return {str(key[0]): part for key, part in parts.items()}


def actions_of(found: list[Segment], told: dict[str, pl.DataFrame], scale: int) -> Actions:
    """Actions of the securities in units of a scale, each at its first row from its session on."""
    place, security, value = [], [], []
    for number, segment in enumerate(found):
        if segment.ticker not in told:
            continue
        rows = told[segment.ticker]
        at = np.searchsorted(segment.places, rows["place"].to_numpy())
        # At the first row there is no holder yet, and after the last there is none any more.
        within = (at > 0) & (at < len(segment.places))
        place += segment.places[at[within]].tolist()
        security += [number] * int(within.sum())
        value += np.rint(rows["value"].to_numpy()[within] * scale).astype(np.int64).tolist()
    order = np.lexsort((security, place)) if place else np.zeros(0, np.int64)
    columns = (np.array(column, dtype=np.int64)[order] for column in (place, security, value))
    return Actions(*columns)
