"""Spreads: which legs may be in one together, and what it can lose.

A spread is long and short options that together have a limited risk and a limited reward: of one
underlying, all of one style, all listed or all OTC, of equal aggregate contract value long and
short, each short one expiring with or before its long one. Contract value is units of the one
underlying, so that it is equal where the units are. Above all strikes a unit more of short calls
than of long ones loses without limit, and one of long calls gains without limit: the units of
calls are equal long and short, and with those of all options so are the units of puts. A short
put beside a long call is none; an iron condor, a box, a butterfly and a calendar are.

Two spreads whose shorts and longs may all be joined lose no more as one (the worst of a sum is at
most the sum of the worsts), so there is one spread a style and threshold: shorts that expire at or
before it, longs that expire at or after it.

Source: FINRA Rule 4210(f)(2)(A) as amended in 2012 and (H)(i), Regulatory Notice 12-44.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import Int32Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.strategies.choices import Choices, add_place, choices_of
from margin_assets.kernels.strategies.grouping_parts import Part
from margin_assets.kernels.strategies.strategies import NONE, Records, naked, payoff


class Layout(NamedTuple):
    """What may be chosen for a part, and where its spreads stand."""

    choices: Choices
    begins: Int64Array
    """Where the places of each spread begin among the choices, and where the last ones end."""
    spreads: Int32Array
    """A short leg, as position in the part, at whose expiry each spread has its threshold."""


@inner(**BORROWS)
def same_book(legs: Records, i: int, o: int) -> bool:
    """Whether two legs may be in one spread but for their expiries."""
    same = legs[i].underlying == legs[o].underlying and legs[i].is_listed == legs[o].is_listed
    return same and legs[i].is_european == legs[o].is_european


@inner(**BORROWS)
def may_join(legs: Records, i: int, threshold: int) -> bool:
    """Whether leg i may be in the spread with its threshold at the expiry of another leg."""
    if not same_book(legs, i, threshold):
        return False
    if legs[i].contracts < 0:
        return legs[i].expiry <= legs[threshold].expiry
    return legs[i].expiry >= legs[threshold].expiry


@inner(**BORROWS)
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


@inner(**OWNS)
def spreads_of(part: Part) -> Int32Array:
    """A short leg for each threshold that a spread may have."""
    found = np.empty(len(part.ids), dtype=np.int32)
    count = 0
    for p in range(len(part.ids)):
        if part.legs[part.ids[p]].contracts < 0 and _is_threshold(part, p):
            found[count] = p
            count += 1
    return found[:count]


@inner(**BORROWS)
def _has_other_side(part: Part, i: int, threshold: int) -> bool:
    """Whether a leg of the same right on the other side may be in the spread with leg i."""
    legs = part.legs
    for o in part.ids:
        is_other = (legs[o].contracts < 0) != (legs[i].contracts < 0)
        if is_other and legs[o].is_call == legs[i].is_call and may_join(legs, o, threshold):
            return True
    return False


@inner(**OWNS)
def _list_places(part: Part, lone: Int64Array, choices: Choices, spreads: Int32Array) -> Int64Array:
    """Lists the places of each spread, one spread after the other; where each begins."""
    begins = np.empty(len(spreads) + 1, dtype=np.int64)
    for k in range(len(spreads)):
        begins[k] = choices.count[0]
        threshold = part.ids[spreads[k]]
        for p in range(len(part.ids)):
            i = part.ids[p]
            if may_join(part.legs, i, threshold) and _has_other_side(part, i, threshold):
                add_place(choices, p, k, lone[p])
    begins[len(spreads)] = choices.count[0]
    return begins


@njit(**OWNS)
def layout_of(part: Part, lone: Int64Array) -> Layout:
    """Choices of a part: its groups, then the places in each of its spreads."""
    spreads = spreads_of(part)
    choices = choices_of(part, lone, len(part.ids) * len(spreads))
    return Layout(choices, _list_places(part, lone, choices, spreads), spreads)


@inner(**OWNS)
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


@inner(**OWNS)
def losses_at(legs: Records, held: Int64Array, points: Int64Array) -> Int64Array:
    """What the contracts are worth against the account at each price, micro-dollars."""
    losses = np.zeros(len(points), dtype=np.int64)
    for i in range(len(held)):
        if held[i] > 0:
            count = -held[i] if legs[i].contracts > 0 else held[i]
            for p in range(len(points)):
                losses[p] += count * payoff(legs[i], points[p])
    return losses


@inner(**BORROWS)
def call_slope(legs: Records, held: Int64Array) -> int:
    """Units of long calls less those of short ones: below 0 the loss has no bound."""
    slope = 0
    for i in range(len(held)):
        if held[i] > 0 and legs[i].is_call:
            units = held[i] * legs[i].units
            slope += units if legs[i].contracts > 0 else -units
    return slope


@inner(**OWNS)
def largest_loss(legs: Records, held: Int64Array) -> int:
    """Maximum potential loss of a spread, micro-dollars."""
    return max(losses_at(legs, held, loss_points(legs, held)).max(), 0)


@inner(**BORROWS)
def _joins(legs: Records, i: int, threshold: int, spare: int) -> bool:
    is_free = legs[i].contracts < 0 or legs[i].loan == 0
    expires_with = legs[i].expiry == legs[threshold].expiry
    return spare > 0 and is_free and expires_with and same_book(legs, i, threshold)


@inner(**BORROWS)
def _worst_with(
    legs: Records, pair: tuple[int, int], count: int, points: Int64Array, losses: Int64Array
) -> int:
    """Loss of a spread with so many pairs of a short leg and a long one more."""
    worst = 0
    for p in range(len(points)):
        lost = payoff(legs[pair[0]], points[p]) - payoff(legs[pair[1]], points[p])
        worst = max(worst, losses[p] + count * lost)
    return worst


@inner(**OWNS)
def _joining(legs: Records, threshold: int, left: Int64Array, held: Int64Array) -> Int64Array:
    """Legs that expire at a spread's threshold and have contracts left."""
    found, count = np.empty(len(held), dtype=np.int64), 0
    for i in range(len(held)):
        if _joins(legs, i, threshold, left[i] - held[i]):
            found[count] = i
            count += 1
    return found[:count]


@inner(**OWNS)
def widen(legs: Records, threshold: int, left: Int64Array, held: Int64Array) -> None:
    """Puts into a spread what else expires at its threshold, where that requires less.

    Short legs in their order, each with the long leg of its right and size that loses least, as
    long as alone they require more than what the spread loses on top.
    """
    joining, wanted = _joining(legs, threshold, left, held), held.copy()
    for i in joining:
        wanted[i] = left[i]
    points = loss_points(legs, wanted)
    losses = losses_at(legs, held, points)
    worst = max(losses.max(), 0)
    for i in joining:
        while legs[i].contracts < 0 and held[i] < left[i]:
            best, taken, wider = NONE, np.int64(0), np.int64(0)
            for o in joining:
                count = min(left[i] - held[i], left[o] - held[o])
                same = legs[o].is_call == legs[i].is_call and legs[o].units == legs[i].units
                if legs[o].contracts < 0 or not same or count == 0:
                    continue
                found = _worst_with(legs, (i, o), count, points, losses)
                if best == NONE or found - count * naked(legs[i]) < wider - taken * naked(legs[i]):
                    best, taken, wider = o, count, found
            if best == NONE or wider - worst >= taken * naked(legs[i]):
                break
            held[i] += taken
            held[best] += taken
            worst = wider
            for p in range(len(points)):
                lost = payoff(legs[i], points[p]) - payoff(legs[best], points[p])
                losses[p] += taken * lost
