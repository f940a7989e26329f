"""Groupings of least requirement: of many class groups at once, and of one of any size.

What is too large for the exact search's tableau, and what it leaves unproven, goes by a sparse
relaxation, then whole counts. A position that is worth nothing may be left alone there, so that it
never makes a book require more. Source: FINRA Rule 4210(f)(2).
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.numeric.threads import over_ranges
from margin_assets.kernels.optimize.relaxation import most_saving_sparse
from margin_assets.kernels.strategies.drafts import Activities, Draft, Grouping, draft_of, with_room
from margin_assets.kernels.strategies.grouping import (
    PROOF,
    TOO_LARGE,
    WORK,
    grouping_of,
    requirement,
    take,
    write_alone,
    write_spreads,
)
from margin_assets.kernels.strategies.grouping_parts import Part, alone, labels, positions
from margin_assets.kernels.strategies.problems import Problems
from margin_assets.kernels.strategies.solutions import (
    Solution,
    keep,
    least_grouping,
    records_of,
    room_of,
    solve,
    starts_of,
)
from margin_assets.kernels.strategies.sparse_program import sparse_program_of
from margin_assets.kernels.strategies.spreads import Layout, layout_of
from margin_assets.kernels.strategies.strategies import (
    LEG,
    LONG_OPTION,
    NONE,
    STOCK_RECORD,
    Records,
    StrategyRates,
)

_ALONE = 16
"""Problems that one thread solves as soon as several that must be started."""
_ENTRIES = 100_000_000
"""Entries of a program that is written down whole; beyond, a class group goes by pieces."""
_PIECE = 250
_SOLVED = 400
"""Legs solved, over and over, to see whether what is worthless had better be left alone."""
_FEW = 2
Places = npt.NDArray[np.int32]


def least_requirements(problems: Problems, rates: StrategyRates) -> Solution:
    """The grouping of every problem that requires least, deterministic whatever the threads."""
    starts = starts_of(problems)
    room = room_of(starts)
    taken = np.zeros(len(starts) - 1, dtype=np.int64)

    def walk(first: int, end: int) -> None:
        solve(problems, (rates, WORK), (first, end), starts, room, taken)

    over_ranges(walk, len(taken), _ALONE)
    for p in np.flatnonzero((room.gap == TOO_LARGE) | (room.gap >= PROOF)):
        # Outside the loop over the threads: one at a time, whatever their number.
        some, shares = records_of(problems, p)
        found = large_grouping(some, shares, rates, WORK)
        taken[p] = keep(problems, starts, room, p, found)
    return _packed(starts, taken, room)


def _packed(starts: Int64Array, taken: Int64Array, room: Solution) -> Solution:
    """The groups without the room left over."""
    offsets = np.concatenate(([0], np.cumsum(taken))).astype(np.int64)
    within = np.arange(int(offsets[-1])) - np.repeat(offsets[:-1], taken)
    place = np.repeat(starts[:-1], taken) + within
    rows = {
        name: getattr(room, name)[place]
        for name in ("kind", "legs", "stock", "shares", "count", "amount", "spread")
    }
    return room._replace(offsets=offsets, **rows)


def large_grouping(legs: Records, stocks: Records, rates: StrategyRates, work: int) -> Grouping:
    """A grouping of one class group that requires little, and what any other saves at most.

    The last few are kept: an account's figures and its table of groups ask for the same one.
    """
    return _kept(legs.tobytes(), stocks.tobytes(), rates, work)


@lru_cache(maxsize=16)
def _kept(legs: bytes, stocks: bytes, rates: StrategyRates, work: int) -> Grouping:
    return _least(
        np.frombuffer(legs, LEG).copy(), np.frombuffer(stocks, STOCK_RECORD).copy(), rates, work
    )


def is_large(legs: Records, stocks: Records, rates: StrategyRates) -> bool:
    """Whether a class group is too large for the exact search."""
    return bool(least_grouping(legs, stocks, rates, 0).gap == TOO_LARGE)


def _least(legs: Records, stocks: Records, rates: StrategyRates, work: int) -> Grouping:
    best = _grouping(legs, stocks, rates, work)
    if _is_final(best):
        return best
    floor = best.maintenance - best.gap
    for places in _without_worthless(legs):
        fewer = _grouping(legs[places], stocks, rates, work)
        if fewer.maintenance < best.maintenance:
            best = _with_the_others(fewer, places, legs)
    return best._replace(gap=max(best.maintenance - floor, 0.0))


def _is_final(found: Grouping) -> bool:
    """Whether a grouping is proven, or its amounts do not fit."""
    return 0.0 <= found.gap < PROOF or found.gap == np.inf


def _without_worthless(legs: Records) -> Iterator[Places]:
    """The legs without those that are worth nothing, farthest from the money first: some, all.

    A book without the last one bought is among them wherever that is the farthest one.
    """
    is_free = (legs["contracts"] > 0) & (legs["price"] == 0)
    away = np.where(legs["is_call"], legs["strike"] - legs["spot"], legs["spot"] - legs["strike"])
    free = np.flatnonzero(is_free)
    free = free[np.argsort(-away[free], kind="stable")]
    every = np.arange(len(legs), dtype=np.int32)
    if len(free) == _FEW:
        yield np.delete(every, free[1:])
    looks = min(len(free), max(_FEW, _SOLVED // len(legs)))
    for count in range(1, looks):
        yield np.delete(every, free[:count])
    if looks:
        yield np.delete(every, free)


def _with_the_others(found: Grouping, places: Places, legs: Records) -> Grouping:
    """The grouping of some of the legs as one of all, the others each alone: they require 0."""
    some, n = found.activities, found.count
    others = np.delete(np.arange(len(legs), dtype=np.int32), places)
    members = some.members[:n]
    lone = np.full((len(others), 4), NONE, dtype=np.int32)
    lone[:, 0] = others
    none, zero = np.full(len(others), NONE, np.int32), np.zeros(len(others), np.int64)
    activities = Activities(
        kind=np.append(some.kind[:n], np.full(len(others), LONG_OPTION, np.int8)),
        members=np.concatenate([np.where(members == NONE, members, places[members]), lone]),
        stock=np.append(some.stock[:n], none),
        shares=np.append(some.shares[:n], zero),
        count=np.append(some.count[:n], legs["contracts"][others]),
        spread=np.append(some.spread[:n], none),
        amount=np.append(some.amount[:n], zero),
    )
    return found._replace(activities=activities, count=n + len(others))


def _grouping(legs: Records, stocks: Records, rates: StrategyRates, work: int) -> Grouping:
    """The better of what both searches find, with the better bound of both."""
    exact = least_grouping(legs, stocks, rates, work)
    if _is_final(exact):
        return exact
    found = _by_relaxation(legs, stocks, rates)
    if exact.gap == TOO_LARGE:
        return found
    floor = max(exact.maintenance - exact.gap, found.maintenance - found.gap)
    best = exact if exact.maintenance <= found.maintenance else found
    return best._replace(gap=max(best.maintenance - floor, 0.0))


def _by_relaxation(legs: Records, stocks: Records, rates: StrategyRates) -> Grouping:
    draft = draft_of(legs, stocks)
    unmatched = write_alone(legs, stocks, draft_of(legs, stocks))
    whole, _ = requirement(0, unmatched.written[0], unmatched.activities, legs, stocks, rates)
    label, stock_label = labels(legs, stocks)
    ceiling = 0.0
    for name in dict.fromkeys(label.tolist()):
        ids, stock_ids = positions(label, name), positions(stock_label, name)
        part = Part(legs, stocks, rates, ids, stock_ids, draft.shares)
        draft, saved = _group(part, draft, whole)
        ceiling += saved
    draft = write_alone(legs, stocks, write_spreads(legs, draft, False))  # noqa: FBT003 (compiled: no names)
    found = grouping_of(legs, stocks, rates, draft, 0.0)
    # Whatever is grouped with whatever, a requirement is never less than what the longs lend.
    least = max(whole - ceiling, -float(_lent(legs)))
    return found._replace(gap=max(found.maintenance - least, 0.0))


def _lent(legs: Records) -> int:
    """More than all long options' loan value, micro-dollars."""
    is_lent = (legs["contracts"] > 0) & (legs["loan"] > 0)
    return int(np.ceil(_worth(legs[is_lent]))) if is_lent.any() else 0


def _worth(legs: Records) -> float:
    """What some long options are worth, micro-dollars."""
    values = legs["price"].astype(np.float64) * legs["units"] / MICRO
    return float(values @ np.maximum(legs["contracts"], 0))


def _group(part: Part, draft: Draft, whole: int) -> tuple[Draft, float]:
    """Groups a part; what no grouping of it saves more than."""
    layout = layout_of(part, alone(part))
    columns = layout.choices.count[0] + len(layout.spreads)
    if columns * (len(part.ids) + 5) * (len(layout.spreads) + 1) <= _ENTRIES:
        return _group_at_once(part, layout, draft, whole)
    for first in range(0, len(part.ids), _PIECE):
        piece = part._replace(ids=part.ids[first : first + _PIECE].copy(), shares=draft.shares)
        draft, _ = _group_at_once(piece, layout_of(piece, alone(piece)), draft, whole)
    return draft, np.inf


def _group_at_once(part: Part, layout: Layout, draft: Draft, whole: int) -> tuple[Draft, float]:
    found = most_saving_sparse(sparse_program_of(part, layout), whole + _worth(part.legs[part.ids]))
    draft = with_room(draft, len(found.counts) + len(part.ids))
    take(part, layout, found.counts, draft)
    return draft, found.ceiling
