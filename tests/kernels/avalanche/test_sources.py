"""Sources of cash, each in a case found by hand: one shock, no noise."""

import numpy as np
import pytest

from margin_assets.kernels.avalanche.platform import (
    Platform,
)
from margin_assets.kernels.avalanche.results import (
    DRAWN,
    NEVER,
    PAID,
    SOLD,
    TURNED,
)
from margin_assets.kernels.avalanche.scenario import NO_IMPACT
from margin_assets.kernels.avalanche.simulation import simulate
from tests.support import avalanche_platforms as ap
from tests.support.avalanche_told import ONE, QUIET, at, events, moved, told


def short_of(cash: float, **given: object) -> Platform:
    """Two millions are called at 17 and due at 23; only so much cash is there."""
    terms = {"sets": ap.sets(eod_hour=17, eod_lag=6), "accounts": ap.accounts(cash=cash)}
    return ap.platform(**{**terms, **given})


def test_unpaid_dues_exhaust_at_once_and_default_after_the_grace():
    found = simulate(short_of(5e5), moved((3, -0.02)), QUIET, ONE)

    assert found.exhaustion_hour.tolist() == [17]
    assert found.default_hour.tolist() == [23 + 9]
    assert found.arrears.tolist() == pytest.approx([1.5e6])
    patient = short_of(5e5, sets=ap.sets(eod_hour=17, eod_lag=6, grace=60))
    assert simulate(patient, moved((3, -0.02)), QUIET, ONE).default_hour.tolist() == [23 + 61]


def test_unlimited_funding_pays_all_and_leaves_need_uncensored():
    found = simulate(short_of(5e5), moved((3, -0.02)), QUIET._replace(unlimited=1), ONE)

    assert found.default_hour.tolist() == [NEVER]
    assert found.exhaustion_hour.tolist() == [17]
    assert found.peak_need.tolist() == pytest.approx([2e6])


def test_the_operating_minimum_pays_no_call():
    tight = short_of(2e6, accounts=ap.accounts(cash=2e6, minimum=1e5))

    assert simulate(tight, moved((3, -0.02)), QUIET, ONE).arrears.tolist() == pytest.approx([1e5])


def test_cash_of_another_currency_pays_at_its_cost():
    two = short_of(0.0, accounts=ap.accounts(2, cash=[5e5, 3e6]), ladder=np.zeros((240, 2)))

    found = simulate(two, moved((3, -0.02)), QUIET, ONE)

    assert found.arrears.tolist() == [0.0]
    assert found.cash_left.tolist() == pytest.approx([3.5e6 - 2e6 - 1.5e6 * (1 / 0.998 - 1)])


def test_currency_is_changed_before_the_markets_close():
    two = short_of(0.0, accounts=ap.accounts(2, cash=[5e5, 3e6]), ladder=np.zeros((240, 2)))

    # The call is known from 17, and due at 23.
    in_time = simulate(two, moved((3, -0.02)), QUIET._replace(fx_cut_off=18), ONE)
    too_late = simulate(two, moved((3, -0.02)), QUIET._replace(fx_cut_off=17), ONE)

    assert in_time.default_hour.tolist() == [NEVER]
    assert too_late.default_hour.tolist() == [NEVER]
    told_late = told(two, moved((3, -0.02)), QUIET._replace(fx_cut_off=17))
    assert events(told_late, PAID) == [(23, 5e5, 23), (24, 1.5e6, 24)]


def test_collateral_is_turned_in_its_window_after_its_haircut():
    window = {"value": 3e6, "haircut": 0.05, "lag": 2, "opens": 7, "closes": 15}
    bond = short_of(5e5, collateral=ap.collateral(1, **window))
    stressed = moved((3, -0.02))
    stressed.haircut[:] = 0.05

    found = told(bond, stressed)

    # At 17 the window is closed until 7 tomorrow, and the cash would come at 9: two hours after it
    # is due at 23 there is no help; within the grace of eight hours it would be too late by two.
    assert found.results.exhaustion_hour.tolist() == [17]
    assert events(found, TURNED) == [(17, 1.5e6, 33)]
    assert found.results.default_hour.tolist() == [32]
    patient = bond._replace(sets=bond.sets._replace(grace=np.array([10])))
    paid = simulate(patient, stressed, QUIET, ONE)
    assert paid.default_hour.tolist() == [NEVER]
    assert paid.hqla_left.tolist() == pytest.approx([3e6 - 1.5e6 / 0.9])


@pytest.mark.parametrize(("added", "share"), [(0.0, 0.95), (0.05, 0.8), (0.25, 0.7)])
def test_an_asset_keeps_its_stressed_haircut_while_a_scenario_adds_to_haircuts(
    added: float, share: float
):
    window = {"value": 3e6, "haircut": 0.05, "stressed": 0.2}
    bond = short_of(5e5, collateral=ap.collateral(1, **window))
    stressed = moved((3, -0.02))
    stressed.haircut[:] = added

    paid = simulate(bond, stressed, QUIET, ONE)

    assert paid.hqla_left.tolist() == pytest.approx([3e6 - 1.5e6 / share])


@pytest.mark.parametrize(("notice", "exhausted"), [(6, NEVER), (7, 17)])
def test_a_facility_helps_from_its_notice_on(notice: int, exhausted: int):
    line = short_of(5e5, facilities=ap.facilities(1, commitment=5e6, notice=notice))

    found = told(line, moved((3, -0.02)))

    assert found.results.exhaustion_hour.tolist() == [exhausted]
    assert found.results.default_hour.tolist() == [NEVER]
    assert events(found, DRAWN) == [(17, 1.5e6, 17 + notice)]


def test_a_reserve_asks_a_line_with_notice_in_time():
    terms = {"commitment": 5e6, "notice": 7}
    slow = short_of(2.5e6, facilities=ap.facilities(1, **terms))
    twice = moved((3, -0.02), (30, -0.02))

    without = told(slow, twice)
    held = told(slow, twice, QUIET._replace(reserve=1e-4))

    # The second call, known at 41, is due at 47, and the line takes seven hours.
    assert without.results.exhaustion_hour.tolist() == [41]
    # A million kept at hand: asked at 17, when the first call takes all but half a million.
    assert held.results.exhaustion_hour.tolist() == [41]
    assert events(held, DRAWN)[0] == (17, 5e5, 24)
    ample = told(slow, twice, QUIET._replace(reserve=2e-4))
    assert ample.results.exhaustion_hour.tolist() == [NEVER]
    assert events(ample, DRAWN)[0] == (17, 1.5e6, 24)


@pytest.mark.parametrize(
    ("terms", "drawn"),
    [
        ({}, 1.5e6),
        ({"commitment": 1e6}, 1e6),
        ({"drawn": 4e6}, 1e6),
        ({"day_limit": 7e5}, 7e5),
        ({"minimum": 2e6}, 2e6),
        ({"minimum": 6e6}, 0.0),
        ({"draws": 0}, 0.0),
        ({"cut_off": 17, "notice": 0}, 1.5e6),
        ({"nav_floor": 0.9999}, 0.0),
        ({"nav_floor": 0.9997}, 1.5e6),
        ({"base_rate": 1e-4}, 1e6 - 200.0),
        ({"leverage_cap": 0.009}, 0.0),
        ({"leverage_cap": 0.011}, 1.5e6),
        ({"committed": False}, 0.0),
        ({"mac": True}, 0.0),
    ],
)
def test_terms_of_a_facility(terms: dict, drawn: float):
    line = ap.facilities(1, **{"commitment": 5e6, **terms})
    scenario = moved((3, -0.02))
    scenario.lines[:], scenario.mac[:] = 0.0, 1.0

    found = told(short_of(5e5, facilities=line), scenario)

    asked = events(found, DRAWN)
    first = [draw for draw in asked if draw[0] == asked[0][0]]
    assert sum(amount for _, amount, _ in first) == pytest.approx(drawn)
    if terms.get("cut_off") == 17:
        assert first[0][2] == 24


def test_a_sale_raises_the_gap_once_and_the_margin_it_frees_comes_back():
    for_sale = short_of(
        5e5,
        units=ap.units(1, exposure=1e8, funded=0.5, lag=24),
        factors=ap.factors(adv=1e15),
    )

    found = simulate(for_sale, moved((3, -0.02)), QUIET._replace(arm=NO_IMPACT), ONE)

    # Cash that is a day away does not pay in time; it is sold for once, and not again each hour.
    assert found.sold.tolist() == pytest.approx([3e6])
    assert found.default_hour.tolist() == [32]


def test_proceeds_on_their_way_are_counted_once():
    for_sale = short_of(
        5e5,
        sets=ap.sets(eod_hour=17, eod_lag=6, intraday=at(18), intraday_lag=6),
        units=ap.units(1, exposure=1e8, funded=0.5, lag=2),
        factors=ap.factors(adv=1e15),
    )

    found = told(for_sale, moved((3, -0.02), (18, -0.01)), QUIET._replace(arm=NO_IMPACT))

    # The second call finds the proceeds of the first sale spoken for (the position that is left,
    # 97%, loses 0.97m, and half a dollar comes of each that is sold).
    assert events(found, SOLD) == [(17, 3e6, 19), (18, 1.94e6, 20)]
    assert found.results.default_hour.tolist() == [NEVER]


def test_contractual_flows_are_paid_and_are_no_margin():
    ladder = np.zeros((240, 1))
    ladder[30], ladder[50] = 4e5, -1e5

    found = simulate(short_of(5e5, ladder=ladder), ap.calm(), QUIET, ONE)

    assert found.peak_need.tolist() == [0.0]
    assert found.cash_left.tolist() == pytest.approx([2e5])
    assert simulate(short_of(3e5, ladder=ladder), ap.calm(), QUIET, ONE).exhaustion_hour[0] == 6
