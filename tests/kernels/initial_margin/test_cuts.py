"""Cuts against the models that they stand for, and models against what they are known to give."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.initial_margin import historical, normed, scanned
from margin_assets.kernels.initial_margin.concentration import charge, threshold_share
from margin_assets.kernels.initial_margin.cuts import (
    Exposure,
    Planes,
    States,
    states_of,
    trained,
    values_of,
)
from margin_assets.kernels.rules.clearing_rules import Scan

SCANS = scanned.scans(Scan(steps=3, extreme=3, covered=3))
LAW = settings(max_examples=15, deadline=None, derandomize=True)
NO_GAMMA = np.zeros(2)


def today(factors: int) -> States:
    return States(np.ones((1, factors)), np.ones((1, factors)))


def everywhere(factors: int, v: float) -> States:
    return States(np.full((1, factors), v), np.full((1, factors), v * v))


def history(days: int, factors: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).standard_t(5, (days, factors))


def shortfall_model(exposure: Exposure, days: int = 400, tail: int = 8):
    residuals = history(days, len(exposure.delta))
    sigma = np.full(len(exposure.delta), 0.01)
    return historical.shortfall_model(residuals, sigma, exposure, historical.Tail(tail))


def plainly(exposure: Exposure, states: States, days: int = 400, tail: int = 8) -> np.ndarray:
    """Expected shortfall by sorting the revalued scenarios, state by state."""
    moves = history(days, len(exposure.delta)) * 0.01
    found = []
    for w, w2 in zip(states.w, states.w2, strict=True):
        loss = -(moves * exposure.delta * w + moves**2 * exposure.gamma / 2.0 * w2).sum(axis=1)
        found.append(np.sort(loss)[-tail:].mean())
    return np.array(found)


@LAW
@given(
    st.lists(st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1.0), min_size=3, max_size=3),
    st.lists(st.floats(-1e7, 1e7), min_size=3, max_size=3),
)
def test_shortfall_by_planes_is_the_sorted_mean_and_no_cut_is_above_it(
    delta: list[float], gamma: list[float]
):
    exposure = Exposure(np.array(delta), np.array(gamma))
    model = shortfall_model(exposure)
    asked = states_of(np.array([0, 1, 1]), 20, seed=3)

    values, _ = model(asked)
    found = trained(model, exposure, np.array([0, 1, 1]), cuts=6)
    surrogate = values_of(found.planes, exposure, asked)

    size = np.abs(exposure.delta).sum() + np.abs(exposure.gamma).sum()
    assert values == pytest.approx(plainly(exposure, asked), abs=1e-12 * size)
    assert (surrogate <= values + 1e-12 * size).all()
    assert surrogate[0] == pytest.approx(values[0], abs=1e-12 * size)


DELTAS = st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=3).map(np.array)


@LAW
@given(DELTAS, DELTAS)
def test_shortfall_grows_with_the_book_and_that_of_a_union_is_at_most_the_sum(
    one: np.ndarray, other: np.ndarray
):
    def charge_of(delta: np.ndarray) -> float:
        values, _ = shortfall_model(Exposure(delta, np.zeros(3)))(today(3))
        return float(values[0])

    slack = 1e-12 * (np.abs(one).sum() + np.abs(other).sum() + 1.0)
    assert charge_of(one + other) <= charge_of(one) + charge_of(other) + slack
    assert charge_of(3.0 * one) == pytest.approx(3.0 * charge_of(one), abs=3 * slack)


@pytest.mark.parametrize("v", [2.0, 5.0, 10.0])
def test_filtered_margin_scales_with_volatility_and_a_static_one_does_not(v: float):
    exposure = Exposure(np.array([3e6, -2e6]), NO_GAMMA)
    filtered = trained(shortfall_model(exposure), exposure, np.array([0, 1])).planes
    weights = normed.normal_weights(np.array([0.01, 0.02]), 0.99, 10)
    model = normed.norm_model(weights, np.eye(2), exposure)
    static = trained(model, exposure, np.array([0, 0]), is_static=True).planes

    at_v = values_of(filtered, exposure, everywhere(2, v))
    assert at_v == pytest.approx(v * values_of(filtered, exposure, today(2)), rel=1e-12)
    # The loop leaves the ratio of a static estimate at one, whatever the market does.
    assert values_of(static, exposure, today(2))[0] == pytest.approx(
        math.hypot(3e6 * weights[0], 2e6 * weights[1]), rel=1e-12
    )


def test_with_convexity_the_cuts_are_exact_where_all_volatilities_double():
    exposure = Exposure(np.array([3e6, -2e6]), np.array([-4e7, 1e7]))
    model = shortfall_model(exposure)
    found = trained(model, exposure, np.array([0, 1]))

    for v in (2.0, 5.0, 10.0):
        asked = everywhere(2, v)
        assert values_of(found.planes, exposure, asked) == pytest.approx(
            plainly(exposure, asked), rel=1e-12
        )


def test_the_cuts_of_a_wide_book_are_within_the_tolerance_on_states_held_out():
    delta = np.random.default_rng(11).normal(size=8) * 1e6
    exposure = Exposure(delta, np.zeros(8))

    found = trained(shortfall_model(exposure, 1250, 13), exposure, np.arange(8) % 3)

    assert -0.02 < found.positions.mean <= 1e-12
    assert -0.02 < found.volatility.low <= 1e-12
    assert len(found.planes.w) <= 32


@pytest.mark.parametrize("alpha", [0.95, 0.975, 0.99, 0.997])
def test_normal_shortfall_is_the_mean_beyond_the_quantile(alpha: float):
    beyond = [alpha + (1.0 - alpha) * (n + 0.5) / 20_000 for n in range(20_000)]
    mean = sum(map(NormalDist().inv_cdf, beyond)) / len(beyond)
    assert normed.normal_shortfall(alpha) == pytest.approx(mean, rel=1e-4)


@pytest.mark.parametrize(
    ("alpha", "scenarios", "count"), [(0.997, 2500, 8), (0.99, 2500, 25), (0.99, 50, 1)]
)
def test_tail_counts_the_scenarios_beyond_the_confidence(alpha: float, scenarios: int, count: int):
    assert historical.tail_of(alpha, scenarios).scenarios == count


def test_value_at_risk_is_a_shortfall_equal_to_it_today():
    exposure = Exposure(np.array([1e6, 5e5]), NO_GAMMA)
    residuals, sigma = history(500, 2), np.array([0.01, 0.02])

    tail = historical.value_at_risk_tail(residuals, sigma, exposure, 0.99)
    values, _ = historical.shortfall_model(residuals, sigma, exposure, tail)(today(2))

    losses = np.sort(-(residuals * sigma * exposure.delta).sum(axis=1))[::-1]
    assert values[0] == pytest.approx(losses[4], rel=1e-12)


def test_residuals_over_days_overlap():
    daily = np.array([[1.0], [2.0], [4.0], [8.0]])
    assert historical.over_days(daily, 3).ravel() == pytest.approx([7.0, 14.0])


def test_a_filter_scales_by_the_volatility_of_the_day_before():
    apart = historical.filtered(np.array([[3.0], [4.0]]), 0.5)
    # Variance starts at (9 + 16) / 2; after the first day it is half of that and half of nine.
    assert apart.volatility.ravel() == pytest.approx([12.5**0.5, 10.75**0.5])
    assert apart.residuals.ravel() == pytest.approx([3 / 12.5**0.5, 4 / 10.75**0.5])


@pytest.mark.parametrize(
    ("delta", "gamma", "vega", "loss"),
    [
        # Long: the price a scan range down, or a third of the loss three ranges down: the same.
        pytest.param(100.0, 0.0, 0.0, 10.0, id="long"),
        pytest.param(-100.0, 0.0, 0.0, 10.0, id="short"),
        # Short convexity: 1/3 of 4000/2 x 0.3 squared is 60, above 4000/2 x 0.1 squared.
        pytest.param(0.0, -4000.0, 0.0, 60.0, id="short straddle"),
        pytest.param(0.0, 4000.0, 0.0, 0.0, id="long straddle costs nothing"),
        pytest.param(100.0, 0.0, -50.0, 20.0, id="short volatility is added"),
    ],
)
def test_the_sixteen_scenarios_of_one_commodity(
    delta: float, gamma: float, vega: float, loss: float
):
    exposure = Exposure(np.array([delta, vega]), np.array([gamma, 0.0]))
    planes = scanned.scan_planes(SCANS, (0, 1), np.array([0.1, 0.2]))
    assert values_of(planes, exposure, today(2)) == pytest.approx([loss])


def test_credit_between_commodities_is_a_share_of_the_lesser_side_twice():
    exposure = Exposure(np.array([100.0, -60.0]), NO_GAMMA)
    ranges = np.array([0.1, 0.1])
    groups = [scanned.Scanned(scanned.scan_planes(SCANS, (n, None), ranges), n) for n in (0, 1)]
    credit = scanned.credit_plane(groups, exposure, 0.25)
    # 10 for the long, 6 for the short: credit of a quarter of 6, on both sides.
    assert values_of(credit, exposure, today(2)) == pytest.approx([-3.0])


def test_ten_price_points_never_charge_below_nothing():
    exposure = Exposure(np.array([-100.0]), np.array([0.0]))
    planes = scanned.point_planes(1, 0, 0.15, 5)
    assert values_of(planes, exposure, today(1)) == pytest.approx([15.0])
    # Long convexity loses most at the nearest fifth: 100 x 3% less 3000 / 2 x 3% squared.
    bent = Exposure(np.array([100.0]), np.array([3000.0]))
    assert values_of(planes, bent, today(1)) == pytest.approx([1.65])
    gains = Exposure(np.array([0.0]), np.array([500.0]))
    assert values_of(planes, gains, today(1)) == pytest.approx([0.0])


def test_a_share_of_the_gross_falls_with_what_is_left():
    exposure = Exposure(np.array([100.0, -60.0]), NO_GAMMA)
    plane = scanned.gross_plane(exposure, 0.1)
    half = States(np.array([[1.0, 0.5]]), np.array([[1.0, 0.5]]))
    assert values_of(plane, exposure, today(2)) == pytest.approx([16.0])
    assert values_of(plane, exposure, half) == pytest.approx([13.0])


def test_short_convexity_is_charged_and_long_is_not():
    exposure = Exposure(np.zeros(2), np.array([-200.0, 300.0]))
    plane = normed.short_convexity(np.array([0.1, 0.1]), exposure)
    assert isinstance(plane, Planes)
    assert values_of(plane, exposure, today(2)) == pytest.approx([1.0])


@LAW
@given(st.floats(1e6, 1e9), st.floats(1.01, 4.0))
def test_the_add_on_more_than_doubles_with_the_position(size: float, multiple: float):
    terms = (1.0, 2.33, 0.25)
    one, two = (
        charge(np.array([s]), np.array([0.01]), np.array([1e5]), terms)
        for s in (size, size * multiple)
    )
    assert two[0] == pytest.approx(one[0] * multiple**1.5, rel=1e-9)
    assert two[0] > multiple * one[0]


def test_the_add_on_is_nothing_up_to_a_share_of_turnover():
    delta, adv = np.array([250.0, 260.0]), np.array([1000.0, 1000.0])
    found = charge(delta, np.array([0.01, 0.01]), adv, (2.0, 2.33, 0.25))
    assert found[0] == 0.0
    assert found[1] == pytest.approx(2.0 * 2.33 * 260.0 * 0.01 * math.sqrt(260.0 / 250.0))
    assert threshold_share(delta, adv, 0.25) == pytest.approx([1.0, 250.0 / 260.0])
