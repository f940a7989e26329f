"""Spreads: which legs may be in one together, and what it can lose.

Two spreads whose shorts and longs may all be joined lose no more as one (the worst of a sum is at
most the sum of the worsts), so there is one spread a threshold: shorts that expire at or before
it, longs that expire at or after it. Source: FINRA Rule 4210(f)(2)(H)(i), Regulatory Notice 12-44.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.choices import Choices, Part, add_place, choices_of
from margin_assets.kernels.compiled import BORROWS, OWNS
from margin_assets.kernels.strategies import (
    NONE,
    Int32Array,
    Int64Array,
    Records,
    naked,
    payoff,
)


class Layout(NamedTuple):
    """What may be chosen for a part, and where its spreads stand."""

    choices: Choices
    begins: Int64Array
    """Where the places of each spread begin among the choices, and where the last ones end."""
    home: Int32Array
    """The spread that a long leg is in whole, having no other use; -1 for none."""
    spreads: Int32Array
    """A short leg, as position in the part, at whose expiry each spread has its threshold."""


@njit(**BORROWS)
def same_book(legs: Records, i: int, o: int) -> bool:
    """Whether two legs may be in one spread but for their expiries."""
    return legs[i].underlying == legs[o].underlying and legs[i].is_listed == legs[o].is_listed


@njit(**BORROWS)
def may_join(legs: Records, i: int, threshold: int) -> bool:
    """Whether leg i may be in the spread with its threshold at the expiry of another leg."""
    if not same_book(legs, i, threshold):
        return False
    if legs[i].contracts < 0:
        return legs[i].expiry <= legs[threshold].expiry
    return legs[i].expiry >= legs[threshold].expiry


@njit(**BORROWS)
def _is_threshold(part: Part, p: int) -> bool:
    """Whether a short leg is the first of its expiry and a long one expires before the next.

    If none does, the spread at the next expiry takes the same longs and more shorts.
    """
    legs, i = part.legs, part.ids[p]
    following = np.int64(1) << 40
    for q in range(len(part.ids)):
        o = part.ids[q]
        if legs[o].contracts < 0 and same_book(legs, i, o):
            if legs[o].expiry == legs[i].expiry and q < p:
                return False
            if legs[o].expiry > legs[i].expiry:
                following = min(following, np.int64(legs[o].expiry))
    for o in part.ids:
        is_long = legs[o].contracts > 0 and same_book(legs, i, o)
        if is_long and legs[i].expiry <= legs[o].expiry < following:
            return True
    return False


@njit(**OWNS)
def spreads_of(part: Part) -> Int32Array:
    """A short leg for each threshold that a spread may have."""
    found = np.empty(len(part.ids), dtype=np.int32)
    count = 0
    for p in range(len(part.ids)):
        if part.legs[part.ids[p]].contracts < 0 and _is_threshold(part, p):
            found[count] = p
            count += 1
    return found[:count]


@njit(**OWNS)
def _homes(part: Part, lone: Int64Array, choices: Choices, spreads: Int32Array) -> Int32Array:
    """The only spread of each long leg that lends nothing alone and serves no other group."""
    home = np.full(len(part.ids), NONE, dtype=np.int32)
    is_used = np.zeros(len(part.ids), dtype=np.bool_)
    for j in range(choices.count[0]):
        for m in range(4):
            if choices.members[j, m] != NONE:
                is_used[choices.members[j, m]] = True
    for p in range(len(part.ids)):
        if part.legs[part.ids[p]].contracts < 0 or is_used[p] or lone[p] != 0:
            continue
        count = 0
        for k in range(len(spreads)):
            if may_join(part.legs, part.ids[p], part.ids[spreads[k]]):
                home[p] = k
                count += 1
        if count > 1:
            home[p] = NONE
    return home


@njit(**BORROWS)
def _has_long_call(part: Part, threshold: int) -> bool:
    for i in part.ids:
        if part.legs[i].contracts > 0 and part.legs[i].is_call:
            if may_join(part.legs, i, threshold):
                return True
    return False


@njit(**OWNS)
def _list_places(
    part: Part, lone: Int64Array, choices: Choices, home: Int32Array, spreads: Int32Array
) -> Int64Array:
    """Lists the places of each spread, one spread after the other; where each begins.

    Without a long call a spread has no place for a short one: its loss would have no bound.
    """
    legs = part.legs
    begins = np.empty(len(spreads) + 1, dtype=np.int64)
    for k in range(len(spreads)):
        begins[k] = choices.count[0]
        threshold = part.ids[spreads[k]]
        has_long_call = _has_long_call(part, threshold)
        for p in range(len(part.ids)):
            i = part.ids[p]
            is_unbounded = legs[i].contracts < 0 and legs[i].is_call and not has_long_call
            if home[p] == NONE and not is_unbounded and may_join(legs, i, threshold):
                add_place(choices, p, k, lone[p])
    begins[len(spreads)] = choices.count[0]
    return begins


@njit(**OWNS)
def layout_of(part: Part, lone: Int64Array) -> Layout:
    """Choices of a part: its groups, then the places in each of its spreads."""
    spreads = spreads_of(part)
    choices = choices_of(part, lone, len(part.ids) * len(spreads))
    home = _homes(part, lone, choices, spreads)
    begins = _list_places(part, lone, choices, home, spreads)
    return Layout(choices, begins, home, spreads)


@njit(**OWNS)
def loss_points(legs: Records, held: Int64Array) -> Int64Array:
    """Prices at which a spread may lose most: 0 and its strikes."""
    count = 1
    for i in range(len(held)):
        count += 1 if held[i] > 0 else 0
    points = np.zeros(count, dtype=np.int64)
    count = 1
    for i in range(len(held)):
        if held[i] > 0:
            points[count] = legs[i].strike
            count += 1
    return np.unique(points)


@njit(**OWNS)
def losses_at(legs: Records, held: Int64Array, points: Int64Array) -> Int64Array:
    """What the contracts are worth against the account at each price, micro-dollars."""
    losses = np.zeros(len(points), dtype=np.int64)
    for i in range(len(held)):
        if held[i] > 0:
            count = -held[i] if legs[i].contracts > 0 else held[i]
            for p in range(len(points)):
                losses[p] += count * payoff(legs[i], points[p])
    return losses


@njit(**BORROWS)
def call_slope(legs: Records, held: Int64Array) -> int:
    """Units of long calls less those of short ones: below 0 the loss has no bound."""
    slope = 0
    for i in range(len(held)):
        if held[i] > 0 and legs[i].is_call:
            units = held[i] * legs[i].units
            slope += units if legs[i].contracts > 0 else -units
    return slope


@njit(**OWNS)
def release(legs: Records, held: Int64Array) -> int:
    """Takes out long contracts that the maximum potential loss does not need, and returns it.

    In canonical order, each as far as it goes; one long contract stays.
    """
    points = loss_points(legs, held)
    losses = losses_at(legs, held, points)
    slope, worst, longs = call_slope(legs, held), max(losses.max(), 0), 0
    for i in range(len(held)):
        longs += held[i] if legs[i].contracts > 0 else 0
    for i in range(len(held)):
        if held[i] == 0 or legs[i].contracts < 0:
            continue
        spare = min(held[i], longs - 1)
        if legs[i].is_call:
            spare = min(spare, slope // legs[i].units)
        for p in range(len(points)):
            value = payoff(legs[i], points[p])
            if value > 0:
                spare = min(spare, (worst - losses[p]) // value)
        if spare > 0:
            held[i] -= spare
            longs -= spare
            slope -= spare * legs[i].units if legs[i].is_call else 0
            for p in range(len(points)):
                losses[p] += spare * payoff(legs[i], points[p])
    return worst


@njit(**BORROWS)
def _joins(legs: Records, i: int, threshold: int, spare: int) -> bool:
    is_free = legs[i].contracts < 0 or legs[i].loan == 0
    expires_with = legs[i].expiry == legs[threshold].expiry
    return spare > 0 and is_free and expires_with and same_book(legs, i, threshold)


@njit(**BORROWS)
def _worst_with(legs: Records, i: int, count: int, points: Int64Array, losses: Int64Array) -> int:
    worst = 0
    for p in range(len(points)):
        worst = max(worst, losses[p] + count * payoff(legs[i], points[p]))
    return worst


@njit(**OWNS)
def widen(legs: Records, threshold: int, left: Int64Array, held: Int64Array) -> None:
    """Puts into a spread what else expires at its threshold, where that requires less.

    All long contracts, of which `release` gives back what is not needed; then each short leg
    whole, if alone it requires more than what the spread loses on top.
    """
    wanted = held.copy()
    for i in range(len(held)):
        if _joins(legs, i, threshold, left[i] - held[i]):
            wanted[i] = left[i]
            if legs[i].contracts > 0:
                held[i] = left[i]
    points = loss_points(legs, wanted)
    losses, slope = losses_at(legs, held, points), call_slope(legs, held)
    worst = max(losses.max(), 0)
    for i in range(len(held)):
        count = wanted[i] - held[i]
        units = count * legs[i].units if legs[i].is_call else 0
        if count == 0 or units > slope:
            continue
        wider = _worst_with(legs, i, count, points, losses)
        if wider - worst < count * naked(legs[i]):
            held[i] += count
            slope -= units
            worst = wider
            for p in range(len(points)):
                losses[p] += count * payoff(legs[i], points[p])
