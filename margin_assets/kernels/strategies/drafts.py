"""A grouping while it is made: what is grouped so far, and what is left."""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import Int8Array, Int32Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.strategies.strategies import NONE, Group, Records


class Activities(NamedTuple):
    """The groups of a grouping, one entry a kind of group; a spread is followed by its legs."""

    kind: Int8Array
    """Position in `KINDS`."""
    members: Int32Array
    """Four legs an entry, -1 for none."""
    stock: Int32Array
    shares: Int64Array
    """Micro-units of the stock in one group."""
    count: Int64Array  # type: ignore[assignment]  # hides tuple.count, which is not used
    """Groups of the kind, or contracts of a spread's leg."""
    spread: Int32Array
    """Number of the spread within its class group, -1 outside of spreads."""
    amount: Int64Array
    """Maximum potential loss of a spread, micro-dollars; 0 elsewhere."""


class Grouping(NamedTuple):
    """What a class group requires, micro-dollars, and the groups that it is made of."""

    maintenance: int
    """With loan value taken off; `BEYOND` where amounts do not fit."""
    initial: int
    gap: float
    """What no other grouping requires less by; `TOO_LARGE` of one that was not looked for."""
    activities: Activities
    count: int  # type: ignore[assignment]  # hides tuple.count, which is not used
    """Activities there are; what is behind them is room."""


class Places(NamedTuple):
    """Contracts placed in spreads: the leg, a leg at the spread's threshold, how many."""

    leg: Int32Array
    threshold: Int32Array
    count: Int64Array  # type: ignore[assignment]  # hides tuple.count, which is not used


class Draft(NamedTuple):
    """A grouping while it is made, and what is left to be grouped."""

    left: Int64Array
    """Contracts of each leg."""
    shares: Int64Array
    """Shares of each stock."""
    activities: Activities
    places: Places
    written: Int64Array
    """Activities, places."""


@inner(**OWNS)
def empty_activities(room: int) -> Activities:
    """Room for some activities."""
    return Activities(
        kind=np.empty(room, dtype=np.int8),
        members=np.empty((room, 4), dtype=np.int32),
        stock=np.empty(room, dtype=np.int32),
        shares=np.empty(room, dtype=np.int64),
        count=np.empty(room, dtype=np.int64),
        spread=np.empty(room, dtype=np.int32),
        amount=np.empty(room, dtype=np.int64),
    )


@inner(**BORROWS)
def copy_activities(source: Activities, first: int, last: int, into: Activities, at: int) -> None:
    """Copies some activities to a place in others."""
    for n in range(first, last):
        m = at + n - first
        into.kind[m] = source.kind[n]
        for c in range(4):
            into.members[m, c] = source.members[n, c]
        into.stock[m] = source.stock[n]
        into.shares[m] = source.shares[n]
        into.count[m] = source.count[n]
        into.spread[m] = source.spread[n]
        into.amount[m] = source.amount[n]


@inner(**OWNS)
def _empty_places(room: int) -> Places:
    return Places(
        np.empty(room, dtype=np.int32),
        np.empty(room, dtype=np.int32),
        np.empty(room, dtype=np.int64),
    )


@njit(**OWNS)
def with_room(draft: Draft, more: int) -> Draft:
    """The draft with room for more activities and places."""
    activities, places = draft.activities, draft.places
    if len(activities.kind) < draft.written[0] + more:
        activities = empty_activities(2 * (draft.written[0] + more))
        copy_activities(draft.activities, 0, draft.written[0], activities, 0)
    if len(places.leg) < draft.written[1] + more:
        count = draft.written[1]
        places = _empty_places(2 * (count + more))
        # Assigning slices would compile what names their shapes where they do not fit.
        for n in range(count):
            places.leg[n] = draft.places.leg[n]
            places.threshold[n] = draft.places.threshold[n]
            places.count[n] = draft.places.count[n]
    return Draft(draft.left, draft.shares, activities, places, draft.written)


@inner(**BORROWS)
def write_group(draft: Draft, group: Group, count: int, spread: int, amount: int) -> None:
    """Writes an activity and takes what it uses from what is left."""
    activities, n = draft.activities, draft.written[0]
    activities.kind[n] = group.kind
    members = activities.members[n]
    members[0], members[1], members[2], members[3] = group.a, group.b, group.c, group.d
    activities.stock[n] = group.stock
    activities.shares[n] = group.shares
    activities.count[n] = count
    activities.spread[n] = spread
    activities.amount[n] = amount
    draft.written[0] = n + 1
    for i in members:
        if i != NONE:
            draft.left[i] -= count
    if group.stock != NONE:
        draft.shares[group.stock] -= count * group.shares


@inner(**BORROWS)
def place_contracts(draft: Draft, i: int, threshold: int, count: int) -> None:
    """Places contracts of leg i in the spread at a leg's threshold."""
    n = draft.written[1]
    draft.places.leg[n] = i
    draft.places.threshold[n] = threshold
    draft.places.count[n] = count
    draft.written[1] = n + 1
    draft.left[i] -= count


@njit(**OWNS)
def draft_of(legs: Records, stocks: Records) -> Draft:
    """A class group of which nothing is grouped yet."""
    room = 2 * len(legs) + len(stocks) + 8
    draft = Draft(
        left=np.empty(len(legs), dtype=np.int64),
        shares=np.empty(len(stocks), dtype=np.int64),
        activities=empty_activities(room),
        places=_empty_places(room),
        written=np.zeros(2, dtype=np.int64),
    )
    for i in range(len(legs)):
        draft.left[i] = abs(legs[i].contracts)
    for s in range(len(stocks)):
        draft.shares[s] = abs(stocks[s].shares)
    return draft
