"""Points of a reverse stress as scenarios of a book, and scenarios as points."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.answers.case import Case
from margin_assets.kernels.avalanche.answers.policy import Plausibility
from margin_assets.kernels.avalanche.reverse.points import (
    Candidate,
    Multiples,
    Space,
    space_of,
)
from margin_assets.kernels.avalanche.scenario import Scenario
from margin_assets.kernels.numeric.arrays import FloatArray

TEN_DAYS = math.sqrt(10.0)
_LEAST = 1e-8  # eigenvalue


class Manner(NamedTuple):
    """How moves come over the hours: shares of the whole that sum to 1, one entry an hour."""

    fast: FloatArray
    prolonged: FloatArray
    multiplier: FloatArray
    """Share of a volatility multiplier's excess over 1 that holds in the hour."""


def manner(hours: int) -> Manner:
    """Fast: 80% in eight hours, the rest decays with 48. Prolonged: the same every hour.

    The multiplier holds for a day and decays with 120 hours.
    """
    hour = np.arange(hours, dtype=np.float64)
    rest = np.where(hour < 8, 0.0, np.exp(-(hour - 8.0) / 48.0))
    fast = np.where(hour < 8, 0.1, 0.0)
    fast = fast + 0.2 * rest / rest.sum() if rest.sum() > 0.0 else fast / fast.sum()
    decay = np.exp(-np.maximum(hour - 24.0, 0.0) / 120.0)
    return Manner(fast, np.full(hours, 1.0 / hours), decay)


class Breaker(NamedTuple):
    """Points of one space as scenarios of one case."""

    case: Case
    space: Space
    class_of: FloatArray
    """(classes, F) 1 where the factor is of the class."""
    manner: Manner
    has_history: bool
    """Whether the bounds are those of a history; else they are assumed."""

    @property
    def has_depth(self) -> bool:
        """Whether it is known of every factor held how much of it can be sold."""
        held = np.unique(self.case.platform.units.factor)
        return bool(np.isfinite(self.case.platform.factors.adv[held]).all())

    def scenario(self, found: Sequence[Candidate]) -> Scenario:
        """The candidates as the rows of a scenario."""
        return Scenario(
            shock=np.stack([self._shock(one) for one in found]),
            volatility=np.stack([self._volatility(one) for one in found]),
            depth=np.stack([self._depth(one) for one in found]),
            haircut=np.zeros((len(found), self._hours)),
            lines=np.ones((len(found), self._hours)),
            mac=np.zeros((len(found), self._hours)),
            mixing=np.stack([self._mixing(one) for one in found]),
            mixing_at=np.repeat(np.arange(len(found))[:, None], self._hours, axis=1),
        )

    @property
    def _hours(self) -> int:
        return len(self.manner.fast)

    def _shock(self, one: Candidate) -> FloatArray:
        whole = one.move * self.case.platform.factors.sigma * TEN_DAYS
        share = one.fast * self.manner.fast + (1.0 - one.fast) * self.manner.prolonged
        return share[:, None] * whole

    def _volatility(self, one: Candidate) -> FloatArray:
        by_factor = one.multiplier @ self.class_of
        held: FloatArray = 1.0 + self.manner.multiplier[:, None] * (by_factor - 1.0)
        return held

    def _depth(self, one: Candidate) -> FloatArray:
        return np.full((self._hours, self.space.factors), one.depth)

    def _mixing(self, one: Candidate) -> FloatArray:
        weight, size = one.correlation_weight, self.space.factors
        own = self.case.platform.correlation
        together = 0.9 + 0.1 * np.eye(size)
        mixed = (1.0 - weight) * own + weight * together
        root: FloatArray = np.linalg.cholesky(mixed + _LEAST * np.eye(size)).astype(np.float64)
        return root


def breaker(case: Case, history: FloatArray, plausibility: Plausibility) -> Breaker:
    """The space of the case's factors and its history of standardised ten-day moves."""
    classes = sorted(set(case.holdings.names.classes))
    held = np.array(case.holdings.names.classes)
    multiples = Multiples(
        plausibility.move, plausibility.distance, plausibility.multiplier_deviation, len(classes)
    )
    size, has_history = len(held), len(history) > 0
    correlation = (case.platform.correlation + _LEAST * np.eye(size)) / (1.0 + _LEAST)
    if not len(history):
        # One window, as far away in each factor as is assumed: its bounds are those of a history.
        history = np.full((1, size), plausibility.assumed / plausibility.move)
    space = space_of(correlation, history, multiples)
    if not has_history:
        space = space._replace(most_distance=plausibility.assumed)
    class_of = np.array([held == name for name in classes], dtype=np.float64)
    return Breaker(case, space, class_of, manner(case.settings.hours), has_history)


def candidates_of(breaker: Breaker, scenarios: Sequence[Scenario]) -> list[Candidate]:
    """Library scenarios as candidates: their whole move, their mean multiplier of each class."""
    factors = breaker.case.platform.factors
    per_class = np.maximum(breaker.class_of.sum(axis=1), 1.0)
    found = []
    for one in scenarios:
        highest = one.volatility[0].max(axis=0)
        found.append(
            Candidate(
                move=one.shock[0].sum(axis=0) / (factors.sigma * TEN_DAYS),
                multiplier=np.maximum(breaker.class_of @ highest / per_class, 1.0),
                fast=1.0,
                correlation_weight=0.0,
                depth=float(np.clip(one.depth[0].min(), 0.05, 1.0)),
            )
        )
    return found


def ten_day_moves(history: FloatArray, sigma: FloatArray) -> FloatArray:
    """Overlapping ten-day sums of daily returns (days x factors) over sigma sqrt(10)."""
    if len(history) < 10:
        return np.zeros((0, len(sigma)))
    summed = np.concatenate([np.zeros((1, len(sigma))), np.cumsum(history, axis=0)])
    moved: FloatArray = (summed[10:] - summed[:-10]) / (sigma * TEN_DAYS)
    return moved
