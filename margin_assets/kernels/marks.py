"""Marks: which session an instant belongs to, and how good a price still is."""

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.book import FRESH, MISSING, STALE, UNUSABLE, Int8Array, Int64Array
from margin_assets.kernels.rules import Rules

NEVER = np.iinfo(np.int64).max


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
