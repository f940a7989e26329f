"""The least cost of an account whose class groups are small: every way to reduce each is struck.

Nothing of one class group bears on another where portfolio margin's product groups do not, so that
excess and cost are sums over groups, but for house add-ons, which only take excess away. Of each
group only the ways count that free more than every cheaper one; all their sums that a cure may have
are looked at, the rest of the account covered by price. So the bound is that of the least cover
over whole sets of lots, and what it names is tried by the kernels of margin until one cures.
Source: Everett, Operations Research 11 (1963), for the price that leaves sums out.
"""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import PORTFOLIO, REG_T
from margin_assets.kernels.liquidation.costs import cents_of
from margin_assets.kernels.liquidation.problem import Problem
from margin_assets.kernels.liquidation.trials import Lots
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.optimize.covering import Costs, cover, least_at

_MOST_WAYS = 400_000
"""Ways of all groups together: of books with more this says nothing."""
_MOST_STRUCK = 60_000
"""Of them those that cost less than what is known to cure, and so have to be struck."""
_MOST_SUMS = 200_000
"""Sums that are looked at at once."""
_FEW = 100
"""Lots of a position alone in its class group that are struck one by one, if the sums allow it."""
_TRIED = 64
"""Sums tried by the kernels at one look."""
_LOOKS = 32
_HALVINGS = 50
_TIE = 1e-6  # of a cent, or of a lot


class Ways(NamedTuple):
    """Ways to reduce some groups, the cheapest first: each frees more than every one before."""

    lots: Lots
    """A row a way, a column a tradable position; 0 outside the groups."""
    cost: FloatArray
    """Cents."""
    freed: FloatArray
    """Excess that it sets free, cents, but for rounding."""


class Least(NamedTuple):
    """What the ways of an account come to."""

    lots: Int64Array
    """The cheapest found that cure."""
    bound: float
    """Cents that no lots that cure cost less than."""
    ways: int
    """Ways that were struck."""


def least_of(problem: Problem, era: Margined, known: Int64Array | None) -> Least | None:
    """The least cost that cures, if lots that cure are known; None where groups are too large."""
    if known is None or not _is_sum(era):
        return None
    cost = float(problem.cost(known))
    for few in (_FEW, 0):
        groups, alone = _groups(problem, era, few)
        if not groups or sum(_count(problem, group) for group in groups) > _MOST_WAYS:
            return None
        priced = [_priced(problem, group, cost) for group in groups]
        count = sum(len(ways.cost) for ways in priced)
        if count > _MOST_STRUCK:
            return None
        parts = [_struck(problem, era, one) for one in zip(groups, priced, strict=True)]
        rest, need = _Rest(problem, alone), float(problem.lacking - problem.slack)
        together = _summed(parts, rest, need, cost)
        if together is not None:
            return _tried(problem, (together, rest, need), known)._replace(ways=count)
    return None


def _is_sum(era: Margined) -> bool:
    """Whether the regulatory requirement is a sum over class groups."""
    kind, s = era.held.account_type[0], era.held.series
    if era.series.is_ended[s].any() or kind not in (REG_T, PORTFOLIO):
        return False
    products = era.rules.product_group[era.series.range_class[s]]
    return bool(kind == REG_T or not (products >= 0).any())


def _groups(problem: Problem, era: Margined, few: int) -> tuple[list[Int64Array], Int64Array]:
    """Tradable positions of each class group, and those that are covered by price.

    The latter stand alone in their class group and have more than `few` lots.
    """
    group = era.series.class_group[era.held.series]
    mine = group[problem.tradable.place]
    is_struck = (np.bincount(group)[mine] > 1) | (problem.tradable.most <= few)
    found = [np.flatnonzero(mine == g) for g in np.unique(mine[is_struck])]
    return found, np.flatnonzero(~is_struck)


def _sizes(problem: Problem, t: int) -> Int64Array:
    """Lots that an order of a position may have, none first."""
    least, most = int(problem.tradable.least[t]), int(problem.tradable.most[t])
    return np.concatenate(([0], np.arange(max(least, 1), most + 1))).astype(np.int64)


def _count(problem: Problem, group: Int64Array) -> int:
    most, least = problem.tradable.most[group], np.maximum(problem.tradable.least[group], 1)
    count = 1
    for sizes in np.maximum(most - least + 2, 1).tolist():
        count *= sizes
    return count


def _priced(problem: Problem, group: Int64Array, most: float) -> Ways:
    """The ways to reduce one class group that cost no more than `most`, not struck yet."""
    sizes = [_sizes(problem, t) for t in group.tolist()]
    costs = [_costs(problem.costs.curves, t, one) for t, one in zip(group, sizes, strict=True)]
    total = np.zeros(1)
    for one in costs:
        total = np.add.outer(total, one).ravel()
    chosen = np.flatnonzero(total <= most)
    place = np.unravel_index(chosen, [len(one) for one in sizes])
    lots = np.zeros((len(chosen), len(problem.tradable.most)), dtype=np.int64)
    for t, one, at in zip(group.tolist(), sizes, place, strict=True):
        lots[:, t] = one[at]
    return Ways(lots, total[chosen], np.zeros(len(chosen)))


def _struck(problem: Problem, era: Margined, of: tuple[Int64Array, Ways]) -> Ways:
    """The ways to reduce one class group that no cheaper one does better than."""
    group, ways = of
    of_class = era.series.class_group[era.held.series]
    mine = of_class == of_class[problem.tradable.place[group[0]]]
    left = problem.trials.left_of(ways.lots, mine)
    # The first is to leave the group as it is.
    return _undominated(ways._replace(freed=(left - left[0]).astype(np.float64)))


def _costs(curves: Costs, t: int, sizes: Int64Array) -> Int64Array:
    """Cost of an order of a position by its size, cents."""
    return cents_of(Costs._make(np.full(len(sizes), column[t]) for column in curves), sizes)


def _undominated(ways: Ways) -> Ways:
    """The ways that free more than every cheaper one, the cheapest first."""
    order = np.lexsort((-ways.freed, ways.cost))
    freed = ways.freed[order]
    best = np.maximum.accumulate(freed)
    kept = order[np.concatenate(([True], freed[1:] > best[:-1]))]
    return _chosen(ways, kept)


def _chosen(ways: Ways, rows: np.ndarray) -> Ways:
    return Ways(ways.lots[rows], ways.cost[rows], ways.freed[rows])


class _Rest:
    """The positions that stand alone: what covers a need, at their rates."""

    def __init__(self, problem: Problem, alone: Int64Array) -> None:
        self.alone = alone
        self._curves = Costs._make(column[alone] for column in problem.costs.curves)
        self._rate = problem.rate[alone]
        most = problem.tradable.most[alone]
        self._box = np.zeros_like(most), most

    def at_price(self, price: float) -> float:
        """The least of cost less worth, cents."""
        return float(least_at(self._curves, self._rate, self._box, price))

    def cover(self, need: float) -> tuple[float, FloatArray]:
        """The least that covering a need costs, and amounts that do."""
        if need <= 0.0:
            return 0.0, np.zeros(len(self.alone))
        found = cover(self._curves, self._rate, self._box, need)
        return found.bound, found.amounts


def _summed(parts: list[Ways], rest: _Rest, need: float, cost: float) -> Ways | None:
    """Sums of ways of all groups that a cure of less than a cost may have; None if too many."""
    price, bound = _dearest(parts, rest, need, cost)
    spare = cost - bound
    whole: Ways | None = None
    for part in sorted(parts, key=lambda one: len(one.cost)):
        near = _near(part, price, spare)
        if whole is None:
            whole = near
            continue
        if len(whole.cost) * len(near.cost) > _MOST_SUMS:
            return None
        whole = _near(_undominated(_added(whole, near)), price, spare)
    return whole


def _added(one: Ways, other: Ways) -> Ways:
    """Every way of some groups with every way of others."""
    a, b = np.divmod(np.arange(len(one.cost) * len(other.cost)), len(other.cost))
    return Ways(
        one.lots[a] + other.lots[b], one.cost[a] + other.cost[b], one.freed[a] + other.freed[b]
    )


def _near(ways: Ways, price: float, spare: float) -> Ways:
    """Ways that cost no more above the best at a price than is to be spared."""
    less = ways.cost - price * ways.freed
    return _chosen(ways, less - less.min() <= spare + 1.0)


def _dearest(parts: list[Ways], rest: _Rest, need: float, cost: float) -> tuple[float, float]:
    """The price of what is lacking at which the bound is highest, and the bound, cents."""

    def bound(price: float) -> float:
        ways = sum(float((part.cost - price * part.freed).min()) for part in parts)
        return price * need + ways + rest.at_price(price)

    low, high = 0.0, 4.0 * cost / max(need, 1.0)
    for _ in range(_HALVINGS):
        one, other = low + (high - low) / 3, high - (high - low) / 3
        if bound(one) < bound(other):
            low = one
        else:
            high = other
    price = (low + high) / 2
    return price, bound(price)


def _tried(problem: Problem, asked: tuple[Ways, _Rest, float], known: Int64Array) -> Least:
    """Tries the sums, the cheapest with their cover first, until what is left costs no less."""
    ways, rest, need = asked
    best, cost = known, float(problem.cost(known))
    covers = [rest.cover(need - freed) for freed in ways.freed.tolist()]
    bounds = ways.cost + np.array([bound for bound, _ in covers])
    queue = np.argsort(bounds, kind="stable")
    for look in range(_LOOKS):
        rows = queue[look * _TRIED : (look + 1) * _TRIED]
        rows = rows[bounds[rows] < cost]
        if not len(rows):
            break
        lots = ways.lots[rows].copy()
        lots[:, rest.alone] = np.ceil(np.stack([covers[k][1] for k in rows.tolist()]) - _TIE)
        lots = np.stack([problem.order_sized(row) for row in lots])
        cured = lots[problem.cures(lots)]
        if len(cured):
            best = min((best, *cured), key=problem.cost)
            cost = float(problem.cost(best))
    return Least(best, min(cost, float(np.ceil(bounds[queue[0]] - _TIE))), 0)
