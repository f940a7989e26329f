"""The portfolio what-if and the ranking of measures."""

import math
from itertools import product

import numpy as np
import pytest

from margin_assets.kernels.avalanche.answers.portfolio import (
    Asked,
    Margins,
    least_margin,
    margin_at,
)
from margin_assets.kernels.avalanche.answers.recommendations import (
    Candidate,
    Horizon,
    Measured,
    ranked,
)

# Two groups; in the second the managers offset each other.
MARGINS = Margins(
    np.array([[100e6, 40e6], [80e6, 70e6], [60e6, -50e6], [-60e6, 50e6]]), np.array([0, 0, 1, 1])
)


def _asked(least: float) -> Asked:
    return Asked(np.array([10e6, 9e6]), least, np.full(2, 0.75), np.full(2, 1.25))


@pytest.mark.parametrize("least", [15e6, 19e6, 22e6])
def test_the_least_margin_is_that_of_a_fine_grid(least: float):
    asked = _asked(least)
    found = least_margin(MARGINS, asked)

    steps = np.linspace(0.75, 1.25, 251)
    allowed = [np.array(s) for s in product(steps, steps) if asked.expected_return @ s >= least]
    best = min(margin_at(MARGINS, s).sum() for s in allowed)
    assert found.before == pytest.approx(160e6)
    assert found.promised <= best + 1.0
    assert found.promised == pytest.approx(best, rel=5e-3)
    assert found.expected_return >= least - 1.0
    assert found.by_group.sum() == pytest.approx(found.promised)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (_asked(30e6), "no scales keep a return of 30,000,000"),
        (_asked(1.0)._replace(expected_return=np.array([1.0, math.nan])), "number 2 has no"),
    ],
)
def test_what_has_no_answer_is_refused(asked: Asked, message: str):
    with pytest.raises(ValueError, match=message):
        least_margin(MARGINS, asked)


def _candidate(name: str, cost: float) -> Candidate:
    return Candidate(name, "port", name, cost, "treasury", Horizon.IMMEDIATE)


def test_the_second_measure_is_valued_with_the_first_in_place():
    candidates = [_candidate(*one) for one in (("a", 1.0), ("b", 1.0), ("c", 4.0), ("d", 1.0))]

    def measure(done: tuple[int, ...]) -> Measured:
        # a and b save the same 10; c saves 20 more; d saves nothing.
        saved = 10.0 * bool({0, 1} & set(done)) + 20.0 * (2 in done)
        return Measured(100.0 - saved, 50.0 - saved)

    found = ranked(candidates, measure)

    assert [(one.candidate.name, one.gap_reduction, one.per_cost) for one in found] == [
        ("a", 10.0, 10.0),
        ("c", 20.0, 5.0),
    ]
    assert found[-1].gap_left == 20.0


def test_what_costs_nothing_comes_first_the_larger_before_the_smaller():
    candidates = [_candidate(*one) for one in (("dear", 1e-6), ("small", 0.0), ("large", -5.0))]

    def measure(done: tuple[int, ...]) -> Measured:
        left = 100.0 - sum((50.0, 1.0, 2.0)[place] for place in done)
        return Measured(left, left)

    assert [one.candidate.name for one in ranked(candidates, measure)] == ["large", "small", "dear"]
