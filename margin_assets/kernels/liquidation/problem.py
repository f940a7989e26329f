"""The question of a plan: which lots bring the excess to its target at the least cost."""

from itertools import combinations_with_replacement
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import PORTFOLIO
from margin_assets.kernels.liquidation.ceilings import Ceiling, ceilings_of, mixed
from margin_assets.kernels.liquidation.costs import OrderCosts, total_cents
from margin_assets.kernels.liquidation.tradable import Tradable
from margin_assets.kernels.liquidation.trials import Lots, Trials
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.revaluation import mixed_accounts
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array
from margin_assets.kernels.optimize.covering import Cover, cover

_ROUNDING = 4
"""Cents a position by which sums of rounded lines may differ from the lines of their sum."""
_STEPS = tuple(0.5**k for k in range(1, 8)) * 2
"""Parts of the way to each ceiling by which a better mixture is looked for."""


class Problem(NamedTuple):
    """One account to be cured."""

    trials: Trials
    costs: OrderCosts
    rate: FloatArray
    """Cents that a lot of each position sets free at most, whatever else is held or sold."""
    target: int
    """Excess to be reached, cents."""
    is_separable: bool
    """Whether a lot sets free its rate, no more and no less, but for rounding."""
    lacking: int
    """What the regulatory excess is below the target, cents."""
    ceilings: tuple[Ceiling, ...] = ()

    @property
    def tradable(self) -> Tradable:
        """What may be traded."""
        return self.trials.tradable

    @property
    def slack(self) -> int:
        """Cents that rounding may add to what the rates say."""
        return _ROUNDING * (len(self.rate) + 1)

    def excess(self, lots: Lots) -> Int64Array:
        """Excess after each row of lots, cents."""
        return self.trials.standing(lots).excess

    def covers(self, box: tuple[Int64Array, Int64Array], excess: int) -> Cover:
        """The dearest cover of what a box lacks: by its lower corner, or by a ceiling.

        `excess` is the regulatory excess at the lower corner, cents.
        """
        curves = self.costs.curves
        need = self.target - excess - self.slack + float(self.rate @ box[0])
        found = [cover(curves, self.rate, box, need)]
        found += [self._below(ceiling, box) for ceiling in self.ceilings]
        return max(found, key=lambda one: one.bound)

    def with_the_best_mixture(self) -> "Problem":
        """The same question with the mixture of the ceilings that bounds the cost best."""
        if not self.ceilings:
            return self
        whole = np.zeros_like(self.tradable.most), self.tradable.most
        pairs = combinations_with_replacement(self.ceilings, 2)
        starts = [mixed(one, other, 0.5) for one, other in pairs]
        best = max(starts, key=lambda one: self._below(one, whole).bound)
        bound = self._below(best, whole).bound
        for part in _STEPS:
            for ceiling in self.ceilings:
                tried = mixed(best, ceiling, part)
                found = self._below(tried, whole).bound
                if bound < found < np.inf:
                    best, bound = tried, found
        return self._replace(ceilings=(*self.ceilings, best))

    def _below(self, ceiling: Ceiling, box: tuple[Int64Array, Int64Array]) -> Cover:
        """The cover of all that is lacking by a ceiling."""
        rate = np.maximum(self.rate - ceiling.saved, 0.0)
        need = self.lacking - self.slack - ceiling.base
        return cover(self.costs.curves, rate, box, need)

    def cures(self, lots: Lots) -> BoolArray:
        """Which rows of lots reach the target."""
        return self.excess(lots) >= self.target

    def cost(self, lots: Int64Array) -> int:
        """Cost of some lots, cents."""
        return total_cents(self.costs.curves, lots)

    def order_sized(self, lots: Int64Array) -> Int64Array:
        """Lots of which each order is as large as the least and no larger than the most."""
        sized = np.where(lots > 0, np.maximum(lots, self.tradable.least), 0)
        return np.minimum(sized, self.tradable.most)


def problem_of(era: Margined, trials: Trials, costs: OrderCosts, target: int) -> Problem:
    """The question of one account and a target, cents."""
    tradable = trials.tradable
    most = np.minimum(tradable.most, -(-tradable.units // tradable.lot))
    alone = np.maximum(trials.alone(most), 0)
    units = np.minimum(most * tradable.lot, tradable.units)
    rate: FloatArray = alone * (tradable.lot / np.maximum(units, 1))
    nothing = np.zeros((1, len(most)), dtype=np.int64)
    lacking = target - int(trials.standing(nothing).regulatory_excess[0])
    is_separable = _is_separable(era)
    ceilings = () if is_separable else tuple(ceilings_of(era, tradable))
    found = Problem(trials, costs, rate, target, is_separable, lacking, ceilings)
    return found.with_the_best_mixture()


def _is_separable(era: Margined) -> bool:
    """Whether every line of the requirement is one position's and in proportion to it."""
    first = np.zeros(1, dtype=np.int64)
    if era.overlays.enabled or mixed_accounts(era.book, era.series, first).any():
        return False
    if era.held.account_type[0] != PORTFOLIO:
        return True
    s = era.held.series
    group, products = era.series.class_group[s], era.rules.product_group
    is_shared = (products[era.series.range_class[s]] >= 0).any()
    return not is_shared and len(np.unique(group)) == len(group)
