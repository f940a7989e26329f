"""Laws of the model's section 11 on what must change no path: company, threads, order, parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import CALL, RETURN, SOLD, Results
from margin_assets.kernels.avalanche.scenario import (
    HISTORY,
    IMPACT,
    NO_IMPACT,
    NO_SALES,
    NOISELESS,
    STUDENT,
    Settings,
)
from margin_assets.kernels.avalanche.simulation import Simulator, simulate, trace
from tests.support.avalanche_drawn import Book, books
from tests.support.avalanche_mixed import SETS, mixed, stressed
from tests.support.avalanche_turned import factors_in_order, sets_in_order

ARM_C = Settings(seed=3, arm=IMPACT, generator=STUDENT, ops_failure=0.01, ops_delay=2.0)
MANY = np.arange(40)
"""Two whole blocks of paths, and a part of one."""
ARMS = st.sampled_from([NO_SALES, NO_IMPACT, IMPACT])
law = settings(deadline=None)


def same(found: Results, other: Results) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(found, other, strict=True))


@pytest.fixture(scope="module")
def platform() -> Platform:
    return mixed()


@law
@given(books(), ARMS, st.lists(st.sampled_from(MANY.tolist()), min_size=1, unique=True))
def test_paths_are_the_same_in_any_company_and_on_any_number_of_threads(
    book: Book, arm: int, some: list[int]
):
    set_to = book.settings._replace(arm=arm)
    alone = Simulator(book.platform, set_to, threads=1).run(book.scenario, MANY)
    shared = Simulator(book.platform, set_to, threads=3).run(book.scenario, MANY)
    picked = Simulator(book.platform, set_to, threads=1).run(book.scenario, np.array(some))

    assert same(alone, shared)
    for name, column in zip(Results._fields, picked, strict=True):
        assert np.array_equal(column, getattr(alone, name)[some]), name


def close(found: Results, other: Results) -> None:
    """Needs to a part in a billion; what sales came to by way of them to a millionth."""
    np.testing.assert_allclose(found.peak_need, other.peak_need, rtol=1e-9, atol=1e-3)
    np.testing.assert_allclose(found.sold, other.sold, rtol=1e-6, atol=1.0)
    np.testing.assert_allclose(found.cash_left, other.cash_left, rtol=1e-6, atol=1.0)


@law
@given(books(), ARMS, st.sampled_from([HISTORY, NOISELESS]), st.permutations(range(4)))
def test_order_of_factors_changes_nothing(
    book: Book, arm: int, generator: int, mixed_up: list[int]
):
    factors = len(book.platform.factors.sigma)
    order = np.array([f for f in mixed_up if f < factors])
    # Independent shocks are made correlated in the order of the factors: here they come as drawn.
    plain = book.scenario._replace(mixing_at=np.full_like(book.scenario.mixing_at, -1))
    by_factor = {
        name: getattr(plain, name)[:, :, order] for name in ("shock", "volatility", "depth")
    }
    whole = book._replace(scenario=plain)
    turned = Book(
        factors_in_order(book.platform, order), plain._replace(**by_factor), book.settings
    )

    close(*(one.run(arm=arm, generator=generator) for one in (turned, whole)))


@law
@given(books(dispute_probability=0.0), ARMS, st.permutations(range(6)))
def test_order_of_sets_changes_nothing(book: Book, arm: int, mixed_up: list[int]):
    """Disputes are drawn by the set's number, and a security that is short is posted where the
    first of the sets is: there are none, and none is posted."""
    assets, sets = book.platform.collateral, len(book.platform.sets.account)
    unposted = assets._replace(posted_at=np.zeros_like(assets.posted_at))
    whole = book._replace(platform=book.platform._replace(collateral=unposted))
    order = np.array([s for s in mixed_up if s < sets])
    turned = whole._replace(platform=sets_in_order(whole.platform, order, np.ones(sets)))

    close(turned.run(arm=arm), whole.run(arm=arm))


@law
@given(books(dispute_probability=0.0, mta=0.0, rounding=0.0), ARMS)
def test_a_set_in_two_halves_calls_as_the_whole(book: Book, arm: int):
    sets = len(book.platform.sets.account)
    order, part = np.arange(-1, sets), np.ones(sets + 1)
    order[0], part[:2] = 0, 0.5
    halves = book._replace(platform=sets_in_order(book.platform, order, part))

    close(halves.run(arm=arm), book.run(arm=arm))


def test_scenarios_run_together_as_they_run_alone(platform: Platform):
    mild, hard = stressed(1.5), stressed(4.0)
    both = mild._replace(
        **{
            name: np.concatenate([getattr(mild, name), getattr(hard, name)])
            for name in mild._fields
            if name != "mixing"
        }
    )
    rows, quiet = np.repeat([0, 1], 20), ARM_C._replace(generator=NOISELESS)
    for set_to in (ARM_C, quiet):
        simulator = Simulator(platform, set_to)
        together = simulator.run(both, np.tile(np.arange(20), 2), rows)
        alone = [simulator.run(one, np.arange(20)) for one in (mild, hard)]
        assert np.array_equal(together.need_by_hour[:20], alone[0].need_by_hour)
        assert np.array_equal(together.need_by_hour[20:], alone[1].need_by_hour)


def test_a_trace_is_the_same_paths_and_its_events_sum_to_the_need(platform: Platform):
    scenario, paths = stressed(), np.array([5, 9, 33])
    run = simulate(platform, scenario, ARM_C, paths)
    told = trace(platform, scenario, ARM_C, paths)

    assert same(run, told.results)
    assert told.events["kind"].max() >= SOLD
    for row, path in enumerate(paths):
        peak = run.peak_hour[row]
        moved = told.events[told.events["path"] == path]
        moved = moved[np.isin(moved["kind"], (CALL, RETURN)) & (moved["due_hour"] <= peak)]
        by_set = np.bincount(moved["subject"], moved["vm"] + moved["im"], SETS)
        np.testing.assert_allclose(by_set, run.peak_by_set[row], rtol=1e-5, atol=1.0)
        assert by_set.sum() == pytest.approx(run.peak_need[row], rel=1e-9)
