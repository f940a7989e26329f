"""The spiral condition against cascades counted round by round."""

import math

import numpy as np
import pytest

from margin_assets.kernels.avalanche.answers.spiral import (
    Depth,
    impact_slopes,
    spiral,
)


@pytest.mark.parametrize("slope", [0.0, 5e8], ids=["losses", "losses and margin"])
def test_one_factor_is_the_closed_form(slope: float):
    exposure, cash, depth = 2e9, 0.8, 1e10
    found = spiral(
        np.array([[-(exposure + slope)]]), np.array([[-1.0 / depth]]), np.array([[1.0 / cash]])
    )

    assert found.rho == pytest.approx((exposure + slope) / (cash * depth))
    assert found.multiplier == pytest.approx(1 / (1 - found.rho))


def test_a_cascade_of_two_factors_grows_as_the_condition_says():
    calls = np.array([[-3e9, 1e9], [0.0, 2e9]])
    moves = np.array([[-2e-10, 0.0], [-1e-10, -1.5e-10]])
    sales = np.array([[0.5, 0.1], [-0.2, -0.6]])
    found = spiral(calls, moves, sales)

    call = np.array([1e6, 1e6])
    for _ in range(200):
        call = calls @ moves @ sales @ call
    # The two calls turn about each other, so growth is even only over many rounds.
    assert (np.linalg.norm(call) / 1e6) ** (1 / 200) == pytest.approx(found.rho, rel=0.01)
    assert found.is_stable == (found.rho < 1)


def test_no_way_back_from_one_on():
    found = spiral(np.array([[-2.0]]), np.array([[-1.0]]), np.array([[1.0]]))

    assert (found.multiplier, found.is_stable) == (math.inf, False)


def test_a_short_bought_back_spirals_like_a_long_sold():
    longs = spiral(np.array([[-3e9]]), np.array([[-1e-10]]), np.array([[1.0]]))
    shorts = spiral(np.array([[3e9]]), np.array([[-1e-10]]), np.array([[-1.0]]))

    assert longs.rho == shorts.rho
    assert longs.by_factor == pytest.approx(shorts.by_factor)


def test_a_slope_is_the_move_over_the_sale():
    depth = Depth(np.array([0.01]), np.array([1e9]), np.array([4.0]))
    slope = impact_slopes(depth, np.array([2.5e7]), 0.314, 0.8)

    # A flow of 10% of the volume.
    assert slope * 2.5e7 == pytest.approx(0.01 * (0.314 * 0.1 + 0.8 * math.sqrt(0.1)))
