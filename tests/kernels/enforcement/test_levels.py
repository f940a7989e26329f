"""Levels of the ladder to the fraction of a cent, and what begins and ends at one point.

Expected values: by hand in exact fractions, and by `fractions.Fraction` as a second route.
"""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from margin_assets.kernels.book.figures import Figures, empty_figures
from margin_assets.kernels.book.states import NO_PRICE
from margin_assets.kernels.enforcement.liquidation import liquidated
from margin_assets.kernels.numeric.money import MAX_TOTAL, share_order
from tests.support.ladder_account import MINUTE, START, STRESSED, Account, Step
from tests.support.portfolios import RULES

HUGE = int(MAX_TOTAL)


def figures_of(gross: int, requirement: int, excess: int) -> Figures:
    """Figures in cents; stress is far away."""
    figures = empty_figures(1, RULES)
    figures.long_value[0], figures.governing[0] = gross, requirement
    figures.equity[0] = figures.net_liquidation[0] = requirement + excess
    figures.pnl[0] = max(-excess, 0)
    return figures


@settings(deadline=None)
@given(
    total=st.integers(0, HUGE),
    ppm=st.one_of(
        st.sampled_from([0, 1, 50_000, 60_000, 500_000, 1_000_000]), st.integers(0, 10**6)
    ),
    off=st.one_of(st.integers(-2, 2), st.integers(-HUGE, HUGE)),
)
@example(total=1_233_321, ppm=50_000, off=0)
@example(total=HUGE, ppm=1_000_000, off=0)
@example(total=HUGE - 1, ppm=999_999, off=1)
def test_a_share_is_compared_as_a_fraction_is(total: int, ppm: int, off: int):
    share = Fraction(total) * ppm / 1_000_000
    cents = int(share) + off

    assert share_order(cents, total, ppm) == (cents > share) - (cents < share)


@pytest.mark.parametrize(
    ("gross", "least"),
    [
        pytest.param(1_233_321, 61_667, id="5% is 616.6605: the reported account A"),
        pytest.param(110, 6, id="5% is 5.5 cents"),
        pytest.param(100, 5, id="5% is 5 cents"),
        pytest.param(90, 5, id="5% is 4.5 cents"),
        pytest.param(101, 6, id="5% is 5.05 cents"),
        pytest.param(2**53 + 1, 450_359_962_737_050, id="beyond what a double counts by one"),
        pytest.param(HUGE - 1, 150_000_000_000_000_000, id="the largest there is"),
    ],
)
def test_a_warning_begins_below_exactly_five_percent(gross: int, least: int):
    assert Account(cash=0).climb(START, figures_of(gross, 0, least)) == []

    assert Account(cash=0).climb(START, figures_of(gross, 0, least - 1))[0][2] == "warning"


@pytest.mark.parametrize(
    ("gross", "least"),
    [
        pytest.param(1_233_321, 74_000, id="6% is 739.9926"),
        pytest.param(125, 8, id="6% is 7.5 cents"),
        pytest.param(75, 5, id="6% is 4.5 cents"),
        pytest.param(100, 6, id="6% is 6 cents"),
        pytest.param(2**53 + 1, 540_431_955_284_460, id="beyond what a double counts by one"),
    ],
)
def test_a_warning_ends_at_exactly_six_percent(gross: int, least: int):
    account = Account(cash=0)
    account.climb(START, figures_of(gross, 0, 0))

    assert account.climb(START + MINUTE, figures_of(gross, 0, least - 1)) == []
    assert account.climb(START + 2 * MINUTE, figures_of(gross, 0, least))[0][2] == "ok"


@pytest.mark.parametrize(
    ("requirement", "most"),
    [
        pytest.param(308_331, 154_165, id="half is 1,541.655: the reported account B"),
        pytest.param(2, 1, id="half is a cent"),
        pytest.param(3, 1, id="half is a cent and a half"),
        pytest.param(2**53 + 1, 2**52, id="beyond what a double counts by one"),
        pytest.param(HUGE, HUGE // 2, id="the largest there is"),
    ],
)
def test_a_large_deficiency_is_exactly_above_half_the_requirement(requirement: int, most: int):
    for deficiency, is_triggered in ((most, False), (most + 1, True)):
        account, figures = Account(cash=0), figures_of(requirement, requirement, -deficiency)
        figures.net_liquidation[0] = 1
        account.climb(START, figures)
        dimensions = [step[0] for step in account.climb(START + 60 * MINUTE, figures)]
        assert ("liquidation" in dimensions) == is_triggered


# What is exhausted: all that is owned less all that is owed.


@pytest.mark.parametrize(
    ("equity", "net_liquidation", "is_triggered"),
    [
        pytest.param(0, 1, False, id="paid-for options that Reg T counts for nothing"),
        pytest.param(-5_000, 200_000, False, id="a debit that they cover many times"),
        pytest.param(100_000, 0, True, id="short options that Reg T takes from no equity"),
        pytest.param(100_000, -1, True, id="and more"),
        pytest.param(0, 0, True, id="nothing left"),
    ],
)
def test_exhausted_is_who_owes_what_he_owns(equity: int, net_liquidation: int, is_triggered: bool):
    figures = figures_of(1_000_000, 200_000, equity - 200_000)
    figures.net_liquidation[0] = net_liquidation

    reasons = [step[3] for step in Account().climb(START, figures)]
    assert ("equity_exhausted" in reasons) == is_triggered


def test_who_is_spared_is_called_and_restricted_all_the_same():
    account, figures = Account(cash=0), figures_of(0, 200_000, -300_000)
    figures.states[0] = NO_PRICE
    point, one = START + 60 * MINUTE, np.array([0])

    assert liquidated(figures, RULES, account.ladder, (START, one)).tolist() == [0]
    assert [step[2] for step in account.climb(START, figures, is_spared=True)] == ["call"]
    assert [step[3] for step in account.climb(point, figures, is_spared=True)] == ["overdue_call"]
    assert account.climb(point + MINUTE, figures) == [
        ("liquidation", "none", "triggered", "equity_exhausted")
    ]
    assert liquidated(figures, RULES, account.ladder, (point, one)).tolist() == []


# Two reasons at one point: what begins is decided before what ends.


def test_stress_that_begins_as_the_overdue_call_ends_leaves_no_gap():
    account = Account()
    account.at(0, -1)
    account.at(30, -1)

    assert account.at(31, 10_000, loss=10_001) == [
        ("margin_status", "call", "ok", "call_cured"),
        ("restriction", "close_only", "close_only", "stress"),
        ("restriction", "close_only", "close_only", "overdue_call"),
    ]


def test_a_call_that_is_overdue_as_stress_ends_leaves_no_gap():
    account = Account()
    assert account.at(0, -1, loss=0)[1] == STRESSED
    account.at(15, -1)

    assert account.at(30, -1) == [
        ("restriction", "close_only", "close_only", "overdue_call"),
        ("restriction", "close_only", "close_only", "stress"),
    ]


moments = st.tuples(
    st.sampled_from([1, 15, 30]),
    st.sampled_from([-30_000, -20_000, -1, 0, 10_000]),
    st.sampled_from([-100_000, 10_001, 50_000]),
    st.sampled_from([0, 0, NO_PRICE]),
)


@settings(deadline=None)
@given(st.lists(moments, max_size=12))
def test_decisions_of_a_restriction_chain_and_are_none_only_when_no_reason_is_left(
    told: list[tuple[int, int, int, int]],
):
    account, minute, state, reasons = Account(), 0.0, "none", set[str]()
    for after, excess, loss, states in told:
        minute += after
        rows = account.at(minute, excess, loss=loss, states=states)
        mine: list[Step] = [row for row in rows if row[0] == "restriction"]
        for _, before, now, reason in mine:
            assert before == state
            reasons ^= {reason}
            state = now
            assert state == ("close_only" if reasons else "none")
        assert all(row[2] != "none" for row in mine[:-1])
