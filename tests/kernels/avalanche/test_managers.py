"""Need shared over managers: games whose values are known."""

import numpy as np
import pytest

from margin_assets.kernels.avalanche.answers.shapley import pairs, shapley


def _draws(permutations: int, managers: int) -> np.ndarray:
    return np.random.default_rng(11).random((permutations, managers))


def _runway(scales: np.ndarray) -> float:
    """The longest of those present: the airport game of Littlechild and Owen (1973)."""
    return float((scales * np.array([1.0, 3.0, 6.0])).max())


def test_shares_of_the_airport_game():
    found = shapley(_runway, _draws(400, 3))

    # Each pays its part of the stretch that it shares: 1/3, 1/3 + 2/2, 1/3 + 2/2 + 3.
    exact = np.array([1 / 3, 4 / 3, 13 / 3])
    assert found.amount.sum() + found.none == pytest.approx(found.total, abs=1e-12)
    assert (np.abs(found.amount - exact) <= 4 * found.error + 1e-12).all()
    assert found.runs <= 8


def test_backwards_after_forwards_makes_two_managers_exact():
    """One permutation forwards alone would give all of what they add to the second."""
    found = shapley(lambda s: float(s.sum() + 4.0 * s[0] * s[1]), _draws(1, 2))

    assert found.amount == pytest.approx([3.0, 3.0])


def test_a_sum_has_no_error():
    found = shapley(lambda s: float(s @ np.array([1.0, -2.0, 5.0])) + 7.0, _draws(8, 3))

    assert found.amount == pytest.approx([1.0, -2.0, 5.0])
    assert found.error == pytest.approx([0, 0, 0], abs=1e-12)
    assert (found.total, found.none) == (11.0, 7.0)


def test_pairs_that_are_worse_together_come_first():
    def need(s: np.ndarray) -> float:
        return float(s.sum() + 4.0 * s[0] * s[2] + s[1] * s[2] - 2.0 * s[0] * s[1] + 10.0)

    found = pairs(need, 4, np.arange(4))

    assert [(p.first, p.second, p.excess) for p in found] == [(0, 2, 4.0), (1, 2, 1.0)]
