"""Reverse stress where the answer is known."""

import numpy as np
import pytest

from margin_assets.kernels.avalanche.reverse.genetic import Effort, Exceedance, bred
from margin_assets.kernels.avalanche.reverse.points import (
    Candidate,
    Multiples,
    Space,
    candidate,
    cosine,
    distances,
    moves,
    point_of,
    space_of,
    within,
)
from margin_assets.kernels.avalanche.reverse.polish import (
    distinct,
    polished,
    shortened,
)

FACTORS = 6
_ROOT = np.tril(np.random.default_rng(2).normal(size=(FACTORS, FACTORS)))
_COVARIANCE = _ROOT @ _ROOT.T + np.eye(FACTORS)
_SCALE = np.sqrt(np.diag(_COVARIANCE))
CORRELATION = _COVARIANCE / np.outer(_SCALE, _SCALE)
SLOPES = np.array([3e8, -1e8, 0.5e8, 2e8, -2e8, 1e8])
LIQUID = 1e9


@pytest.fixture(scope="module")
def space() -> Space:
    draws = np.random.default_rng(4).multivariate_normal(np.zeros(FACTORS), CORRELATION, 400)
    return space_of(CORRELATION, draws, Multiples(2.0, 1.5, 0.35, 2))


def _draws(generation: int, count: int) -> np.ndarray:
    return np.random.default_rng(generation).random(count)


def _linear(space: Space) -> Exceedance:
    return lambda points: moves(space, points) @ SLOPES / LIQUID


def test_a_linear_need_breaks_at_the_closed_form(space: Space):
    # Hasofer and Lind: z* = K C b / (b' C b), at distance K / sqrt(b' C b).
    variance = SLOPES @ CORRELATION @ SLOPES
    move, distance = LIQUID / variance * (CORRELATION @ SLOPES), LIQUID / np.sqrt(variance)

    found = bred(space, _linear(space), np.zeros((0, space.width)), _draws, Effort())
    best = polished(space, _linear(space), found.best)
    assert best.distance == pytest.approx(distance, rel=2e-3)
    assert best.exceedance >= 1.0
    assert candidate(space, best.point).move == pytest.approx(move, abs=0.2)


def test_the_search_is_the_same_twice(space: Space):
    effort = Effort(generations=5)
    first, second = (
        bred(space, _linear(space), np.zeros((0, space.width)), _draws, effort) for _ in range(2)
    )
    assert first.best.tobytes() == second.best.tobytes()
    assert (np.diff(first.trace) <= 0.0).all()
    assert first.evaluated == 64 + 5 * 60


def test_a_point_is_what_it_means(space: Space):
    meant = Candidate(np.full(FACTORS, 0.5), np.array([1.5, 2.0]), 0.25, 0.5, 0.4)
    back = candidate(space, point_of(space, meant))

    for one, other in zip(meant, back, strict=True):
        assert np.asarray(other) == pytest.approx(np.asarray(one))


def test_bounds_are_kept(space: Space):
    wild = np.random.default_rng(9).normal(size=(200, space.width)) * 20
    held = within(space, wild)

    assert (np.abs(moves(space, held)) <= space.most_move + 1e-9).all()
    assert (distances(space, held) <= space.most_distance + 1e-9).all()
    assert (held[:, space.factors : space.priced] >= 0.0).all()
    assert ((held[:, space.priced :] >= 0.0) & (held[:, space.priced :] <= 1.0)).all()
    assert within(space, held) == pytest.approx(held)


def test_what_cannot_break_says_so(space: Space):
    assert shortened(space, lambda points: np.zeros(len(points)), np.ones(space.width)) is None


def test_answers_differ(space: Space):
    """The platform breaks at a move of either of two factors."""

    def exceedance(points: np.ndarray) -> np.ndarray:
        return np.maximum(moves(space, points)[:, 0] / 2.0, -moves(space, points)[:, 1] / 2.5)

    starts = np.zeros((4, space.width))
    starts[0, 0] = starts[1, 0] = starts[2, 0] = 3.0
    starts[1, 2] = 0.1
    starts[3, : space.factors] = np.linalg.solve(space.root, [0, -3.0, 0, 0, 0, 0])
    found = distinct(space, exceedance, starts, 5, 0.7)

    assert len(found) == 2
    assert all(one.exceedance == pytest.approx(1.0, rel=1e-3) for one in found)
    assert cosine(space, found[0].point, found[1].point) < 0.7


def test_no_history_no_plausibility():
    with pytest.raises(ValueError, match="no factor history"):
        space_of(np.eye(2), np.zeros((0, 2)), Multiples(1.5, 1.5, 0.35, 1))
