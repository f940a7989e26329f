"""Curves of nodes beside QuantLib's, their weights beside a bump, key rates beside a shift."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813 (its usual name)
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.rates.curves import (
    INTERPOLATIONS,
    Curve,
    discount_factors,
    key_rate_weights,
    shifted,
    weights,
)

TODAY = ql.Date(28, 1, 2026)
PLACES = np.array([30, 95, 185, 400, 760, 1100, 1900, 2600, 3700, 7300, 11000])
KEY_YEARS = np.array([1 / 12, 0.25, 0.5, 1, 2, 3, 5, 7, 10, 20, 30])

PEERS: dict[str, Callable[..., Any]] = {
    "linear_zero": ql.ZeroCurve,
    "natural_cubic_zero": ql.NaturalCubicZeroCurve,
    "log_linear_discount": ql.DiscountCurve,
    "log_cubic_discount": ql.NaturalLogCubicDiscountCurve,
    "monotone_log_cubic_discount": ql.LogCubicDiscountCurve,
    "kruger_log_discount": ql.KrugerLogDiscountCurve,
}


def rates(seed: int) -> np.ndarray:
    """Zero rates that wiggle, go below zero, and turn."""
    rng = np.random.default_rng(seed)
    return 0.02 + 0.015 * np.sin(PLACES / 900 + seed) + rng.normal(0, 0.004, PLACES.size)


def made(name: str, zero: np.ndarray, extrapolation: str = "flat_forward") -> Curve:
    """The curve with the node that QuantLib has at time 0."""
    if name.endswith("zero"):
        times, zero = np.append(0.0, PLACES / 365), np.append(zero[0], zero)
        return Curve(times, zero, name, extrapolation)
    return Curve(PLACES / 365, zero, name, extrapolation)


@pytest.mark.parametrize("name", INTERPOLATIONS)
@pytest.mark.parametrize("seed", range(4))
def test_discount_factors_are_those_of_quantlib(name: str, seed: int):
    zero, at = rates(seed), np.array([1, 12, 30, 31, 200, 555, 1100, 5000, 9999, 11000, 13000])
    dates = [TODAY, *(TODAY + int(day) for day in PLACES)]
    factors = np.exp(-zero * PLACES / 365)
    heights = np.append(zero[0], zero) if name.endswith("zero") else np.append(1.0, factors)
    peer = PEERS[name](dates, heights.tolist(), ql.Actual365Fixed())
    peer.enableExtrapolation()

    found = discount_factors(made(name, zero), at / 365)

    np.testing.assert_allclose(found, [peer.discount(TODAY + int(d)) for d in at], rtol=1e-12)


@pytest.mark.parametrize("name", INTERPOLATIONS)
@pytest.mark.parametrize("extrapolation", ["flat_zero", "flat_forward"])
def test_weights_are_what_a_bump_of_a_node_does(name: str, extrapolation: str):
    at, step = np.array([0.01, 0.4, 2.2, 6.0, 15.0, 30.13, 40.0]), 1e-6
    curve = made(name, 0.03 + 0.0005 * PLACES / 365, extrapolation)

    for node, bump in enumerate(np.eye(curve.times.size) * step):
        rise, fall = (np.log(discount_factors(shifted(curve, b), at)) for b in (bump, -bump))
        np.testing.assert_allclose(weights(curve, at)[:, node], (fall - rise) / 2 / step, atol=2e-8)


def test_beyond_its_ends_a_curve_is_flat():
    curve = Curve(np.array([1.0, 2.0]), np.array([0.02, 0.03]), "linear_zero", "flat_zero")

    found = -np.log(discount_factors(curve, np.array([0.5, 5.0])))

    np.testing.assert_allclose(found, [0.5 * 0.02, 5.0 * 0.03])


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.lists(st.floats(0.0, 60.0), min_size=1, max_size=20))
def test_key_rates_add_up_to_a_parallel_shift(years: list[float]):
    at = np.array(years)

    np.testing.assert_allclose(key_rate_weights(KEY_YEARS, at).sum(axis=1), at, atol=1e-12)
