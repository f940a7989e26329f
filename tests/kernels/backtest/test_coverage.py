"""Published regions and examples of both tests."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.backtest.coverage import Transitions, coverage_tests, independence_ratio

LAW = settings(max_examples=50, deadline=None, derandomize=True)
COUNTS = st.integers(0, 300)
AT_5_PERCENT = 3.841  # chi squared, one degree of freedom

# Kupiec (1995), as in Jorion, Value at Risk: breaches that do not reject at 5%, ends left out.
REGIONS = [
    (0.01, 255, 0, 7),  # none at all is as unlikely as 7: the printed table says N < 7
    (0.01, 510, 1, 11),
    (0.01, 1000, 4, 17),
    (0.025, 255, 2, 12),
    (0.025, 510, 6, 21),
    (0.025, 1000, 15, 36),
    (0.05, 255, 6, 21),
    (0.05, 510, 16, 36),
    (0.05, 1000, 37, 65),
    (0.10, 255, 16, 36),
    (0.10, 510, 38, 65),
    (0.10, 1000, 81, 120),
]


@pytest.mark.parametrize(("share", "days", "least", "most"), REGIONS)
def test_kupiecs_table(share: float, days: int, least: int, most: int):
    kept = [n for n in range(days) if coverage_tests(days, n, share, None).kupiec < AT_5_PERCENT]

    assert (kept[0] - 1, kept[-1] + 1) == (least, most)


def test_jorions_bank():
    # JP Morgan in 1998: 20 breaches in 252 days at 95%, 6 of them on the day after another.
    found = coverage_tests(252, 20, 0.05, Transitions(218, 14, 14, 6))

    assert found.kupiec == pytest.approx(3.91, abs=0.005)
    assert found.independence == pytest.approx(9.53, abs=0.005)
    assert found.conditional == pytest.approx(13.44, abs=0.01)
    # By scipy 1.17.1, chi2.sf of the ratios with one, one and two degrees of freedom.
    assert found.kupiec_p == pytest.approx(0.0479268010)
    assert found.independence_p == pytest.approx(0.0020218762)
    assert found.conditional_p == pytest.approx(0.0012052602)


def test_no_day_after_another_leaves_independence_open():
    for followed in (None, Transitions(0, 0, 0, 0)):
        assert coverage_tests(50, 1, 0.01, followed)[5:] == (None, None, None, None)


@LAW
@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_independence_is_of_shares_after_either_day(
    calm: int, after: int, breach_calm: int, again: int
):
    found = independence_ratio(Transitions(calm, after, breach_calm, again))

    assert found >= 0.0
    # The same share after either day: nothing is gained.
    same = Transitions(calm, after, calm, after)
    assert independence_ratio(same) == pytest.approx(0.0, abs=1e-9)
    swapped = Transitions(breach_calm, again, calm, after)
    assert independence_ratio(swapped) == pytest.approx(found)
