"""Laws of the model's section 11 that hold of the loop, on a platform with everything in it."""

import itertools

import numpy as np
import pytest

from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import CALL, NEVER, RETURN, SOLD, Results
from margin_assets.kernels.avalanche.scenario import (
    BY_ORDER,
    HISTORY,
    IMPACT,
    NO_IMPACT,
    NO_SALES,
    NOISELESS,
    PRO_RATA,
    STUDENT,
    Settings,
)
from margin_assets.kernels.avalanche.simulation import Simulator, simulate, trace
from tests.support import avalanche_platforms as ap
from tests.support.avalanche_mixed import FACTORS, SETS, mixed, stressed

ARM_A = Settings(seed=3, arm=NO_SALES, generator=STUDENT)
ARM_C = ARM_A._replace(arm=IMPACT, ops_failure=0.01, ops_delay=2.0)
PATHS = np.arange(64)


def same(found: Results, other: Results) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(found, other, strict=True))


@pytest.fixture(scope="module")
def book() -> Platform:
    return mixed()


@pytest.mark.parametrize("generator", [STUDENT, HISTORY])
@pytest.mark.parametrize("policy", [0, PRO_RATA, BY_ORDER])
def test_money_is_conserved(book: Platform, generator: int, policy: int):
    settings = ARM_C._replace(generator=generator, policy=policy)

    found = simulate(book, stressed(), settings, PATHS)

    assert np.abs(found.balance).max() < 1e-6
    assert found.sold.max() > 0
    assert found.facility_drawn.max() > 0


def test_paths_are_the_same_in_any_company_and_on_any_number_of_threads(book: Platform):
    scenario = stressed()
    alone = Simulator(book, ARM_C, threads=1).run(scenario, PATHS)
    shared = Simulator(book, ARM_C, threads=3).run(scenario, PATHS)
    picked = Simulator(book, ARM_C, threads=1).run(scenario, PATHS[[40, 3, 17]])

    assert same(alone, shared)
    for name, column in zip(Results._fields, picked, strict=True):
        assert np.array_equal(column, getattr(alone, name)[[40, 3, 17]]), name


def test_scenarios_run_together_as_they_run_alone(book: Platform):
    mild, hard = stressed(1.5), stressed(4.0)
    both = mild._replace(
        **{
            name: np.concatenate([getattr(mild, name), getattr(hard, name)])
            for name in mild._fields
            if name != "mixing"
        }
    )
    rows, quiet = np.repeat([0, 1], 20), ARM_C._replace(generator=NOISELESS)
    for settings in (ARM_C, quiet):
        simulator = Simulator(book, settings)
        together = simulator.run(both, np.tile(np.arange(20), 2), rows)
        alone = [simulator.run(one, np.arange(20)) for one in (mild, hard)]
        assert np.array_equal(together.need_by_hour[:20], alone[0].need_by_hour)
        assert np.array_equal(together.need_by_hour[20:], alone[1].need_by_hour)


def test_a_trace_is_the_same_paths_and_its_events_sum_to_the_need(book: Platform):
    scenario, paths = stressed(), np.array([5, 9, 33])
    run = simulate(book, scenario, ARM_C, paths)
    told = trace(book, scenario, ARM_C, paths)

    assert same(run, told.results)
    assert told.events["kind"].max() >= SOLD
    for row, path in enumerate(paths):
        peak = run.peak_hour[row]
        moved = told.events[told.events["path"] == path]
        moved = moved[np.isin(moved["kind"], (CALL, RETURN)) & (moved["due_hour"] <= peak)]
        by_set = np.bincount(moved["subject"], moved["vm"] + moved["im"], SETS)
        np.testing.assert_allclose(by_set, run.peak_by_set[row], rtol=1e-5, atol=1.0)
        assert by_set.sum() == pytest.approx(run.peak_need[row], rel=1e-9)


def test_without_impact_arm_c_is_arm_b_and_with_ample_cash_b_is_a(book: Platform):
    scenario = stressed()
    arm_b = simulate(book, scenario, ARM_C._replace(arm=NO_IMPACT), PATHS)
    flat = simulate(book, scenario, ARM_C._replace(permanent=0.0, transient=0.0), PATHS)
    assert same(arm_b, flat)
    assert arm_b.sold.max() > 0

    rich = mixed(liquid=1e4)
    sold = simulate(rich, scenario, ARM_C._replace(arm=NO_IMPACT), PATHS)
    kept = simulate(rich, scenario, ARM_C._replace(arm=NO_SALES), PATHS)
    assert same(sold, kept)


def test_more_liquidity_never_exhausts_or_defaults_sooner_in_arm_a():
    found = [simulate(mixed(liquid=liquid), stressed(), ARM_A, PATHS) for liquid in (0.5, 1.0, 2.0)]

    for less, more in itertools.pairwise(found):
        for hour in ("exhaustion_hour", "default_hour"):
            before, after = (
                np.where(getattr(r, hour) == NEVER, 999, getattr(r, hour)) for r in (less, more)
            )
            assert (after >= before).all()
    assert (found[0].default_hour != NEVER).any()


def test_need_grows_along_a_ray_of_shocks(book: Platform):
    direction = np.array([-1.0, -1.0, -0.5, 0.2, -1.0])
    settings = ARM_A._replace(generator=NOISELESS, unlimited=1)
    needs = []
    for size in (0.0, 0.5, 1.0, 2.0, 4.0):
        shocked = ap.calm(FACTORS)
        shocked.shock[0, :30] = size * direction * ap.SIGMA / 30
        needs.append(simulate(book, shocked, settings, np.arange(1)).peak_need[0])

    assert needs[0] == 0
    assert (np.diff(needs) >= 0).all()


def test_sales_stay_within_caps_and_never_grow_an_exposure(book: Platform):
    scenario, paths = stressed(), np.arange(16)
    told = trace(book, scenario, ARM_C, paths)

    assert told.left.min() >= 0.0
    assert told.left.max() <= 1.0
    assert (np.diff(told.left, axis=1) <= 0).all()
    sales = told.events[told.events["kind"] == SOLD]
    volume = book.factors.adv[book.units.factor[sales["subject"]]] * 0.5 / 24
    row = np.searchsorted(paths, sales["path"])
    factor = book.units.factor[sales["subject"]]
    sigma = told.sigma[row, sales["hour"], factor]
    cap = ARM_C.participation * volume * ap.SIGMA / sigma * 0.5
    assert (sales["amount"] <= cap * (1 + 1e-9)).all()


def test_order_of_factors_and_sets_changes_nothing(book: Platform):
    settings = ARM_A._replace(generator=HISTORY)
    calm = ap.calm(FACTORS)
    order = np.array([3, 1, 4, 0, 2])
    place = np.argsort(order)
    turned = book._replace(
        factors=type(book.factors)(*(column[order] for column in book.factors)),
        units=book.units._replace(factor=place[book.units.factor]),
        estimators=book.estimators._replace(sigma=book.estimators.sigma[:, order]),
        collateral=book.collateral._replace(factor=place[book.collateral.factor]),
        residuals=np.ascontiguousarray(book.residuals[:, :, order]),
    )

    found = [simulate(p, calm, settings, PATHS).peak_need for p in (book, turned)]

    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)


def test_currencies_of_one_name_pay_each_other_at_no_cost(book: Platform):
    one = book._replace(accounts=book.accounts._replace(currency=np.zeros(4, dtype=np.int64)))
    free = ARM_A._replace(fx_cost=0.0)

    assert same(simulate(one, stressed(), ARM_A, PATHS), simulate(book, stressed(), free, PATHS))


def test_posted_margin_is_never_short_by_more_than_the_terms_allow():
    terms = {"kind": 1, "threshold": 3e5, "mta": 1e5, "rounding": 1e4}
    one = ap.platform(sets=ap.sets(**terms))

    told = trace(one, ap.calm(), ap.CALM, np.arange(16))

    for path in range(16):
        calls = told.events[told.events["path"] == path]
        signed = np.where(calls["kind"] == CALL, calls["amount"], -calls["amount"])
        signed = np.where(np.isin(calls["kind"], (CALL, RETURN)), signed, 0.0)
        for hour in range(23, 240, 24):
            posted = signed[calls["hour"] <= hour].sum()
            required = max(0.0, -1e8 * told.moved[path, hour, 0] - 3e5)
            assert posted >= required - 1e5 - 1e-6
            assert posted % 1e4 == pytest.approx(0.0, abs=1e-6)


def margined(parts: int, **terms: object) -> Platform:
    """One cleared set with a linear model, or as many equal parts of it."""
    size = 1e8 / parts
    estimators = ap.estimators(1, np.array([ap.SIGMA]), memory=0.94)
    return ap.platform(
        sets=ap.sets(parts, intraday=np.tile(np.arange(24) % 6 == 0, (parts, 1)), **terms),
        exposures=ap.exposures([[(0, size, 0.0)]] * parts),
        groups=ap.groups([1] * parts),
        cuts=ap.cuts([[[(0, 0.05 * size, 0.0)]]] * parts),
        estimators=estimators,
    )


def test_a_set_in_two_halves_calls_as_the_whole():
    settings = ap.CALM._replace(reaction=0.08, reversion=0.05)
    whole = simulate(margined(1), ap.calm(), settings, PATHS)
    halves = simulate(margined(2), ap.calm(), settings, PATHS)

    np.testing.assert_allclose(halves.need_by_hour, whole.need_by_hour, rtol=1e-5, atol=1.0)
    np.testing.assert_allclose(halves.peak_need, whole.peak_need, rtol=1e-9)


def test_order_of_sets_changes_nothing(book: Platform):
    order = np.array([6, 2, 0, 7, 5, 1, 3, 4])
    calls, cuts = book.exposures, book.cuts
    by_set = [
        list(zip(calls.unit[a:b], calls.delta[a:b], calls.gamma[a:b], strict=True))
        for a, b in zip(calls.start[order], calls.start[order + 1], strict=True)
    ]
    groups = np.array([[2 * s, 2 * s + 1] for s in order]).ravel()
    forms = [
        [list(zip(cuts.unit[a:b], cuts.w[a:b], cuts.w2[a:b], strict=True))]
        for a, b in zip(cuts.entries[groups], cuts.entries[groups + 1], strict=True)
    ]
    turned = book._replace(
        sets=type(book.sets)(*(column[order] for column in book.sets)),
        exposures=ap.exposures(by_set),
        cuts=ap.cuts(forms),
    )
    # Disputes are drawn by the set's number.
    quiet = np.zeros(SETS)
    found = [
        simulate(
            p._replace(sets=p.sets._replace(dispute_probability=quiet)), stressed(), ARM_C, PATHS
        )
        for p in (book, turned)
    ]

    np.testing.assert_allclose(found[1].peak_need, found[0].peak_need, rtol=1e-9)
    np.testing.assert_allclose(found[1].sold, found[0].sold, rtol=1e-6, atol=1.0)


def test_a_longer_lag_makes_no_cash():
    left = [
        simulate(margined(1, eod_lag=lag, intraday_lag=lag), ap.calm(), ap.CALM, PATHS).cash_left
        for lag in (0, 5, 20)
    ]

    np.testing.assert_allclose(left[1], left[0], rtol=0, atol=1e-3)
    np.testing.assert_allclose(left[2], left[0], rtol=0, atol=1e-3)
