"""The question of a plan: which lots bring the excess to its target at the least cost."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import PORTFOLIO
from margin_assets.kernels.liquidation.ceilings import Ceiling, Worth, ceilings_of
from margin_assets.kernels.liquidation.costs import OrderCosts, total_cents
from margin_assets.kernels.liquidation.tradable import Tradable
from margin_assets.kernels.liquidation.trials import Lots, Trials
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.revaluation import mixed_accounts
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array
from margin_assets.kernels.optimize.covering import Cover, cover

_ROUNDING = 4
"""Cents a position by which sums of rounded lines may differ from the lines of their sum."""
_STEPS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.1)
"""Prices of what is lacking, in parts of what the best lots known pay for it."""
_KEPT = 3
"""Ceilings that boxes are looked at by."""


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

    def with_ceilings(self, era: Margined, lots: Int64Array | None) -> "Problem":
        """The same question with ceilings of what hedges set free, near the cost of some lots."""
        if self.is_separable or lots is None:
            return self
        curves = self.costs.curves
        slope = curves.slope + curves.charge
        price = self.cost(lots) / max(self.lacking, 1)
        prices = [price * step for step in _STEPS]
        found = ceilings_of(era, self.tradable, Worth(self.rate, slope), prices)
        whole = np.zeros_like(self.tradable.most), self.tradable.most
        best = sorted(found, key=lambda one: -self._below(one, whole).bound)
        return self._replace(ceilings=tuple(best[:_KEPT]))

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
    return Problem(trials, costs, rate, target, _is_separable(era), lacking)


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
