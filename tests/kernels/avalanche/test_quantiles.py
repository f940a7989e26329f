"""Quantiles and shares with their sampling error."""

import math
from math import comb

import numpy as np
import pytest

from margin_assets.kernels.avalanche.answers.quantiles import (
    distribution,
    quantile,
    ranks,
    share_by_hour,
    share_of,
    share_of_count,
)


def _coverage(count: int, level: float, low: int, high: int) -> float:
    """Probability that the quantile lies between two order statistics, term by term."""
    return sum(comb(count, k) * level**k * (1 - level) ** (count - k) for k in range(low, high))


def test_the_ranks_of_ten_thousand_paths_are_those_of_the_model():
    assert ranks(10_000, 0.99) == (9_881, 9_920)


@pytest.mark.parametrize(("count", "level"), [(60, 0.5), (200, 0.9), (500, 0.99), (1_000, 0.95)])
def test_an_interval_holds_the_quantile_with_95_percent_and_no_narrower_one_does(
    count: int, level: float
):
    low, high = ranks(count, level)

    assert _coverage(count, level, low, high) >= 0.95
    assert _coverage(count, level, low + 1, high) < 0.95
    assert _coverage(count, level, low, high - 1) < 0.95


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    draws = np.random.default_rng(7).normal(size=(400, 500))
    found = [quantile(row, 0.9) for row in draws]

    truth = 1.2815515655446004
    covered = np.mean([one.low <= truth <= one.high for one in found])
    spread = np.std([one.value for one in found])
    assert 0.92 <= covered <= 0.99
    assert np.mean([one.standard_error for one in found]) == pytest.approx(spread, rel=0.15)


def test_a_quantile_is_an_order_statistic():
    found = quantile(np.arange(1.0, 101.0), 0.99)

    assert (found.value, found.low, found.high) == (99.0, 97.0, math.inf)
    assert found.is_indicative


def test_the_worst_part_is_exact_where_it_is_no_whole_number_of_paths():
    found = distribution(np.arange(1.0, 101.0))

    # The worst 2.5 of 100: 100, 99 and half of 98.
    assert found.shortfall == pytest.approx((100 + 99 + 0.5 * 98) / 2.5)
    assert found.mean == 50.5
    assert [one.value for one in found.quantiles] == [50.0, 90.0, 95.0, 99.0, 100.0]


@pytest.mark.parametrize(
    ("values", "level", "message"),
    [
        ([], 0.5, "no paths"),
        ([1.0, math.nan], 0.5, "no finite result"),
        ([1.0], 1.0, "between 0 and 1"),
    ],
)
def test_what_has_no_quantile_is_refused(values: list[float], level: float, message: str):
    with pytest.raises(ValueError, match=message):
        quantile(np.array(values), level)


def test_shares_have_wilsons_interval():
    # 0 of 10: upper end z^2 / (10 + z^2).
    none = share_of(np.zeros(10, dtype=bool))

    assert none.value == none.low == 0.0
    assert none.high == pytest.approx(3.8414588 / 13.8414588, rel=1e-6)
    assert share_of_count(5, 10).low == pytest.approx(1 - share_of_count(5, 10).high)


def test_shares_by_hour_only_rise():
    shares = share_by_hour(np.array([3, -1, 0, 3]), 5)

    assert shares.tolist() == [0.25, 0.25, 0.25, 0.75, 0.75]
