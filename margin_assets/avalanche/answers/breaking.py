"""The combination of moves that would break the platform: reverse stress over the loop."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from margin_assets.avalanche.answers.candidates import (
    TEN_DAYS,
    Breaker,
    breaker,
    candidates_of,
    ten_day_moves,
)
from margin_assets.avalanche.answers.case import case_of, liquid, policy_of
from margin_assets.avalanche.answers.documents import Document, share_document
from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.book.scenarios import scenario_names, scenario_of
from margin_assets.kernels.avalanche.answers.policy import Plausibility
from margin_assets.kernels.avalanche.answers.quantiles import share_of
from margin_assets.kernels.avalanche.paths.philox import GA, uniforms
from margin_assets.kernels.avalanche.results import NEVER
from margin_assets.kernels.avalanche.reverse.genetic import Effort, Exceedance, bred
from margin_assets.kernels.avalanche.reverse.points import (
    Candidate,
    Space,
    candidate,
    cosine,
    point_of,
)
from margin_assets.kernels.avalanche.reverse.polish import (
    Polished,
    distinct,
    polished,
    slopes_at,
)
from margin_assets.kernels.avalanche.scenario import IMPACT, NO_SALES, NOISELESS
from margin_assets.kernels.avalanche.simulation import Simulator
from margin_assets.kernels.numeric.arrays import FloatArray

_SMALLEST = 0.005  # of a ten-day deviation
_ALMOST = 1.0 - 1e-9


class Target(StrEnum):
    """What counts as broken."""

    LIQUIDITY = "liquidity"
    """Need reaches what can be paid from before anything is sold."""
    DEFAULT = "default"
    """An entity defaults, with forced sales and their impact."""


def exceedance(breaker: Breaker, target: Target) -> Exceedance:
    """How far each point breaks the platform, on the path without noise: from 1 on it does.

    Of liquidity it is need over it, every due paid, so that no default cuts a need off. Of default
    it is the same below 1, and at least 1 where an entity defaults.
    """
    case, is_default = breaker.case, target is Target.DEFAULT
    settings = case.settings._replace(
        arm=IMPACT if is_default else NO_SALES, generator=NOISELESS, unlimited=int(not is_default)
    )
    simulator = Simulator(case.platform, settings)
    held = max(liquid(case.platform).total, 1.0)

    def broken(points: FloatArray) -> FloatArray:
        scenario = breaker.scenario([candidate(breaker.space, point) for point in points])
        rows = np.arange(len(points), dtype=np.int64)
        results = simulator.run(scenario, np.zeros_like(rows), rows)
        ratio: FloatArray = results.peak_need / held
        if not is_default:
            return ratio
        is_down = results.default_hour != NEVER
        return np.where(is_down, np.maximum(ratio, 1.0), np.minimum(ratio, _ALMOST))

    return broken


class Found(NamedTuple):
    """What a search came to."""

    target: Target
    answers: tuple[Polished, ...]
    evaluated: int
    generations: int


class Search(NamedTuple):
    """How is searched."""

    target: Target = Target.LIQUIDITY
    effort: Effort = Effort()
    told: Callable[[int], None] = lambda _: None
    """Hears of each generation."""


def searched(
    breaker: Breaker, library: Sequence[Candidate], plausibility: Plausibility, search: Search
) -> Found:
    """Up to five distinct combinations that break the platform, the nearest first.

    The genetic search starts from the library's scenarios and from the directions in which need
    rises most, over all factors and within each class; what it finds is polished by slopes.
    """
    space, broken = breaker.space, exceedance(breaker, search.target)
    seeds = np.concatenate([_directions(breaker, broken), _points(space, library)])
    seed = breaker.case.settings.seed

    def drawn(generation: int, count: int) -> FloatArray:
        search.told(generation)
        return uniforms(seed, GA, generation, count)

    found = bred(space, broken, seeds, drawn, search.effort)
    best = polished(space, broken, found.best)
    if best is None:
        return Found(search.target, (), found.evaluated, found.generations)
    points = np.concatenate([best.point[None, :], seeds, found.archive])
    answers = distinct(space, broken, points, plausibility.answers, plausibility.cosine)
    spent = found.evaluated + best.evaluated + sum(one.evaluated for one in answers)
    return Found(search.target, answers, spent, found.generations)


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


def reverse_document(breaker: Breaker, found: Found) -> Document:
    """Each answer with its moves, distance, and what it does on all paths."""
    return {
        "target": found.target.value,
        "bound_from": "history" if breaker.has_history else "assumed: there is no factor history",
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
    whole = meant.move * case.platform.factors.sigma * TEN_DAYS
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


def _on_all_paths(breaker: Breaker, meant: Candidate) -> Document:
    """All paths in the combination; with sales and impact where it is known what can be sold."""
    case = breaker.case
    arm = IMPACT if breaker.has_depth else NO_SALES
    ids = np.arange(case.paths, dtype=np.int64)
    results = Simulator(case.platform, case.settings._replace(arm=arm)).run(
        breaker.scenario([meant]), ids, np.zeros_like(ids)
    )
    return {
        "paths": case.paths,
        "arm": "C" if breaker.has_depth else "A",
        "exhaustion": share_document(share_of(results.exhaustion_hour != NEVER)),
        "default": share_document(share_of(results.default_hour != NEVER)),
    }


def searched_book(held: Built, run: tuple[int, int], search: Search) -> tuple[Breaker, Found]:
    """The reverse stress of a book; `run` is the number of paths and the seed.

    Raises:
        BookError: Defaults are looked for, and what is exposed has no known turnover.
    """
    if search.target is Target.DEFAULT:
        held.require_depth()
    plausibility = policy_of(held).plausibility
    case = case_of(held, "none", *run)
    history = ten_day_moves(np.nan_to_num(held.history.daily), case.platform.factors.sigma)
    found = breaker(case, history, plausibility)
    names = [name for name in scenario_names(held) if name != "none"]
    library = candidates_of(found, [scenario_of(held, name) for name in names])
    return found, searched(found, library, plausibility, search)
