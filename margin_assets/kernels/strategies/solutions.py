"""Class groups solved, one integer program each, and how their groups lie in memory."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.numeric.arrays import Int32Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import BEYOND
from margin_assets.kernels.strategies.drafts import Activities, Grouping, empty_activities
from margin_assets.kernels.strategies.grouping import TOO_LARGE, grouping_within
from margin_assets.kernels.strategies.problems import Problems
from margin_assets.kernels.strategies.strategies import (
    LONG_OPTION,
    NONE,
    SHORT_OPTION,
    STOCK,
    Group,
    Records,
    StrategyRates,
)

LegTable = np.ndarray[tuple[int, int], np.dtype[np.int32]]


class Solution(NamedTuple):
    """Groups of every problem: those of problem p are offsets[p] <= g < offsets[p+1].

    A spread is one `SPREAD` row with its maximum potential loss, and a `SPREAD_LEG` row a leg.
    """

    offsets: Int64Array
    kind: npt.NDArray[np.int8]
    legs: LegTable
    """Places among all legs, -1 for none."""
    stock: Int32Array
    shares: Int64Array
    """Micro-units of stock: of one contract's worth, of `STOCK` all of them."""
    count: Int64Array  # type: ignore[assignment]  # hides tuple.count, which is not used
    """Contracts of each leg."""
    amount: Int64Array
    """Maximum potential loss of a spread, micro-dollars."""
    spread: Int32Array
    """Number of the spread within its problem, -1 for other groups."""
    gap: npt.NDArray[np.float64]
    """One a problem: micro-dollars that no grouping of whole contracts requires less by."""


@njit(**BORROWS, forceinline=True)
def group_of(solution: Solution, g: int) -> Group:
    """One row of a solution as the group whose requirement the strategies tell."""
    legs = solution.legs
    return Group(
        solution.kind[g],
        legs[g, 0],
        legs[g, 1],
        legs[g, 2],
        legs[g, 3],
        solution.stock[g],
        solution.shares[g],
    )


def least_grouping(legs: Records, stocks: Records, rates: StrategyRates, work: int) -> Grouping:
    """The grouping of one class group that requires least; see `grouping_within`."""
    all_legs, all_stocks = np.array([0, len(legs)]), np.array([0, len(stocks)])
    nowhere = np.empty(0, dtype=np.int64)
    alone = Problems(np.array([0, 1]), all_legs, all_stocks, legs, stocks, nowhere, nowhere)
    starts = starts_of(alone)
    found: Grouping = solve(
        alone, (rates, work), (0, 1), starts, room_of(starts), np.zeros(1, dtype=np.int64)
    )
    return found


@njit(**OWNS)
def starts_of(problems: Problems) -> Int64Array:
    """Where each problem's groups may begin: there is room for every group it may have."""
    count = len(problems.leg_offsets) - 1
    starts = np.zeros(count + 1, dtype=np.int64)
    for p in range(count):
        legs = problems.leg_offsets[p + 1] - problems.leg_offsets[p]
        stocks = problems.stock_offsets[p + 1] - problems.stock_offsets[p]
        starts[p + 1] = starts[p] + 6 * legs + 4 * stocks + 4
    return starts


@njit(**OWNS)
def room_of(starts: Int64Array) -> Solution:
    """Room for the groups of problems that may begin there."""
    rows, problems = starts[-1], len(starts) - 1
    return Solution(
        np.zeros(problems + 1, dtype=np.int64),
        np.empty(rows, dtype=np.int8),
        np.empty((rows, 4), dtype=np.int32),
        np.empty(rows, dtype=np.int32),
        np.zeros(rows, dtype=np.int64),
        np.zeros(rows, dtype=np.int64),
        np.zeros(rows, dtype=np.int64),
        np.empty(rows, dtype=np.int32),
        np.zeros(problems),
    )


@njit(**OWNS, nogil=True)
def solve(
    problems: Problems,
    how: tuple[StrategyRates, int],
    rows: tuple[int, int],
    starts: Int64Array,
    room: Solution,
    taken: Int64Array,
) -> Grouping:
    """Solves some problems, each into its room, and notes how many groups each has.

    `how`: the rates, and the work that the search may take. The last one's grouping is handed
    out, so that who asks about one needs no loop of its own: this one takes long to compile.
    """
    rates, work = how
    found = Grouping(BEYOND, BEYOND, np.inf, empty_activities(np.int64(0)), 0)
    for p in range(rows[0], rows[1]):
        some, shares = records_of(problems, p)
        found = grouping_within(some, shares, rates, work)
        taken[p] = keep(problems, starts, room, p, found)
    return found


@njit(**OWNS)
def records_of(problems: Problems, p: int) -> tuple[Records, Records]:
    """Legs and stocks of problem p."""
    legs, stocks = problems.leg_offsets, problems.stock_offsets
    return problems.legs[legs[p] : legs[p + 1]], problems.stocks[stocks[p] : stocks[p + 1]]


@njit(**OWNS)
def keep(problems: Problems, starts: Int64Array, room: Solution, p: int, found: Grouping) -> int:
    """Writes the grouping of problem p into its room; how many groups it has."""
    some, shares = records_of(problems, p)
    origin = problems.leg_offsets[p], problems.stock_offsets[p]
    room.gap[p] = found.gap
    if found.count == 0 or found.count > starts[p + 1] - starts[p]:
        # Amounts that do not fit, or no room for so many groups: each stands alone.
        room.gap[p] = found.gap if found.gap == TOO_LARGE else np.inf
        return _alone(some, shares, origin, room, starts[p])
    _copy(found.activities, found.count, origin, room, starts[p])
    return found.count


@inner(**BORROWS)
def _copy(
    activities: Activities, count: int, origin: tuple[int, int], room: Solution, at: int
) -> None:
    """Writes a problem's groups with their places among all legs and stocks."""
    for n in range(count):
        g = at + n
        room.kind[g], room.count[g] = activities.kind[n], activities.count[n]
        room.shares[g], room.amount[g] = activities.shares[n], activities.amount[n]
        room.spread[g] = activities.spread[n]
        stock = activities.stock[n]
        room.stock[g] = stock + origin[1] if stock != NONE else NONE
        for k in range(4):
            leg = activities.members[n, k]
            room.legs[g, k] = leg + origin[0] if leg != NONE else NONE


@inner(**BORROWS)
def _alone(legs: Records, stocks: Records, origin: tuple[int, int], room: Solution, at: int) -> int:
    """Writes every leg and stock of a problem on its own; how many they are."""
    n = at
    for i in range(len(legs)):
        if legs[i].contracts != 0:
            kind = LONG_OPTION if legs[i].contracts > 0 else SHORT_OPTION
            leg = Group(kind, origin[0] + i, NONE, NONE, NONE, NONE, 0)
            n = _put(room, n, leg, abs(legs[i].contracts))
    for s in range(len(stocks)):
        if stocks[s].shares != 0:
            stock = Group(STOCK, NONE, NONE, NONE, NONE, origin[1] + s, abs(stocks[s].shares))
            n = _put(room, n, stock, 1)
    return n - at


@inner(**BORROWS)
def _put(room: Solution, n: int, group: Group, count: int) -> int:
    room.kind[n], room.stock[n], room.shares[n] = group.kind, group.stock, group.shares
    room.count[n], room.amount[n], room.spread[n] = count, 0, NONE
    room.legs[n, 0] = group.a
    room.legs[n, 1] = room.legs[n, 2] = room.legs[n, 3] = NONE
    return n + 1
