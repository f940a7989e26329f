"""Early warning: nearness by hand, levels by table, the fit by what it must recover."""

import math

import numpy as np
import pytest

from margin_assets.kernels.avalanche.answers import warning
from margin_assets.kernels.avalanche.answers.policy import WarningLevels
from margin_assets.kernels.avalanche.answers.warning import Components

LEVELS = WarningLevels(0.7, 0.9, 0.05, 2, -4.0, 3.0, 3.0, 2.0, 2.0)


def test_half_way_along_a_scenario_is_half_near():
    scenarios = np.array([[2.0, 0.0], [0.0, -2.0]])
    found = warning.nearest(np.array([1.0, 0.0]), scenarios, np.eye(2))

    assert found == (0, 0.5, 1.0, 0.5)
    assert warning.nearest(np.array([-1.0, 0.0]), scenarios, np.eye(2)).value == 0.0


def test_nearness_is_measured_in_the_metric_of_the_correlation():
    correlation = np.array([[1.0, 0.8], [0.8, 1.0]])
    usual, unusual = np.array([1.0, 1.0]), np.array([1.0, -1.0])
    found = warning.nearest(usual, np.array([unusual, usual]), correlation)

    assert (found.scenario, found.progress) == (1, pytest.approx(1.0))
    assert warning.nearest(usual, np.array([unusual]), correlation).alignment == pytest.approx(0.0)


def test_a_calm_platform_scores_low_and_a_broken_one_high():
    beta = warning.coefficients(LEVELS)

    assert warning.score(Components(0, 0, 0, 0), beta) == pytest.approx(1 / (1 + math.exp(4)))
    assert warning.score(Components(1, 1, 1, 1), beta) == pytest.approx(1 / (1 + math.exp(-6)))


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        pytest.param([0.75, 0.6, 0.75], "nnn", id="one reading is not enough"),
        pytest.param([0.75, 0.75], "nh", id="two in a row are"),
        pytest.param([0.95], "c", id="critical at once"),
        pytest.param([0.8, 0.8, 0.66, 0.66, 0.66], "nhhhh", id="held within the hysteresis"),
        pytest.param([0.8, 0.8, 0.64, 0.64], "nhhn", id="left below it, by two"),
        pytest.param([0.95, 0.86, 0.86, 0.84, 0.84], "cccch", id="critical is held too"),
        pytest.param([0.95, 0.5, 0.8, 0.5, 0.5], "ccccn", id="a turn begins the count anew"),
    ],
)
def test_levels_do_not_flicker(values: list[float], levels: str):
    reading, found = None, ""
    for value in values:
        reading = warning.level_after(reading, value, LEVELS)
        found += reading.level.value[0]
    assert found == levels


def test_a_warning_that_cannot_be_computed_is_refused():
    with pytest.raises(ValueError, match="no score"):
        warning.level_after(None, math.nan, LEVELS)


def _labelled() -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(5)
    features = draws.random((4_000, 4))
    chance = 1 / (1 + np.exp(4.0 - features @ np.array([5.0, 3.0, 0.0, -2.0])))
    return features, (draws.random(4_000) < chance).astype(float)


def test_the_fit_finds_what_matters_and_keeps_no_negative_coefficient():
    features, labels = _labelled()
    beta = warning.fitted(features, labels, penalty=1e-6)

    assert beta[1] == pytest.approx(5.0, abs=0.6)
    assert beta[2] == pytest.approx(3.0, abs=0.6)
    assert beta[4] == 0.0
    # No slope is left where a coefficient is free, none upwards where it is held at 0.
    residual = labels - warning.scores(features, beta)
    slopes = features.T @ residual / len(labels)
    assert np.abs(slopes[:2]).max() < 1e-4
    assert slopes[3] <= 0.0


def test_a_coefficient_that_only_looked_positive_ends_at_nothing():
    """The second component goes along with the first, and alone it would say the contrary."""
    draws = np.random.default_rng(8)
    first = draws.random(4_000)
    features = np.column_stack([first, 0.8 * first + 0.2 * draws.random(4_000), first, first])
    chance = 1 / (1 + np.exp(1.0 - features @ np.array([8.0, -5.0, 0.0, 0.0])))
    labels = (draws.random(4_000) < chance).astype(float)
    beta = warning.fitted(features[:, :2], labels, penalty=1e-6)

    assert beta[2] == 0.0
    assert beta[1] > 1.0


def test_labels_that_are_all_alike_teach_nothing():
    with pytest.raises(ValueError, match="same label"):
        warning.fitted(np.zeros((3, 4)), np.ones(3))


def test_the_rank_map_never_falls_and_keeps_the_mean():
    held = warning.isotonic(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.0, 1.0, 0.0, 1.0]))

    assert [warning.mapped(held, value) for value in (0.0, 0.15, 0.25, 0.35, 0.9)] == [
        0.0,
        0.0,
        0.5,
        0.5,
        1.0,
    ]


def test_skill_counts_warnings_before_and_alarms_without():
    flagged = np.array([[1, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0]], dtype=float)
    found = warning.skill(flagged, np.array([2, 2, -1, -1]))

    assert (found.detected, found.false_alarms) == (0.5, pytest.approx(1 / 6))


def test_use_and_rank_by_hand():
    assert [warning.use_of(*x) for x in ((5, 10), (20, 10), (1, 0), (-1, 0))] == [0.5, 1, 1, 0]
    assert warning.percentile(np.array([1.0, 2.0, 2.0, 5.0]), 2.0) == 0.5
