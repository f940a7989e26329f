"""The combination of moves that would break the platform: reverse stress over the loop."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.answers.case import Case, liquid
from margin_assets.avalanche.answers.documents import Document, share_document
from margin_assets.kernels.avalanche.answers.draws import draws
from margin_assets.kernels.avalanche.answers.policy import Plausibility
from margin_assets.kernels.avalanche.answers.quantiles import share_of
from margin_assets.kernels.avalanche.paths.philox import GA
from margin_assets.kernels.avalanche.results import NEVER
from margin_assets.kernels.avalanche.reverse.genetic import Effort, Exceedance, bred
from margin_assets.kernels.avalanche.reverse.points import (
    Candidate,
    Multiples,
    Space,
    candidate,
    cosine,
    point_of,
    space_of,
)
from margin_assets.kernels.avalanche.reverse.polish import (
    Polished,
    distinct,
    polished,
    slopes_at,
)
from margin_assets.kernels.avalanche.scenario import IMPACT, NOISELESS, Scenario, Settings
from margin_assets.kernels.avalanche.simulation import Simulator
from margin_assets.kernels.numeric.arrays import FloatArray

_TEN_DAYS = math.sqrt(10.0)
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
        whole = one.move * self.case.platform.factors.sigma * _TEN_DAYS
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
    size = len(held)
    correlation = (case.platform.correlation + _LEAST * np.eye(size)) / (1.0 + _LEAST)
    space = space_of(correlation, history, multiples)
    class_of = np.array([held == name for name in classes], dtype=np.float64)
    return Breaker(case, space, class_of, manner(case.settings.hours))


def exceedance(breaker: Breaker) -> Exceedance:
    """Need over liquidity on the path without noise, impact on; at least 1 after a default."""
    case = breaker.case
    settings = case.settings._replace(arm=IMPACT, generator=NOISELESS)
    simulator = Simulator(case.platform, settings)
    held = liquid(case.platform).total

    def broken(points: FloatArray) -> FloatArray:
        scenario = breaker.scenario([candidate(breaker.space, point) for point in points])
        rows = np.arange(len(points), dtype=np.int64)
        results = simulator.run(scenario, np.zeros_like(rows), rows)
        ratio = results.peak_need / held if held > 0.0 else (results.peak_need > 0.0) * 1.0
        is_down = results.default_hour != NEVER
        return np.where(is_down, np.maximum(ratio, 1.0), ratio)

    return broken


class Found(NamedTuple):
    """What a search came to."""

    answers: tuple[Polished, ...]
    evaluated: int
    generations: int


def searched(
    breaker: Breaker,
    library: Sequence[Candidate],
    plausibility: Plausibility,
    effort: Effort,
    told: Callable[[int], None] = lambda _: None,
) -> Found:
    """Up to five distinct combinations that break the platform, the nearest first.

    The genetic search starts from the library's scenarios and from the directions in which need
    rises most, over all factors and within each class; what it finds is polished by slopes.
    """
    space, broken = breaker.space, exceedance(breaker)
    seeds = np.concatenate([_directions(breaker, broken), _points(space, library)])
    seed = breaker.case.settings.seed

    def drawn(generation: int, count: int) -> FloatArray:
        told(generation)
        return draws(seed, GA, generation, count)

    found = bred(space, broken, seeds, drawn, effort)
    best = polished(space, broken, found.best)
    if best is None:
        return Found((), found.evaluated, found.generations)
    points = np.concatenate([best.point[None, :], seeds, found.archive])
    answers = distinct(space, broken, points, plausibility.answers, plausibility.cosine)
    spent = found.evaluated + best.evaluated + sum(one.evaluated for one in answers)
    return Found(answers, spent, found.generations)


def _points(space: Space, library: Sequence[Candidate]) -> FloatArray:
    points = [point_of(space, one) for one in library]
    return np.array(points).reshape(-1, space.width)


def _directions(breaker: Breaker, broken: Exceedance) -> FloatArray:
    """Where need rises most, over all factors and within each class, at the farthest distance."""
    space = breaker.space
    start = np.zeros(space.width)
    start[space.priced] = 1.0
    slopes = slopes_at(space, broken, start, step=0.5)
    rows = []
    # In moves of single factors a slope g of the coordinates is L^-T g, and z* is C times it.
    by_factor = np.linalg.solve(space.root.T, slopes[: space.factors])
    for kept in (np.ones(space.factors), *breaker.class_of):
        point = start.copy()
        point[: space.factors] = space.root.T @ (by_factor * kept)
        length = float(np.sqrt(point[: space.factors] @ point[: space.factors]))
        if length > 0.0:
            point[: space.factors] *= space.most_distance / length
            rows.append(point)
    return np.array(rows).reshape(-1, space.width)


def candidates_of(breaker: Breaker, scenarios: Sequence[Scenario]) -> list[Candidate]:
    """Library scenarios as candidates: their whole move, their mean multiplier of each class."""
    factors = breaker.case.platform.factors
    per_class = np.maximum(breaker.class_of.sum(axis=1), 1.0)
    found = []
    for one in scenarios:
        highest = one.volatility[0].max(axis=0)
        found.append(
            Candidate(
                move=one.shock[0].sum(axis=0) / (factors.sigma * _TEN_DAYS),
                multiplier=np.maximum(breaker.class_of @ highest / per_class, 1.0),
                fast=1.0,
                correlation_weight=0.0,
                depth=float(np.clip(one.depth[0].min(), 0.05, 1.0)),
            )
        )
    return found


def reverse_document(breaker: Breaker, found: Found) -> Document:
    """Each answer with its moves, distance, and what it does on all paths."""
    return {
        "search": "noiseless path, arm C",
        "generations": found.generations,
        "evaluated": found.evaluated,
        "largest_distance": breaker.space.most_distance,
        "liquidity": liquid(breaker.case.platform).total,
        "answers": [
            _answer(breaker, one, found.answers[0], rank + 1)
            for rank, one in enumerate(found.answers)
        ],
    }


def _answer(breaker: Breaker, one: Polished, first: Polished, rank: int) -> Document:
    case, space = breaker.case, breaker.space
    meant = candidate(space, one.point)
    names = case.holdings.names
    order = np.argsort(-np.abs(meant.move), kind="stable")
    whole = meant.move * case.platform.factors.sigma * _TEN_DAYS
    classes = sorted(set(names.classes))
    return {
        "rank": rank,
        "distance": one.distance,
        "exceedance": one.exceedance,
        "cosine_to_first": cosine(space, one.point, first.point),
        "moves": [
            {
                "factor": names.factors[place],
                "deviations": float(meant.move[place]),
                "return": float(whole[place]),
            }
            for place in order
            if abs(meant.move[place]) >= _SMALLEST
        ],
        "volatility_multipliers": dict(zip(classes, meant.multiplier.tolist(), strict=True)),
        "fast": meant.fast,
        "correlation_weight": meant.correlation_weight,
        "depth": meant.depth,
        "on_all_paths": _on_all_paths(breaker, meant),
    }


_SMALLEST = 0.005  # of a ten-day deviation


def _on_all_paths(breaker: Breaker, meant: Candidate) -> Document:
    case = breaker.case
    settings: Settings = case.settings._replace(arm=IMPACT)
    ids = np.arange(case.paths, dtype=np.int64)
    results = Simulator(case.platform, settings).run(
        breaker.scenario([meant]), ids, np.zeros_like(ids)
    )
    return {
        "paths": case.paths,
        "exhaustion": share_document(share_of(results.exhaustion_hour != NEVER)),
        "default": share_document(share_of(results.default_hour != NEVER)),
    }


def ten_day_moves(history: FloatArray, sigma: FloatArray) -> FloatArray:
    """Overlapping ten-day sums of daily returns (days x factors) over sigma sqrt(10)."""
    if len(history) < 10:
        return np.zeros((0, len(sigma)))
    summed = np.concatenate([np.zeros((1, len(sigma))), np.cumsum(history, axis=0)])
    moved: FloatArray = (summed[10:] - summed[:-10]) / (sigma * _TEN_DAYS)
    return moved
