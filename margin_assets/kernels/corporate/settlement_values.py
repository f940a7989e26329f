"""When options are settled that nobody reports, and the value of the underlying that decides.

What settles at the close is judged by the last price of its underlying in its last session, what
settles at the opening by the first price of its settlement session. A price of another session is
none: the option then waits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.counting import counting_from
from margin_assets.kernels.book.delivered_terms import is_unmodelled
from margin_assets.kernels.corporate.actions import Action
from margin_assets.kernels.corporate.carried import Quote, is_possible, over
from margin_assets.kernels.corporate.expiry_rules import expiry_rules
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import instants, to_scaled
from margin_assets.kernels.rules.expiry import SessionTimes
from margin_assets.kernels.rules.grid import day_of
from margin_assets.kernels.rules.instants import NEVER

NO_VALUE = -1
_DAY = 86_400_000_000


class Windows(NamedTuple):
    """Of each symbol, microseconds UTC; `NEVER` of what is no option or beyond the calendar."""

    over: Int64Array
    """End of its time; negative of what has none."""
    due: Int64Array
    """When it is settled by rule."""
    starts: Int64Array
    """Opening of the session that its value is of."""
    ends: Int64Array
    is_first: BoolArray
    """Whether the first price of that session decides; else the last."""


def windows(terms: pl.DataFrame, times: SessionTimes) -> Windows:
    """When each symbol is settled and by which prices: `expiry` and `expires_at` of each."""
    end = instants(terms["expires_at"])
    days = times.opens // _DAY  # the exchange opens on one day in New York and in Greenwich
    last = np.searchsorted(times.closes, end)
    expiry = terms["expiry"].cast(pl.Int64).fill_null(-1).to_numpy()
    session = np.searchsorted(days, expiry, side="right") - 1
    is_known = (end >= 0) & (session >= last) & (last + 1 < len(days))
    found = Windows(
        over=end,
        due=np.full(len(end), NEVER, dtype=np.int64),
        starts=np.full(len(end), NEVER, dtype=np.int64),
        ends=np.full(len(end), NEVER, dtype=np.int64),
        is_first=session > last,
    )
    at = session[is_known]
    found.starts[is_known], found.ends[is_known] = times.opens[at], times.closes[at]
    found.due[is_known] = times.opens[last[is_known] + 1] + _waits(end[is_known])
    return found


def _waits(ends: Int64Array) -> Int64Array:
    day, place = np.unique(ends // _DAY, return_inverse=True)
    waits = [expiry_rules(day_of(int(d) * _DAY)).unreported_after for d in day]
    found: Int64Array = np.array(waits, dtype=np.int64)[place]
    return found


def values_at(
    terms: pl.DataFrame, prices: pl.DataFrame, times: SessionTimes, acted: Sequence[Action], at: int
) -> Int64Array:
    """Value that decides each symbol of `terms` that waits at an instant; else `NO_VALUE`.

    Micro-dollars a unit of today. `prices` in landing order; what counts later is left out.
    """
    found = np.full(terms.height, NO_VALUE, dtype=np.int64)
    end = instants(terms["expires_at"])
    is_over = (end >= 0) & (end <= at) & ~is_unmodelled(terms).to_numpy()
    if not is_over.any():
        return found
    known = windows(terms, times)
    places = np.flatnonzero(is_over & (known.due > at) & (known.due < NEVER))
    asked = terms[places].select(
        "symbol",
        "underlying",
        starts=pl.Series(known.starts[places]),
        ends=pl.Series(np.minimum(known.ends[places], at)),
        is_first=pl.Series(known.is_first[places]),
    )
    if not len(places):
        return found
    values = settlement_values(asked, prices.filter(pl.Series(counting_from(prices) <= at)))
    found[places] = [
        value_today(values.get(name), above, ends, acted)
        for name, above, ends in asked.select("symbol", "underlying", "ends").iter_rows()
    ]
    return found


def value_today(value: int | None, underlying: str, made: int, acted: Sequence[Action]) -> int:
    """A value of the underlying in its units of today, which the strike is in."""
    if value is None:
        return NO_VALUE
    now = over(underlying, Quote(value, made), acted)
    return now.price if is_possible(now) else NO_VALUE


def settlement_values(asked: pl.DataFrame, prices: pl.DataFrame) -> dict[str, int]:
    """Value of the underlying, micro-dollars, by option; what has none is left out.

    `asked`: `symbol`, `underlying`, `starts`, `ends`, `is_first` of options. `prices` in landing
    order: of two at one time the later one stands.
    """
    times = prices.select(
        pl.col("symbol").alias("underlying"),
        at=pl.Series(instants(prices["event_time"])),
        value=pl.Series(to_scaled(prices["price"])),
    )
    standing = times.unique(["underlying", "at"], keep="last", maintain_order=True).sort("at")
    among = asked.join(standing, on="underlying", maintain_order="right").filter(
        pl.col("at").is_between("starts", "ends")
    )
    ends = among.group_by("symbol", maintain_order=True).agg(
        pl.when(pl.col("is_first").first())
        .then(pl.col("value").first())
        .otherwise(pl.col("value").last())
        .alias("value")
    )
    return dict(ends.iter_rows())
