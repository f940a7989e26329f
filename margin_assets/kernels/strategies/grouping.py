"""The least requirement by grouping: option legs and stock of a class group, each used once.

The least is that of a whole-number program, solved and proven. What is too large for it, or is not
proven within its work, goes to `large_groups`. Source: FINRA Rule 4210(f)(2).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import Int8Array, Int32Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS
from margin_assets.kernels.numeric.money import BEYOND
from margin_assets.kernels.optimize.branching import most_saving
from margin_assets.kernels.strategies.choices import Part, alone, group_of
from margin_assets.kernels.strategies.grouping_parts import is_first, labels, positions, size
from margin_assets.kernels.strategies.grouping_program import boxes_of, program_of
from margin_assets.kernels.strategies.spreads import (
    Layout,
    largest_loss,
    layout_of,
    same_book,
    widen,
)
from margin_assets.kernels.strategies.strategies import (
    BOXED_STOCK,
    LONG_OPTION,
    NONE,
    PROTECTED_SHORT,
    SHORT_OPTION,
    SPREAD,
    SPREAD_LEG,
    STOCK,
    Group,
    Records,
    StrategyRates,
    box_gain,
    group_initial,
    group_maintenance,
    is_sold_against,
)

WORK = 100_000_000
"""Multiply-adds after which the search for one class group ends, proven or not."""
PROOF = 5_000.0
"""Half a cent: no grouping of a proven class group costs less by as much."""
TOO_LARGE = -1.0
_LEGS = 64
_CELLS = 60_000  # entries of a tableau that is worked on whole
FITS = 1.0e18


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


class _Places(NamedTuple):
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
    places: _Places
    written: Int64Array
    """Activities, places."""


@njit(**OWNS)
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


@njit(**BORROWS)
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


@njit(**OWNS)
def _places(room: int) -> _Places:
    return _Places(
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
        places = _places(2 * (count + more))
        places.leg[:count] = draft.places.leg[:count]
        places.threshold[:count] = draft.places.threshold[:count]
        places.count[:count] = draft.places.count[:count]
    return Draft(draft.left, draft.shares, activities, places, draft.written)


@njit(**BORROWS)
def _write(draft: Draft, group: Group, count: int, spread: int, amount: int) -> None:
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


@njit(**BORROWS)
def _place(draft: Draft, i: int, threshold: int, count: int) -> None:
    n = draft.written[1]
    draft.places.leg[n] = i
    draft.places.threshold[n] = threshold
    draft.places.count[n] = count
    draft.written[1] = n + 1
    draft.left[i] -= count


@njit(**BORROWS)
def take(part: Part, layout: Layout, counts: Int64Array, draft: Draft) -> None:
    """Writes what a program's answer chose; contracts in spreads are only placed."""
    choices = layout.choices
    for j in range(choices.count[0]):
        if counts[j] == 0:
            continue
        if choices.spread[j] == NONE:
            _write(draft, group_of(part, choices, j), counts[j], NONE, 0)
        else:
            threshold = part.ids[layout.spreads[choices.spread[j]]]
            _place(draft, part.ids[choices.members[j, 0]], threshold, counts[j])


@njit(**OWNS)
def group_whole(part: Part, work: int, draft: Draft) -> tuple[Draft, float]:
    """Groups a part at once, if it is small enough; what a better grouping may save, or -1."""
    if len(part.ids) > _LEGS:
        return draft, -1.0
    lone = alone(part)
    layout = layout_of(part, lone)
    columns = layout.choices.count[0] + len(layout.spreads) + boxes_of(part)
    if columns * (len(part.ids) * (1 + len(layout.spreads)) + len(part.stock_ids)) > _CELLS:
        return draft, -1.0
    answer = most_saving(program_of(part, layout), work)
    draft = with_room(draft, columns + len(part.ids))
    take(part, layout, answer.counts, draft)
    return draft, answer.gap


@njit(**BORROWS)
def _is_same_spread(legs: Records, i: int, o: int) -> bool:
    return same_book(legs, i, o) and legs[i].expiry == legs[o].expiry


@njit(**BORROWS)
def _gather(legs: Records, draft: Draft, entry: int, held: Int64Array) -> int:
    """Gathers what is placed in the spread of an entry; how many contracts of it are short."""
    places, shorts = draft.places, 0
    for i in range(len(held)):
        held[i] = 0
    threshold = places.threshold[entry]
    for e in range(entry, draft.written[1]):
        if places.count[e] > 0 and _is_same_spread(legs, places.threshold[e], threshold):
            held[places.leg[e]] += places.count[e]
            shorts += places.count[e] if legs[places.leg[e]].contracts < 0 else 0
            places.count[e] = 0
    return shorts


@njit(**OWNS)
def write_spreads(legs: Records, draft: Draft, is_whole: bool) -> Draft:
    """Writes the spreads with their maximum potential loss."""
    held = np.zeros(len(legs), dtype=np.int64)
    spread = 0
    for e in range(draft.written[1]):
        if draft.places.count[e] == 0:
            continue
        threshold = draft.places.threshold[e]
        shorts, longs = _gather(legs, draft, e, held), 0
        for i in range(len(held)):
            draft.left[i] += held[i]
            longs += held[i] if legs[i].contracts > 0 else 0
        if not is_whole:
            widen(legs, threshold, draft.left, held)
        if shorts == 0 or longs == 0:
            continue
        loss = largest_loss(legs, held)
        draft = with_room(draft, 1 + len(held))
        _write(draft, Group(SPREAD, NONE, NONE, NONE, NONE, NONE, 0), 1, spread, loss)
        for i in range(len(held)):
            if held[i] > 0:
                leg = Group(SPREAD_LEG, i, NONE, NONE, NONE, NONE, 0)
                _write(draft, leg, held[i], spread, 0)
        spread += 1
    return draft


@njit(**BORROWS)
def _write_boxes(stocks: Records, draft: Draft) -> None:
    """Writes what is left of a security both ways."""
    for s in range(len(stocks)):
        if stocks[s].other == 0 or stocks[s].shares < 0 or box_gain(stocks, s) <= 0:
            continue
        other = s + stocks[s].other
        boxed = min(draft.shares[s], draft.shares[other])
        if boxed > 0:
            _write(draft, Group(BOXED_STOCK, NONE, NONE, NONE, NONE, s, boxed), 1, NONE, 0)
            draft.shares[other] -= boxed


@njit(**BORROWS)
def _write_sales(legs: Records, stocks: Records, draft: Draft) -> None:
    """Writes short stock that is left with long calls that are left, where it opens with less.

    Together they require what they do alone, or they would be grouped already.
    """
    for s in range(len(stocks)):
        for i in range(len(legs)):
            is_own = legs[i].underlying == stocks[s].underlying and stocks[s].shares < 0
            is_free = legs[i].is_call and legs[i].contracts > 0 and legs[i].loan == 0
            if is_own and is_free and is_sold_against(legs[i], stocks[s]):
                count = min(draft.left[i], draft.shares[s] // legs[i].units)
                if count > 0:
                    group = Group(PROTECTED_SHORT, i, NONE, NONE, NONE, s, legs[i].units)
                    _write(draft, group, count, NONE, 0)


@njit(**OWNS)
def write_alone(legs: Records, stocks: Records, draft: Draft) -> Draft:
    """Writes what is left: securities both ways, then every leg and stock on its own."""
    draft = with_room(draft, 2 * (len(legs) + len(stocks)))
    _write_boxes(stocks, draft)
    _write_sales(legs, stocks, draft)
    for i in range(len(legs)):
        if draft.left[i] > 0:
            kind = LONG_OPTION if legs[i].contracts > 0 else SHORT_OPTION
            _write(draft, Group(kind, i, NONE, NONE, NONE, NONE, 0), draft.left[i], NONE, 0)
    for s in range(len(stocks)):
        if draft.shares[s] > 0:
            _write(draft, Group(STOCK, NONE, NONE, NONE, NONE, s, draft.shares[s]), 1, NONE, 0)
    return draft


@njit(**BORROWS)
def requirement(
    first: int,
    last: int,
    activities: Activities,
    legs: Records,
    stocks: Records,
    rates: StrategyRates,
) -> tuple[int, int]:
    """Maintenance and initial of some activities at the given prices, micro-dollars.

    With other prices than those that the grouping was made for, it is the same grouping struck
    again: spreads keep their maximum potential loss, which no price moves.
    """
    maintenance = initial = 0
    for n in range(first, last):
        kind, count = activities.kind[n], activities.count[n]
        if kind == SPREAD:
            maintenance += activities.amount[n]
            initial += activities.amount[n]
        elif kind != SPREAD_LEG:
            group = activity_group(activities, n)
            maintenance += count * group_maintenance(group, legs, stocks, rates)
            initial += count * group_initial(group, legs, stocks, rates)
    return maintenance, initial


@njit(**BORROWS)
def activity_group(activities: Activities, n: int) -> Group:
    """The group that an activity repeats."""
    members = activities.members[n]
    return Group(
        activities.kind[n],
        members[0],
        members[1],
        members[2],
        members[3],
        activities.stock[n],
        activities.shares[n],
    )


@njit(**OWNS)
def draft_of(legs: Records, stocks: Records) -> Draft:
    """A class group of which nothing is grouped yet."""
    room = 2 * len(legs) + len(stocks) + 8
    draft = Draft(
        left=np.empty(len(legs), dtype=np.int64),
        shares=np.empty(len(stocks), dtype=np.int64),
        activities=empty_activities(room),
        places=_places(room),
        written=np.zeros(2, dtype=np.int64),
    )
    for i in range(len(legs)):
        draft.left[i] = abs(legs[i].contracts)
    for s in range(len(stocks)):
        draft.shares[s] = abs(stocks[s].shares)
    return draft


@njit(**OWNS)
def grouping_of(
    legs: Records, stocks: Records, rates: StrategyRates, draft: Draft, gap: float
) -> Grouping:
    """A draft of which nothing is left to be grouped."""
    count = draft.written[0]
    maintenance, initial = requirement(0, count, draft.activities, legs, stocks, rates)
    return Grouping(maintenance, initial, gap, draft.activities, count)


@njit(**OWNS)
def least_grouping(legs: Records, stocks: Records, rates: StrategyRates, work: int) -> Grouping:
    """The grouping of one class group that requires least, and what a better one might save.

    Of groupings that require the same, the search keeps the one it meets first, going through
    the choices in the order of the legs; positions that gain nothing together are left alone.
    """
    draft = draft_of(legs, stocks)
    if size(legs, stocks) > FITS:
        return Grouping(BEYOND, BEYOND, np.inf, draft.activities, 0)
    label, stock_label = labels(legs, stocks)
    total = 0.0
    for i in range(len(label)):
        if is_first(label, i):
            ids, stock_ids = positions(label, label[i]), positions(stock_label, label[i])
            part = Part(legs, stocks, rates, ids, stock_ids, draft.shares)
            draft, gap = group_whole(part, work, draft)
            if gap < 0.0:
                return Grouping(BEYOND, BEYOND, TOO_LARGE, draft.activities, 0)
            total += gap
    draft = write_spreads(legs, draft, True)
    return grouping_of(legs, stocks, rates, write_alone(legs, stocks, draft), total)
