"""Terms of calls and sources of cash, each in a case found by hand: one shock, no noise."""

import numpy as np
import pytest

from margin_assets.kernels.avalanche.platform import (
    APC_BUFFER,
    APC_FLOOR,
    APC_STRESS,
    BILATERAL,
    GAINS_AT_END_OF_DAY,
    Entities,
    Groups,
    Platform,
)
from margin_assets.kernels.avalanche.results import (
    CALL,
    DRAWN,
    NEVER,
    PAID,
    RETURN,
    SOLD,
    TURNED,
    Trace,
)
from margin_assets.kernels.avalanche.scenario import NO_IMPACT, NOISELESS, Scenario, Settings
from margin_assets.kernels.avalanche.simulation import simulate, trace
from tests.support import avalanche_platforms as ap

QUIET = ap.CALM._replace(generator=NOISELESS)
ONE = np.arange(1)
NONE = np.zeros(24, dtype=np.bool_)


def moved(*moves: tuple[int, float]) -> Scenario:
    """Returns by hour; the plain platform makes a hundred millions times each."""
    scenario = ap.calm()
    for hour, move in moves:
        scenario.shock[0, hour, 0] = move
    return scenario


def at(*hours: int) -> np.ndarray:
    runs = NONE.copy()
    runs[list(hours)] = True
    return runs[None]


def told(platform: Platform, scenario: Scenario, settings: Settings = QUIET) -> Trace:
    return trace(platform, scenario, settings, ONE)


def events(found: Trace, *kinds: int) -> list[tuple]:
    chosen = found.events[np.isin(found.events["kind"], kinds)]
    return [(int(e["hour"]), round(float(e["amount"]), 2), int(e["due_hour"])) for e in chosen]


def test_calls_are_struck_at_the_end_of_day_and_paid_after_their_lag():
    found = told(ap.platform(sets=ap.sets(eod_hour=17, eod_lag=6)), moved((3, -0.02), (30, 0.005)))

    assert events(found, CALL) == [(17, 2e6, 23)]
    assert events(found, RETURN) == [(41, 5e5, 47)]
    assert found.results.peak_need.tolist() == pytest.approx([2e6])
    assert found.results.peak_hour.tolist() == [23]
    assert found.results.gross_calls.tolist() == pytest.approx([2e6])


def test_a_mark_has_gamma_of_the_whole_move_and_theta_by_the_hour():
    curved = ap.exposures([[(0, 1e8, 1e9)]])._replace(theta=np.array([-100.0]))

    found = told(ap.platform(exposures=curved), moved((3, -0.02), (5, 0.01), (30, 0.01)))

    # X is -1%: -1m, half gamma X^2 is 50,000, and 24 hours cost 2,400. Then X is 0, and 48 do.
    assert events(found, CALL) == [(23, 1e6 - 5e4 + 2_400, 23)] + [
        (hour, 2_400, hour) for hour in range(71, 240, 24)
    ]
    assert events(found, RETURN) == [(47, 1e6 - 5e4 - 2_400, 47)]


def test_a_call_struck_on_the_last_day_is_still_paid():
    last = moved((239, -0.02))
    late = ap.platform(sets=ap.sets(eod_lag=8))

    assert simulate(late, last, QUIET, ONE).peak_need.tolist() == pytest.approx([2e6])
    assert simulate(late, last, QUIET._replace(tail=0), ONE).peak_need.tolist() == [0.0]


@pytest.mark.parametrize(("lag", "due"), [(0, 17), (1, 24), (8, 25)])
def test_dues_after_the_cut_off_are_paid_at_the_start_of_the_next_day(lag: int, due: int):
    closing = ap.platform(sets=ap.sets(eod_hour=17, eod_lag=lag), accounts=ap.accounts(cut_off=18))

    assert events(told(closing, moved((3, -0.02))), CALL, PAID) == [(17, 2e6, due), (due, 2e6, due)]


def test_a_loss_within_the_trigger_waits_for_the_end_of_the_day_and_gains_too():
    terms = {"intraday": at(9, 13), "intraday_lag": 1, "intraday_trigger": 0.25, "im_posted": 4e6}
    model = {"groups": ap.groups([1]), "cuts": ap.cuts([[[(0, 4e6, 0.0)]]])}
    scenario = moved((8, -0.009), (10, -0.009), (14, 0.03))

    waits = told(ap.platform(sets=ap.sets(gains=GAINS_AT_END_OF_DAY, **terms), **model), scenario)

    assert events(waits, CALL) == [(13, 1.8e6, 14)]
    assert events(waits, RETURN) == [(23, 3e6, 23)]


def test_minimum_transfer_and_rounding_of_calls_and_returns():
    terms = {"kind": BILATERAL, "threshold": 1e6, "mta": 3e5, "rounding": 1e5}
    found = told(
        ap.platform(sets=ap.sets(**terms)),
        moved((0, -0.012), (24, -0.0055), (48, 0.0014), (72, 0.0036), (96, 0.03)),
    )

    # Required 0.2m: below the minimum. 0.75m: called as 0.8m. 0.61m: 0.19m is too little to come
    # back. 0.25m: 0.55m comes back as 0.5m. Nothing required: the remaining 0.3m comes back.
    assert events(found, CALL, RETURN) == [(47, 8e5, 47), (95, 5e5, 95), (119, 3e5, 119)]


def test_what_the_counterparty_posts_counts_beyond_its_threshold():
    both = ap.platform(sets=ap.sets(kind=BILATERAL, threshold=1e6, their_threshold=1e6))

    found = told(both, moved((0, 0.03), (24, -0.05)))

    assert events(found, RETURN) == [(23, 2e6, 23)]
    assert events(found, CALL) == [(47, 3e6, 47)]
    assert found.results.peak_need.tolist() == pytest.approx([1e6])


def test_the_disputed_share_is_paid_later_and_called_once():
    disputed = {"dispute_probability": 1.0, "dispute_share": 0.4, "dispute_delay": 24}
    found = told(ap.platform(sets=ap.sets(eod_lag=2, **disputed)), moved((3, -0.01)))

    assert sorted(events(found, CALL)) == [(23, 4e5, 49), (23, 6e5, 25)]
    assert events(found, PAID) == [(25, 6e5, 25), (49, 4e5, 49)]
    assert found.results.gross_calls.tolist() == pytest.approx([1e6])


def damped(apc: int, anchor: float, ratios: list[float]) -> list[float]:
    """Charged margin by day of a set whose model says 100 v, v a daily volatility ratio."""
    groups = Groups(
        np.array([0, 2]),
        np.array([1]),
        np.array([0, 0]),
        np.array([[*ratios] + [1.0] * 4, [1.0] * 10]),
    )
    platform = ap.platform(
        sets=ap.sets(apc=apc, apc_value=0.25),
        groups=groups,
        cuts=ap.cuts([[[(0, 100.0, 0.0)]], [[(0, anchor, 0.0)]]]),
    )
    found = told(platform, ap.calm())
    return [float(found.liquidity[0, 24 * day + 23, 9]) for day in range(6)]


def test_damping_of_initial_margin():
    # Weights by day stand for the model's own moves: 100, 120, 150, 140, 60, 60.
    path = [1.0, 1.2, 1.5, 1.4, 0.6, 0.6]

    assert damped(APC_BUFFER, 0.0, path) == pytest.approx([125, 125, 150, 150, 75, 75])
    assert damped(APC_STRESS, 400.0, path) == pytest.approx([175, 190, 212.5, 205, 145, 145])
    assert damped(APC_FLOOR, 110.0, path) == pytest.approx([110, 120, 150, 140, 110, 110])


def short_of(cash: float, **given: object) -> Platform:
    """Two millions are called at 17 and due at 23; only so much cash is there."""
    terms = {"sets": ap.sets(eod_hour=17, eod_lag=6), "accounts": ap.accounts(cash=cash)}
    return ap.platform(**{**terms, **given})


def test_unpaid_dues_exhaust_at_once_and_default_after_the_grace():
    found = simulate(short_of(5e5), moved((3, -0.02)), QUIET, ONE)

    assert found.exhaustion_hour.tolist() == [17]
    assert found.default_hour.tolist() == [23 + 9]
    assert found.arrears.tolist() == pytest.approx([1.5e6])
    patient = short_of(5e5, entities=Entities(np.array([1e10]), np.array([60])))
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
    patient = bond._replace(entities=Entities(np.array([1e10]), np.array([10])))
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


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"sets": ap.sets(account=1)}, r"sets\.account names a row that is not there"),
        ({"sets": ap.sets(eod_lag=90)}, "payment lag with its dispute must lie from 0 to 80"),
        ({"factors": ap.factors(sigma=np.nan)}, r"factors\.sigma has a value that is no number"),
        ({"factors": ap.factors(adv=0.0)}, r"factors\.adv must be above zero"),
        ({"exposures": ap.exposures([[(3, 1.0, 0.0)]])}, r"exposures\.unit names a row"),
        ({"groups": ap.groups([1])}, r"cuts\.start does not lead from zero to 0 over 1 rows"),
        ({"ladder": np.zeros((240, 2))}, r"ladder has the shape"),
        ({"accounts": ap.accounts(entity=1)}, r"accounts\.entity names a row"),
    ],
)
def test_what_the_loop_would_misread_is_refused_by_name(wrong: dict, named: str):
    with pytest.raises(ValueError, match=named):
        simulate(ap.platform(**wrong), ap.calm(), QUIET, ONE)


def test_scenarios_that_are_no_numbers_are_refused():
    with pytest.raises(ValueError, match="shocks must be numbers"):
        simulate(ap.platform(), moved((3, np.nan)), QUIET, ONE)
    with pytest.raises(ValueError, match="fewer hours"):
        simulate(ap.platform(), ap.calm(hours=24), QUIET, ONE)
