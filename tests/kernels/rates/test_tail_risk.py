"""The order statistic floor(q n) from 0, and the mean from it on."""

import numpy as np
import pytest

from margin_assets.kernels.rates.tail_risk import (
    expected_shortfall,
    order_statistic,
    value_at_risk,
)

RESULTS = np.array([4.0, -7.0, 1.0, -2.0, -9.0, 3.0, 0.5, -1.0, 2.0, 6.0])


@pytest.mark.parametrize(
    ("tail", "loss", "shortfall"),
    [
        pytest.param(0.01, 9.0, 9.0, id="the worst alone"),
        pytest.param(0.1, 7.0, 8.0, id="the second worst"),
        pytest.param(0.29, 2.0, 6.0, id="rounded down"),
        pytest.param(0.5, -1.0, 17.5 / 6, id="a gain"),
    ],
)
def test_ten_results(tail: float, loss: float, shortfall: float):
    assert value_at_risk(RESULTS, tail) == loss
    assert expected_shortfall(RESULTS, tail) == pytest.approx(shortfall)


def test_results_that_tie_each_count():
    """Of -5, -5, -5, 2 at 30% the place is 1: one of those that tie, and the mean of two."""
    results = np.array([-5.0, 2.0, -5.0, -5.0])

    assert value_at_risk(results, 0.3) == 5.0
    assert expected_shortfall(results, 0.3) == 5.0
    assert expected_shortfall(results, 0.75) == pytest.approx((5.0 + 5.0 + 5.0 - 2.0) / 4)


def test_a_whole_product_is_whole():
    """0.29 * 100 is 28.999999999999996 as a float."""
    assert order_statistic(100, 0.29) == 29


@pytest.mark.parametrize("results", [[], [1.0, float("nan")]])
def test_no_results_no_figure(results: list[float]):
    with pytest.raises(ValueError, match="result"):
        value_at_risk(np.array(results), 0.01)
