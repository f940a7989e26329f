"""Cases whose result is known in closed form (section 11 of the model)."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from margin_assets.kernels.avalanche.liquidity.filling import (
    AMOUNT,
    CAP,
    HELD,
    RAISES,
    SLOPE,
    fill_cheapest,
)
from margin_assets.kernels.avalanche.platform import BILATERAL, GAINS_KEPT
from margin_assets.kernels.avalanche.scenario import (
    IMPACT,
    LINEAR,
    NOISELESS,
    SQUARE_ROOT,
)
from margin_assets.kernels.avalanche.simulation import simulate, trace
from tests.support import avalanche_platforms as ap

DAILY = 1e8 * ap.SIGMA
"""Standard deviation of a day's P&L of the plain platform, dollars."""
PATHS = np.arange(8_000)


def every_hour(count: int = 1) -> np.ndarray:
    return np.ones((count, 24), dtype=np.bool_)


def within(sample: np.ndarray, expected: float, errors: float = 4.0) -> bool:
    return abs(sample.mean() - expected) < errors * sample.std() / np.sqrt(len(sample))


def test_peak_of_daily_calls_is_spitzers():
    # Spitzer (1956): E max(0, S_1..S_n) = s / sqrt(2 pi) sum k^-1/2.
    found = simulate(ap.platform(), ap.calm(), ap.CALM, PATHS)

    expected = DAILY / np.sqrt(2 * np.pi) * (np.arange(1, 11) ** -0.5).sum()
    assert within(found.peak_need, expected)


def test_peak_of_hourly_calls_is_spitzers_and_its_tail_the_corrected_normal():
    hourly = ap.platform(sets=ap.sets(intraday=every_hour()))

    found = simulate(hourly, ap.calm(), ap.CALM, PATHS)

    step = DAILY / np.sqrt(24)
    expected = step / np.sqrt(2 * np.pi) * (np.arange(1, 241) ** -0.5).sum()
    assert within(found.peak_need, expected)
    # Broadie, Glasserman, Kou (1997): a barrier watched at steps lies 0.5826 s further away.
    at_ten = (2.326347874 + 0.2) * DAILY * np.sqrt(10) - 0.5826 * step
    share = (found.peak_need > at_ten).mean()
    tail = 2 * 0.00576
    assert share == pytest.approx(tail, abs=4 * np.sqrt(tail / len(PATHS)))


def test_gains_that_are_never_returned_add_half_normals():
    kept = ap.platform(sets=ap.sets(intraday=every_hour(), gains=GAINS_KEPT))

    found = simulate(kept, ap.calm(), ap.CALM, PATHS)

    step = DAILY / np.sqrt(24)
    assert within(found.peak_need, 240 * step / np.sqrt(2 * np.pi))
    variance = 240 * step**2 * (0.5 - 1 / (2 * np.pi))
    assert found.peak_need.var() == pytest.approx(variance, rel=0.06)


def test_estimators_answer_a_step_in_volatility_with_their_lag():
    step, memory = 3.0, 0.97
    slow = ap.platform(estimators=ap.estimators(1, np.array([ap.SIGMA]), memory=memory))
    jump = ap.calm()._replace(volatility=np.full((1, 240, 1), step))

    told = trace(slow, jump, ap.CALM, np.arange(1_600))

    for day in (1, 5, 10):
        squared = told.ratio[:, 24 * day - 1, 0, 0] ** 2
        assert within(squared, step**2 - (step**2 - 1) * memory**day)


def spiral(rho: float) -> tuple:
    """A set that is long beside something to sell whose sale moves it down: rho = E / (g D)."""
    depth = 1e9
    first = 1e4
    platform = ap.platform(
        factors=ap.factors(depth=depth, adv=1e15),
        units=ap.units(2, factor=np.zeros(2), exposure=[0.0, 1e9], funded=[0.0, 1.0]),
        exposures=ap.exposures([[(0, rho * depth, 0.0)]]),
        sets=ap.sets(intraday=every_hour()),
        accounts=ap.accounts(cash=0.0),
    )
    shock = np.zeros((1, 240, 1))
    shock[0, 0] = -first / (rho * depth)
    return platform, ap.calm()._replace(shock=shock), first


@pytest.mark.parametrize("rho", [0.25, 0.5, 0.8])
def test_linear_impact_spirals_to_the_first_call_over_one_less_rho(rho: float):
    platform, shocked, first = spiral(rho)
    settings = ap.CALM._replace(generator=NOISELESS, impact=LINEAR, arm=IMPACT)

    found = simulate(platform, shocked, settings, np.arange(1))

    rounds = np.arange(1, 6)
    np.testing.assert_allclose(
        found.need_by_hour[0, :5], first * (1 - rho**rounds) / (1 - rho), rtol=1e-4
    )
    assert found.peak_need[0] == pytest.approx(first / (1 - rho), rel=1e-4)


def test_linear_impact_diverges_where_rho_is_above_one():
    platform, shocked, _ = spiral(1.2)
    settings = ap.CALM._replace(generator=NOISELESS, impact=LINEAR, arm=IMPACT)

    found = simulate(platform, shocked, settings, np.arange(1))

    growth = np.diff(found.need_by_hour[0, :20])
    assert (growth[1:] > 1.15 * growth[:-1]).all()


def test_two_halves_with_a_threshold_each_call_as_one_with_both():
    terms = {"kind": BILATERAL, "intraday": every_hour(2)}
    halves = ap.platform(sets=ap.sets(2, threshold=1e6, **terms))
    whole = ap.platform(
        sets=ap.sets(kind=BILATERAL, intraday=every_hour(), threshold=2e6),
        exposures=ap.exposures([[(0, 2e8, 0.0)]]),
    )

    found = [simulate(p, ap.calm(), ap.CALM, np.arange(200)).need_by_hour for p in (halves, whole)]

    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    assert found[0].max() > 0


units_for_sale = st.lists(
    st.tuples(st.floats(0.1, 2.0), st.floats(0.1, 10.0), st.floats(1.0, 1e3)),
    min_size=1,
    max_size=8,
)


def choice_of(drawn: list[tuple[float, float, float]]) -> np.ndarray:
    choice = np.zeros((5, len(drawn)))
    for u, (raises, slope, cap) in enumerate(drawn):
        choice[RAISES, u], choice[SLOPE, u], choice[CAP, u], choice[HELD, u] = (
            raises,
            slope,
            cap,
            cap,
        )
    return choice


@given(units_for_sale, st.floats(0.01, 0.99))
def test_cheapest_sales_meet_the_gap_and_the_conditions_of_the_least_cost(drawn: list, part: float):
    choice = choice_of(drawn)
    gap = part * (choice[RAISES] * choice[CAP]).sum()

    fill_cheapest(choice, np.arange(len(drawn)), gap, SQUARE_ROOT)

    amount = choice[AMOUNT]
    assert (choice[RAISES] * amount).sum() == pytest.approx(gap, rel=1e-9)
    # Marginal cost per dollar raised: equal where free, lower where capped.
    marginal = 1.5 * choice[SLOPE] * np.sqrt(amount) / choice[RAISES]
    free = amount < choice[CAP] * (1 - 1e-12)
    if free.any():
        assert np.ptp(marginal[free]) <= 1e-9 * marginal[free].max()
        assert (marginal[~free] <= marginal[free].max() * (1 + 1e-9)).all()


def test_uncapped_cheapest_sales_have_the_known_multiplier():
    choice = choice_of([(1.0, 2.0, 1e9), (0.5, 3.0, 1e9)])

    fill_cheapest(choice, np.arange(2), 100.0, SQUARE_ROOT)

    squared = 100.0 / sum(g**3 / (2.25 * k**2) for g, k in ((1.0, 2.0), (0.5, 3.0)))
    expected = [squared * (g / (1.5 * k)) ** 2 for g, k in ((1.0, 2.0), (0.5, 3.0))]
    assert choice[AMOUNT].tolist() == pytest.approx(expected)


def test_sales_under_linear_impact_go_by_what_they_raise_over_their_slope():
    choice = choice_of([(1.0, 2.0, 1e9), (0.5, 3.0, 1e9)])

    fill_cheapest(choice, np.arange(2), 100.0, LINEAR)

    assert choice[AMOUNT, 0] / choice[AMOUNT, 1] == pytest.approx((1.0 / 2.0) / (0.5 / 3.0))
    assert (choice[RAISES] * choice[AMOUNT]).sum() == pytest.approx(100.0)
