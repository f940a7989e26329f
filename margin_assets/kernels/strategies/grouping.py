"""The least requirement by grouping: option legs and stock of a class group, each used once.

The least is that of a whole-number program, solved and proven. What is too large for it, or is not
proven within its work, goes to `least_groups`. Source: FINRA Rule 4210(f)(2).
"""

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import BEYOND
from margin_assets.kernels.optimize.branching import most_saving
from margin_assets.kernels.strategies.choices import group_of
from margin_assets.kernels.strategies.drafts import (
    Activities,
    Draft,
    Grouping,
    draft_of,
    place_contracts,
    with_room,
    write_group,
)
from margin_assets.kernels.strategies.grouping_parts import (
    Part,
    alone,
    is_first,
    labels,
    positions,
    size,
)
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


@njit(**BORROWS)
def take(part: Part, layout: Layout, counts: Int64Array, draft: Draft) -> None:
    """Writes what a program's answer chose; contracts in spreads are only placed."""
    choices = layout.choices
    for j in range(choices.count[0]):
        if counts[j] == 0:
            continue
        if choices.spread[j] == NONE:
            write_group(draft, group_of(part, choices, j), counts[j], NONE, 0)
        else:
            threshold = part.ids[layout.spreads[choices.spread[j]]]
            place_contracts(draft, part.ids[choices.members[j, 0]], threshold, counts[j])


@inner(**OWNS)
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


@inner(**BORROWS)
def _is_same_spread(legs: Records, i: int, o: int) -> bool:
    return same_book(legs, i, o) and legs[i].expiry == legs[o].expiry


@inner(**BORROWS)
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
        write_group(draft, Group(SPREAD, NONE, NONE, NONE, NONE, NONE, 0), 1, spread, loss)
        for i in range(len(held)):
            if held[i] > 0:
                leg = Group(SPREAD_LEG, i, NONE, NONE, NONE, NONE, 0)
                write_group(draft, leg, held[i], spread, 0)
        spread += 1
    return draft


@inner(**BORROWS)
def _write_boxes(stocks: Records, draft: Draft) -> None:
    """Writes what is left of a security both ways."""
    for s in range(len(stocks)):
        if stocks[s].other == 0 or stocks[s].shares < 0 or box_gain(stocks, s) <= 0:
            continue
        other = s + stocks[s].other
        boxed = min(draft.shares[s], draft.shares[other])
        if boxed > 0:
            write_group(draft, Group(BOXED_STOCK, NONE, NONE, NONE, NONE, s, boxed), 1, NONE, 0)
            draft.shares[other] -= boxed


@inner(**BORROWS)
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
                    write_group(draft, group, count, NONE, 0)


@njit(**OWNS)
def write_alone(legs: Records, stocks: Records, draft: Draft) -> Draft:
    """Writes what is left: securities both ways, then every leg and stock on its own."""
    draft = with_room(draft, 2 * (len(legs) + len(stocks)))
    _write_boxes(stocks, draft)
    _write_sales(legs, stocks, draft)
    for i in range(len(legs)):
        if draft.left[i] > 0:
            kind = LONG_OPTION if legs[i].contracts > 0 else SHORT_OPTION
            write_group(draft, Group(kind, i, NONE, NONE, NONE, NONE, 0), draft.left[i], NONE, 0)
    for s in range(len(stocks)):
        if draft.shares[s] > 0:
            write_group(draft, Group(STOCK, NONE, NONE, NONE, NONE, s, draft.shares[s]), 1, NONE, 0)
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


@inner(**BORROWS)
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
def grouping_of(
    legs: Records, stocks: Records, rates: StrategyRates, draft: Draft, gap: float
) -> Grouping:
    """A draft of which nothing is left to be grouped."""
    count = draft.written[0]
    maintenance, initial = requirement(np.int64(0), count, draft.activities, legs, stocks, rates)
    return Grouping(maintenance, initial, gap, draft.activities, count)


@inner(**OWNS)
def grouping_within(legs: Records, stocks: Records, rates: StrategyRates, work: int) -> Grouping:
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
    draft = write_spreads(legs, draft, np.bool_(True))
    return grouping_of(legs, stocks, rates, write_alone(legs, stocks, draft), total)
