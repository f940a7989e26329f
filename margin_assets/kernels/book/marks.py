"""Marks: which session an instant belongs to, and how good a price still is."""

import numpy as np
import numpy.typing as npt
import polars as pl

from margin_assets.kernels.book.counting import counting_from
from margin_assets.kernels.book.fills import effects_at
from margin_assets.kernels.book.last_fills import last_fills, trades_of, with_places
from margin_assets.kernels.book.series import FILL, FRESH, MISSING, STALE, UNUSABLE
from margin_assets.kernels.numeric.arrays import Int8Array, Int64Array
from margin_assets.kernels.numeric.money import instants, to_decimal, to_instants
from margin_assets.kernels.rules.instants import NEVER
from margin_assets.kernels.rules.rules import Rules
from schemas.margin import PRICE_STATES


def session_of(instant: Int64Array, opens: Int64Array) -> Int64Array:
    """Index of the latest session that opened at or before each instant; -1 before the first.

    `opens` holds the opening of every session, microseconds, ascending.
    """
    return (np.searchsorted(opens, instant, side="right") - 1).astype(np.int64)


def price_states(price_time: Int64Array, at: int, opens: Int64Array, rules: Rules) -> Int8Array:
    """State of each price at an instant; a negative price time means there is none."""
    now = session_of(np.array([at]), opens)[0]
    age = now - session_of(price_time, opens)
    state = np.full(len(price_time), FRESH, dtype=np.int8)
    state[age > rules.stale_after] = STALE
    state[age > rules.unusable_after] = UNUSABLE
    state[price_time < 0] = MISSING
    return state


def marked_by_fill(
    state: Int8Array, fill_time: Int64Array, at: int, opens: Int64Array
) -> npt.NDArray[np.bool_]:
    """Which symbols without a usable price are marked at their last fill's, being of its session.

    `fill_time` is negative where there was no fill. Source: FINRA 4210(a)(2), which values a
    security at its cost or proceeds on the day of its trade; house semantics, 8.28.
    """
    now = session_of(np.array([at]), opens)[0]
    is_today = (fill_time >= 0) & (session_of(fill_time, opens) == now)
    found: npt.NDArray[np.bool_] = is_today & (state >= UNUSABLE)
    return found


def next_opening(at: int, opens: Int64Array) -> int:
    """Opening of the session after the one of an instant; `NEVER` if none is known."""
    return int(_opening(session_of(np.array([at]), opens) + 1, opens)[0])


def next_change(price_time: Int64Array, at: int, opens: Int64Array, rules: Rules) -> Int64Array:
    """Next session opening after `at` that changes each price's state; `NEVER` if none."""
    made = session_of(price_time, opens)
    change = np.full(len(price_time), NEVER, dtype=np.int64)
    for age in (rules.unusable_after, rules.stale_after):
        opening = _opening(made + age + 1, opens)
        change = np.where(opening > at, opening, change)
    return np.where(price_time < 0, NEVER, change)


def _opening(session: Int64Array, opens: Int64Array) -> npt.NDArray[np.int64]:
    padded = np.append(opens, NEVER)
    return padded[np.clip(session, 0, len(opens))]


def with_price_states(
    terms: pl.DataFrame, at: int, opens: Int64Array, rules: Rules
) -> pl.DataFrame:
    """Terms with the state of each price at an instant (microseconds)."""
    states = price_states(instants(terms["price_time"]), at, opens, rules)
    words = np.array(PRICE_STATES, dtype=object)[states].tolist()
    return terms.with_columns(price_state=pl.Series(words, dtype=pl.String))


def with_fill_prices(
    terms: pl.DataFrame, fills: pl.DataFrame, at: int, opens: Int64Array
) -> pl.DataFrame:
    """Terms where what has no usable price has its last fill's, in that fill's session.

    `fills` are everybody's, in landing order.
    """
    is_lacking = pl.col("price_state").is_in(PRICE_STATES[UNUSABLE:])
    lacking = terms.filter(is_lacking)["symbol"]
    its = pl.col("symbol").is_in(lacking.implode()) & pl.Series(counting_from(fills) <= at)
    known = fills.filter(its)
    if known.is_empty():
        return terms
    last = last_fills(trades_of(with_places(effects_at(known, counting_from(known)), known)))
    state = np.full(last.height, UNUSABLE, dtype=np.int8)
    marking = last.filter(pl.Series(marked_by_fill(state, last["time"].to_numpy(), at, opens)))
    found = marking.select(
        "symbol",
        fill_price=to_decimal(marking["price"].to_numpy(), 6),
        fill_time=to_instants(marking["time"].to_numpy()),
    )
    is_marked = pl.col("fill_time").is_not_null()
    return (
        terms.join(found, on="symbol", how="left", maintain_order="left", validate="1:1")
        .with_columns(
            last_price=pl.coalesce("fill_price", "last_price"),
            price_time=pl.coalesce("fill_time", "price_time"),
            price_state=pl.when(is_marked)
            .then(pl.lit(PRICE_STATES[FILL]))
            .otherwise("price_state"),
        )
        .drop("fill_price", "fill_time")
    )
