"""What of an account may be traded, in lots, and what each position is left alone for."""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.series import OPTION, USABLE
from margin_assets.kernels.book.states import UNPRICED, state_names
from margin_assets.kernels.liquidation.policy import LiquidationPolicy
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import MAX_POSITION, MICRO, PPM, bounded
from margin_assets.kernels.securities.lines import input_states

KEPT, NO_VOLUME, WAITING = "kept", "volume_too_small", "awaiting_settlement"
VOLUME_UNKNOWN = -1
_MOST_VOLUME = 10**18  # micro-units a day that are counted: a larger market is never short


class Tradable(NamedTuple):
    """Positions that may be reduced, one entry each, in the order of the book."""

    place: Int64Array
    """Place in the book."""
    kind: npt.NDArray[np.int8]
    lot: Int64Array
    """Micro-units of a lot."""
    units: Int64Array
    """Micro-units held, absolute: the last lot is what remains of them."""
    most: Int64Array
    """Lots that may be traded."""
    least: Int64Array
    """Lots that an order has at least."""
    volume: Int64Array
    """Micro-units a day that its impact is measured by; `VOLUME_UNKNOWN` where none is known."""


class LeftAlone(NamedTuple):
    """A position that no order touches, and why."""

    symbol: str
    reason: str


def volumes_of(positions: pl.DataFrame, volumes: pl.DataFrame) -> tuple[Int64Array, Int64Array]:
    """Average daily volume of each position's own symbol and of what its impact falls on.

    `volumes` has a row a symbol with `average_daily_volume`. An option's impact falls on its
    underlying. Micro-units; `VOLUME_UNKNOWN` where there is no row.
    """
    known = dict(
        zip(
            volumes["symbol"].to_list(),
            bounded(volumes["average_daily_volume"], _MOST_VOLUME).tolist(),
            strict=True,
        )
    )
    own = [known.get(symbol, VOLUME_UNKNOWN) for symbol in positions["symbol"]]
    names = positions.select(pl.coalesce("underlying", "symbol")).to_series()
    moved = [known.get(symbol, VOLUME_UNKNOWN) for symbol in names]
    return np.array(own, dtype=np.int64), np.array(moved, dtype=np.int64)


def tradable_of(
    era: Margined, volumes: pl.DataFrame, policy: LiquidationPolicy, keep: Collection[str]
) -> tuple[Tradable, tuple[LeftAlone, ...]]:
    """What may be traded of one account, and what may not.

    Left alone is what is on the list to keep (an option also by its underlying), what has no usable
    price, what awaits settlement, and what its volume allows no lot of.
    """
    book, series = era.held, era.series
    place = np.arange(len(book.series), dtype=np.int64)
    kind = series.kind[book.series]
    own, moved = volumes_of(era.positions, volumes)
    lot = np.array([k.lot for k in policy.kinds], dtype=np.int64)[kind]
    lot = np.where(kind == OPTION, lot // MICRO * series.multiplier[book.series], lot)
    units = np.abs(book.quantity)
    most = np.minimum(-(-units // lot), _allowed(own, lot, kind, policy))
    least = np.array([k.least for k in policy.kinds], dtype=np.int64)[kind]
    found = Tradable(place, kind, lot, units, most, np.minimum(least, most), moved)
    reasons = _reasons(era, most, keep)
    is_free = np.array([not reason for reason in reasons], dtype=np.bool_)
    symbols = era.positions["symbol"].to_list()
    alone = (LeftAlone(s, reason) for s, reason in zip(symbols, reasons, strict=True) if reason)
    return _chosen(found, is_free), tuple(alone)


def _chosen(found: Tradable, is_free: BoolArray) -> Tradable:
    return Tradable._make(column[is_free] for column in found)


def _allowed(
    volume: Int64Array, lot: Int64Array, kind: npt.NDArray[np.int8], policy: LiquidationPolicy
) -> Int64Array:
    """Lots that the share of the volume allows; of an unknown volume any number."""
    share = np.array([k.volume_share for k in policy.kinds], dtype=np.int64)[kind]
    whole, rest = volume // PPM, volume % PPM
    cap = (whole * share + rest * share // PPM) // lot
    return np.where(volume == VOLUME_UNKNOWN, np.iinfo(np.int64).max, cap)


def _reasons(era: Margined, most: Int64Array, keep: Collection[str]) -> list[str]:
    """Why each position is left alone; empty where it is not."""
    series, held = era.series, era.held
    names = era.positions.select("symbol", "underlying").rows()
    found = []
    for i, (symbol, underlying) in enumerate(names):
        s = held.series[i]
        if symbol in keep or underlying in keep:
            found.append(KEPT)
        elif series.is_ended[s]:
            found.append(WAITING)
        elif series.price_state[s] > USABLE:
            found.append(state_names(int(input_states(series, s)) & UNPRICED))
        elif held.quantity[i] > MAX_POSITION or held.quantity[i] < -MAX_POSITION:
            found.append("beyond_range")
        else:
            found.append("" if most[i] > 0 else NO_VOLUME)
    return found
