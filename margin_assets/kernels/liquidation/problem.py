"""The question of a plan: which lots bring the excess to its target at the least cost."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import PORTFOLIO
from margin_assets.kernels.liquidation.costs import OrderCosts, total_cents
from margin_assets.kernels.liquidation.tradable import Tradable
from margin_assets.kernels.liquidation.trials import Lots, Trials
from margin_assets.kernels.margin.margined import Margined
from margin_assets.kernels.margin.revaluation import mixed_accounts
from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array

_ROUNDING = 4
"""Cents a position by which sums of rounded lines may differ from the lines of their sum."""


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
    rate = alone * (tradable.lot / np.maximum(units, 1))
    return Problem(trials, costs, rate.astype(np.float64), target, _is_separable(era))


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
