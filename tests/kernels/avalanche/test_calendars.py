"""Deadlines, holidays and posted securities, each in a case found by hand: one shock, no noise."""

import numpy as np
import pytest

from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import CALL, DRAWN, NEVER, PAID, TURNED
from margin_assets.kernels.avalanche.simulation import simulate
from tests.support import avalanche_platforms as ap
from tests.support.avalanche_told import ONE, QUIET, events, moved, told

FALL = moved((3, -0.02))
"""A loss of two millions on the hundred millions of each set, at hour 3."""


def closed(*days: int) -> np.ndarray:
    found = np.zeros((1, 10), dtype=np.bool_)
    found[0, list(days)] = True
    return found


@pytest.mark.parametrize(
    ("terms", "cut_off", "default"),
    [
        pytest.param({"eod_lag": 6}, 24, 23 + 9, id="no deadline: late once due, at 23"),
        pytest.param({"eod_lag": 6, "deadline": 2}, 24, 23 + 9, id="none before it is due"),
        pytest.param({"eod_lag": 6, "deadline": 10}, 24, 27 + 9, id="late at 27"),
        pytest.param({"eod_lag": 6, "deadline": 10, "grace": 2}, 24, 27 + 3, id="a short grace"),
        pytest.param({"eod_lag": 1}, 18, 24 + 9, id="moved by the cut-off and not late by it"),
        pytest.param({"eod_lag": 1, "deadline": 1}, 18, 18 + 9, id="moved, and late from 18"),
        pytest.param({"eod_lag": 1, "deadline": 1, "grace": 2}, 18, 24, id="late by too much"),
    ],
)
def test_an_unpaid_call_is_a_default_after_its_deadline_and_grace(
    terms: dict, cut_off: int, default: int
):
    accounts = ap.accounts(cash=5e5, cut_off=cut_off)

    found = simulate(
        ap.platform(sets=ap.sets(eod_hour=17, **terms), accounts=accounts), FALL, QUIET, ONE
    )

    assert found.default_hour.tolist() == [default]


@pytest.mark.parametrize(
    ("cash", "later", "second", "default"),
    [
        pytest.param(2e6, 0.0, 1e8, 20 + 9, id="what was paid before excuses nothing"),
        pytest.param(1.5e6, 0.0, 2.5e7, 20 + 9, id="nor what was paid in part"),
        pytest.param(1e6, 0.0, 1e8, 20 + 9, id="nor does what may wait"),
        pytest.param(1e6, 2e6, 1e8, 17 + 60 + 9, id="what may not wait is paid first"),
    ],
)
def test_calls_of_different_deadlines_are_told_apart(
    cash: float, later: float, second: float, default: int
):
    ladder = np.zeros((240, 1))
    ladder[25] = -later
    # Two millions at 17 that may wait for 60 hours, and 2% of the second at 20 that may not.
    two = ap.platform(
        sets=ap.sets(2, eod_hour=[17, 20], deadline=[60, -1]),
        exposures=ap.exposures([[(0, 1e8, 0.0)], [(0, second, 0.0)]]),
        accounts=ap.accounts(cash=cash),
        ladder=ladder,
    )

    found = simulate(two, FALL, QUIET, ONE)

    assert found.default_hour.tolist() == [default]
    assert abs(found.balance[0]) < 1e-6


def test_a_venue_makes_no_call_on_its_holiday():
    runs = np.zeros((1, 24), dtype=np.bool_)
    runs[0, 9] = True
    terms = {"eod_hour": 17, "intraday": runs, "closed": closed(0, 1)}

    found = told(ap.platform(sets=ap.sets(**terms)), FALL)

    assert events(found, CALL) == [(48 + 9, 2e6, 48 + 9)]


@pytest.mark.parametrize(("days", "paid"), [((1,), 23), ((0,), 24), ((0, 1), 48)])
def test_a_currency_moves_on_the_day_after_its_holidays(days: tuple[int, ...], paid: int):
    accounts = ap.accounts(cash=1e7, closed=closed(*days))

    found = told(ap.platform(sets=ap.sets(eod_hour=17, eod_lag=6), accounts=accounts), FALL)

    assert events(found, CALL, PAID) == [(17, 2e6, paid), (paid, 2e6, paid)]


def test_a_line_brings_no_cash_on_a_holiday_of_its_currency():
    # The call is in one currency and due at 23; the line is in another, closed on the first day.
    accounts = ap.accounts(2, cash=[5e5, 0.0], closed=np.vstack([closed(), closed(0)]))
    line = ap.facilities(1, account=1, commitment=5e6, notice=6)
    terms = {"sets": ap.sets(eod_hour=17, eod_lag=6), "ladder": np.zeros((240, 2))}

    found = told(ap.platform(accounts=accounts, facilities=line, **terms), FALL)

    assert events(found, DRAWN)[0] == (17, 1.5e6, 24)
    assert found.results.exhaustion_hour.tolist() == [17]


def margined(cash: float, im_posted: float, **assets: object) -> Platform:
    """Margin of four millions, of which some is posted; securities with a window from 7 to 15."""
    count = np.size(assets.get("value", 3e6))
    window = {"value": 3e6, "haircut": 0.05, "lag": 2, "opens": 7, "closes": 15}
    return ap.platform(
        sets=ap.sets(eod_hour=17, eod_lag=6, im_posted=im_posted),
        groups=ap.groups([1]),
        cuts=ap.cuts([[[(0, 4e6, 0.0)]]]),
        accounts=ap.accounts(cash=cash),
        collateral=ap.collateral(count, **{**window, **assets}),
    )


def test_securities_meet_initial_margin_where_the_venue_takes_them():
    taken = told(margined(5e5, 2e6, posted_at=np.ones((1, 1), np.bool_)), ap.calm())
    turned = told(margined(5e5, 2e6), ap.calm())

    # Two millions of margin are due at 23, long after the window has closed.
    assert events(taken, TURNED) == [(17, 1.5e6, 23)]
    assert taken.results.exhaustion_hour.tolist() == [NEVER]
    assert taken.results.hqla_left.tolist() == pytest.approx([3e6 - 1.5e6 / 0.95])
    assert abs(taken.results.balance[0]) < 1e-6
    assert events(turned, TURNED) == [(17, 1.5e6, 33)]
    assert turned.results.exhaustion_hour.tolist() == [17]


def test_securities_meet_no_variation_margin():
    bond = margined(5e5, 4e6, posted_at=np.ones((1, 1), np.bool_))

    assert told(bond, FALL).results.exhaustion_hour.tolist() == [17]


def test_two_assets_share_what_is_called():
    both = margined(0.0, 2e6, value=[1e6, 3e6], posted_at=np.ones((2, 1), np.bool_))

    found = told(both, ap.calm())

    assert events(found, TURNED) == [(17, 9.5e5, 23), (17, 1.05e6, 23)]
    assert found.results.exhaustion_hour.tolist() == [NEVER]
    # Of a call of half a million, no more than that can be posted.
    small = told(
        margined(0.0, 3.5e6, value=[1e6, 3e6], posted_at=np.ones((2, 1), np.bool_)), ap.calm()
    )
    assert events(small, TURNED) == [(17, 5e5, 23)]


def test_what_would_not_fit_into_the_ring_is_refused():
    weeks = ap.accounts(closed=closed(0, 1, 2, 3))

    with pytest.raises(ValueError, match="96 of holidays in it"):
        simulate(ap.platform(accounts=weeks), ap.calm(), QUIET, ONE)
