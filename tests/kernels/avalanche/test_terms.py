"""Terms of calls, each in a case found by hand: one shock, no noise."""

import numpy as np
import pytest

from margin_assets.kernels.avalanche.platform import (
    APC_BUFFER,
    APC_FLOOR,
    APC_STRESS,
    BILATERAL,
    GAINS_AT_END_OF_DAY,
    Groups,
)
from margin_assets.kernels.avalanche.results import (
    CALL,
    PAID,
    RETURN,
)
from margin_assets.kernels.avalanche.simulation import simulate
from tests.support import avalanche_platforms as ap
from tests.support.avalanche_told import ONE, QUIET, at, events, moved, told


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
