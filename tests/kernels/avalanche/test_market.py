"""Shocks, volatility and impact of traced paths, found again in NumPy from the formulas."""

import numpy as np
import pytest

from margin_assets.kernels.avalanche.paths.shocks import chi_of_day
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import SOLD
from margin_assets.kernels.avalanche.scenario import (
    GAUSSIAN,
    HISTORY,
    IMPACT,
    NO_SALES,
    NOISELESS,
    STUDENT,
    Settings,
)
from margin_assets.kernels.avalanche.simulation import trace
from tests.support import avalanche_platforms as ap

FREE = Settings(seed=5, arm=NO_SALES, generator=GAUSSIAN)


def steps(level: np.ndarray) -> np.ndarray:
    """Returns by hour of one path's one factor."""
    return np.diff(level, prepend=0.0)


def test_volatility_reverts_and_reacts_as_its_recursion_says():
    day = np.linspace(0.5, 1.5, 24)[None] / 24
    market = ap.factors(sigma=0.02, sigma_bar=0.01, hour_share=day)
    scenario = ap.calm()
    scenario.volatility[:], scenario.shock[0, 5] = 2.0, -0.03

    told = trace(ap.platform(factors=market), scenario, FREE, np.arange(4))

    share = np.tile(day[0], 10)
    # The first hour of the second week has a weekend's variance more.
    share[120] += FREE.gap_share
    for path in range(4):
        quiet = (steps(told.level[path, :, 0]) - scenario.shock[0, :, 0]) / 2.0
        h = 0.02**2
        for t in range(240):
            pull = FREE.reversion * (0.01**2 - h) * share[t]
            h += pull + FREE.reaction * (quiet[t] ** 2 - h * share[t])
            assert told.sigma[path, t, 0] == pytest.approx(np.sqrt(h), rel=1e-9)


def test_volatility_keeps_within_its_bounds():
    wild = ap.calm()
    settings = FREE._replace(reaction=60.0, sigma_cap=3.0, sigma_floor=0.5)

    sigma = trace(ap.platform(), wild, settings, np.arange(4)).sigma

    assert sigma.max() == pytest.approx(3.0 * ap.SIGMA)
    assert sigma.min() == pytest.approx(0.5 * ap.SIGMA)


def test_normal_shocks_are_correlated_as_mixed():
    correlation = np.array([[1.0, 0.8], [0.8, 1.0]])
    scenario = ap.calm(2)._replace(
        mixing=np.linalg.cholesky(correlation)[None], mixing_at=np.zeros((1, 240), dtype=np.int64)
    )
    two = ap.platform(factors=ap.factors(2))

    told = trace(two, scenario, ap.CALM, np.arange(32))

    z = np.diff(told.level, axis=1).reshape(-1, 2) / (ap.SIGMA / np.sqrt(24))
    assert z.std(axis=0) == pytest.approx([1.0, 1.0], abs=4 / np.sqrt(2 * len(z)))
    assert np.corrcoef(z.T)[0, 1] == pytest.approx(0.8, abs=4 * 0.36 / np.sqrt(len(z)))


def test_students_chi_gives_unit_variance_and_the_kurtosis_of_its_degrees():
    nu = 12.0
    chi = np.array([chi_of_day(3, day, path, nu) for day in range(20) for path in range(1_000)])

    # z = chi g: E chi^2 = 1, and E z^4 / 3 = E chi^4 = (nu - 2) / (nu - 4).
    fourth = (nu - 2) / (nu - 4)
    assert (chi**2).mean() == pytest.approx(1.0, abs=4 * np.sqrt((fourth - 1) / len(chi)))
    assert (chi**4).mean() == pytest.approx(fourth, rel=0.05)


def test_student_shocks_share_one_chi_a_day():
    told = trace(
        ap.platform(factors=ap.factors(2)),
        ap.calm(2),
        ap.CALM._replace(generator=STUDENT),
        np.arange(2),
    )
    normal = trace(ap.platform(factors=ap.factors(2)), ap.calm(2), ap.CALM, np.arange(2))

    ratio = np.diff(told.level, axis=1) / np.diff(normal.level, axis=1)
    for path in range(2):
        for day in range(1, 10):
            chi = chi_of_day(ap.CALM.seed, day, path, ap.CALM.degrees)
            assert ratio[path, 24 * day - 1 : 24 * day + 23] == pytest.approx(chi, rel=1e-6)


def historical(days: int = 40) -> Platform:
    """Residuals that tell their own day and hour."""
    stamps = np.arange(days * 24, dtype=np.float64).reshape(days, 24, 1) + 1.0
    return ap.platform(residuals=stamps)


def test_blocks_of_history_are_whole_days_in_their_order():
    scale = ap.SIGMA / np.sqrt(24)
    told = trace(historical(), ap.calm(), ap.CALM._replace(generator=HISTORY), np.arange(64))

    stamps = np.rint(np.diff(told.level[:, :, 0], prepend=0.0, axis=1) / scale).astype(int) - 1
    day, hour = stamps.reshape(64, 10, 24) // 24, stamps.reshape(64, 10, 24) % 24
    assert (hour == np.arange(24)).all()
    assert (day == day[:, :, :1]).all()
    follows = day[:, 1:, 0] == (day[:, :-1, 0] + 1) % 40
    # A block goes on with probability 1 - 1 / 3, and a new one may begin at the next day too.
    expected = 2 / 3 + 1 / 3 / 40
    assert follows.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / 3 / follows.size))
    assert len(np.unique(day)) == 40


def test_impact_of_a_sale_is_lasting_and_passing_and_fades():
    first, size, adv, crowd = 2e6, 1e8, 5e8, 3.0
    platform = ap.platform(
        factors=ap.factors(adv=adv, crowd=crowd, half_spread=1e-3),
        units=ap.units(1, exposure=size, funded=1.0),
        sets=ap.sets(intraday=np.ones((1, 24), dtype=np.bool_), gains=0),
        accounts=ap.accounts(cash=0.0),
    )
    scenario = ap.calm()
    scenario.shock[0, 0] = -first / size
    # The volatility stays as it is, so that every figure can be found by hand.
    settings = ap.CALM._replace(generator=NOISELESS, arm=IMPACT, volume_by_volatility=0)

    told = trace(platform, scenario, settings, np.arange(1))

    sold = np.zeros(240)
    sales = told.events[told.events["kind"] == SOLD]
    np.add.at(sold, sales["hour"], sales["amount"])
    assert sold[0] == pytest.approx(first)
    order, away, level = 0.0, 0.0, -first / size
    for t in range(1, 60):
        flow = -crowd * sold[t - 1]
        order = order * np.exp(-1 / 48) + flow
        passing = 0.8 * ap.SIGMA * np.sign(order) * np.sqrt(abs(order) / adv)
        level += 0.314 * ap.SIGMA * flow / adv + passing - away
        away = passing
        assert told.level[0, t, 0] == pytest.approx(level, rel=1e-9)
    cost = sales["addon"][0]
    completion = 0.8 * ap.SIGMA * np.sqrt(crowd * first / adv)
    assert cost == pytest.approx(first * (1e-3 + 2 / 3 * completion))


def test_impact_feeds_true_volatility_by_its_part():
    platform = ap.platform(
        factors=ap.factors(adv=1e8),
        units=ap.units(1, exposure=1e8, funded=1.0),
        sets=ap.sets(intraday=np.ones((1, 24), dtype=np.bool_)),
        accounts=ap.accounts(cash=0.0),
    )
    scenario = ap.calm()
    scenario.shock[0, 0] = -0.02
    settings = ap.CALM._replace(generator=NOISELESS, arm=IMPACT, reaction=0.08)

    told = trace(platform, scenario, settings, np.arange(1))

    h, share = ap.SIGMA**2 * (1 - 0.08 / 24), 1 / 24
    impact = steps(told.level[0, :, 0])[1]
    assert impact < 0
    assert told.sigma[0, 1, 0] ** 2 == pytest.approx(h + 0.08 * ((impact / 2) ** 2 - h * share))
