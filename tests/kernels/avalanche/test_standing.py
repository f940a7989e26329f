"""Funding, concentration, efficiency and the integrated score by hand."""

import math

import numpy as np
import pytest

from margin_assets.kernels.avalanche.answers.concentration import (
    Shared,
    concentration,
    hidden_share,
    index_excess,
)
from margin_assets.kernels.avalanche.answers.efficiency import Brought, efficiency
from margin_assets.kernels.avalanche.answers.funding import (
    Cushion,
    coverage_shortfall,
    funding_forecast,
)
from margin_assets.kernels.avalanche.answers.policy import ScoreWeights
from margin_assets.kernels.avalanche.answers.score import ScoreInputs, integrated_score


def test_funding_adds_flows_and_margin_and_widens_by_the_root_of_time():
    margin = np.array([[0.0, 10.0]] * 99 + [[100.0, 210.0]])
    days = funding_forecast(np.full(30, 1.0), margin, Cushion(liquid=20.0, least=2.0, share=0.05))

    first, last, beyond = days[0], days[1], days[7]
    assert (first.contractual, first.expected_margin, first.margin) == (1.0, 1.0, (0.0, 0.0, 0.0))
    assert last.outflow == (12.0, 12.0, 12.0)
    assert last.expected_margin == 12.0
    # Day 8 is four times day 2, so twice as far below the mean of 12.
    assert beyond.margin == (8.0, 8.0, 8.0)
    assert not beyond.is_simulated
    # 8 days of flows and 8 of margin: 16, a buffer of 5% and 2, against 20.
    assert (beyond.buffer, beyond.shortfall) == (pytest.approx(2.8), 0.0)


def test_a_shortfall_is_counted_against_what_is_needed():
    margin = np.full((100, 1), 30.0)
    cushion = Cushion(liquid=20.0, least=0.0, share=0.0)
    days = funding_forecast(np.zeros(30), margin, cushion)

    assert days[0].shortfall == 10.0
    assert coverage_shortfall(days, cushion) == pytest.approx(1 / 3)


def test_shares_are_of_their_own_totals_and_told_against_the_limit():
    shared = Shared("venue", ["A", "B", "C"], np.array([50.0, 30, 20]), np.array([20.0, 60, 20]))
    found = concentration(shared, 0.25)

    assert [one.name for one in found.members] == ["B", "A", "C"]
    assert [one.is_breach for one in found.members] == [True, True, False]
    assert found.members[0].distance == pytest.approx(-0.35)
    assert found.baseline_index == pytest.approx(0.38)
    assert index_excess(found) == pytest.approx((0.44 - 1 / 3) / (2 / 3))


def test_nothing_is_concentrated_in_no_margin():
    found = concentration(Shared("venue", ["A"], np.zeros(1), np.zeros(1)), 0.25)

    assert not found.members[0].is_breach
    assert found.stressed_index == 0.0


def test_splitting_a_position_hides_what_closing_it_costs():
    # Two halves of a position at exponent 1.5: together 1, apart 2 x 0.5^1.5.
    hidden = 1 - 2**-0.5
    assert hidden_share(1.0, 2 * 0.5**1.5, 3.0) == pytest.approx(hidden / (3.0 + hidden))
    assert hidden_share(0.0, 0.0, 0.0) == 0.0


def test_a_diversifier_is_shown_and_divided_by_nothing():
    brought = Brought(
        ["long", "hedge", "unknown"],
        np.array([10.0, 4.0, math.nan]),
        np.array([100.0, -20.0, 50.0]),
        np.array([200.0, 10.0, 0.0]),
        np.array([50.0, -5.0, 25.0]),
    )
    plain, hedge, unknown = efficiency(brought)

    assert (plain.return_on_margin, plain.return_on_need, plain.margin_over_risk) == (0.1, 0.05, 2)
    assert (hedge.return_on_margin, hedge.return_on_need) == (None, 0.4)
    assert hedge.is_diversifier
    assert (unknown.expected_return, unknown.return_on_margin) == (None, None)


def test_the_score_weighs_three_horizons():
    weights = ScoreWeights(0.3, 0.3, 0.4, 0.05)
    standing = ScoreInputs(
        exhaustion=0.025,
        limit_use=2.0,
        coverage_shortfall=0.5,
        index_excess=0.3,
        hidden_share=0.0,
        spiral=1.7,
    )
    found = integrated_score(standing, weights)

    assert (found.immediate, found.medium) == (0.5, 0.75)
    assert found.structural == pytest.approx(1.3 / 3)
    assert found.value == pytest.approx(100 * (0.15 + 0.225 + 0.4 * 1.3 / 3))
    assert integrated_score(ScoreInputs(0, 0, 0, 0, 0, 0), weights).value == 0.0
