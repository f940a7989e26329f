"""What tools charge, how far margin swings, and how often it is exceeded."""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.initial_margin.procyclicality import (
    Tool,
    charged,
    coverage_of,
    step_response,
    swing_of,
)

LAW = settings(max_examples=30, deadline=None, derandomize=True)
MARGINS = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=40).map(np.array)


def test_a_buffer_is_used_up_before_the_charge_rises():
    raw = np.array([100.0, 110.0, 120.0, 130.0, 104.0, 60.0])
    # From 125: covered up to 125, then the model; down only to 1.25 times the model.
    expected = [125.0, 125.0, 125.0, 130.0, 130.0, 75.0]
    assert charged(raw, raw, Tool("buffer25", 0.25)) == pytest.approx(expected)


@LAW
@given(MARGINS)
def test_what_a_buffer_charges_lies_between_the_model_and_a_quarter_above(raw: np.ndarray):
    found = charged(raw, raw, Tool("buffer25", 0.25))
    assert (found >= raw).all()
    assert (found <= 1.25 * raw).all()


@LAW
@given(MARGINS, st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_more_stress_is_never_charged_less_and_a_floor_is_kept(
    raw: np.ndarray, anchor: float, more: float
):
    low, high = (np.full(len(raw), level) for level in (anchor, anchor + more))
    assert (
        charged(raw, low, Tool("stress25", 0.25)) <= charged(raw, high, Tool("stress25", 0.25))
    ).all()
    assert (charged(raw, low, Tool("floor10y")) >= anchor).all()


def test_a_step_of_volatility_reaches_margin_as_the_memory_lets_it():
    # After one day of lambda 0.97 a doubled variance ratio of 4 has moved by 3 x 0.03.
    found = step_response(2.0, 0.97, 20, Tool("none"))
    assert found[[0, 1, 20]] == pytest.approx([1.0, 1.09**0.5, (4.0 - 3.0 * 0.97**20) ** 0.5])
    assert step_response(2.0, 1.0, 5, Tool("none"))[-1] == 1.0
    assert step_response(2.0, 0.97, 1, Tool("buffer25", 0.25))[-1] == 1.0


def test_swing_names_the_largest_rise_over_days():
    path = np.array([100.0, 90.0, 120.0, 110.0, 99.0, 135.0, 100.0])
    found = swing_of(path)
    assert found.peak_to_trough == pytest.approx(1.5)
    assert found.rises == pytest.approx((135 / 99 - 1, 135 / 100 - 1, 0.0))
    assert found.mean_over_last == pytest.approx(path.mean() / 100.0)


def test_no_swing_is_told_of_a_path_without_margin():
    with pytest.raises(ValueError, match="above 0"):
        swing_of(np.array([1.0, 0.0]))


@pytest.mark.parametrize(
    ("breaches", "days", "alpha"), [(2, 250, 0.99), (9, 250, 0.99), (0, 250, 0.99)]
)
def test_coverage_by_kupiec(breaches: int, days: int, alpha: float):
    losses = np.zeros(days)
    losses[:breaches] = 2.0
    found = coverage_of(losses, np.ones(days), alpha)

    p, x = 1.0 - alpha, breaches / days
    inside = (1 - p) ** (days - breaches) * p**breaches
    best = (1 - x) ** (days - breaches) * (x**breaches if breaches else 1.0)
    assert (found.breaches, found.expected) == (breaches, pytest.approx(days * p))
    distance = (-2.0 * np.log(inside / best)) ** 0.5
    assert found.p_value == pytest.approx(2.0 * NormalDist().cdf(-distance), rel=1e-9)
