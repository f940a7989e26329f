"""Numbers of the rulebook `clearing`, and the premium by hand."""

from datetime import date

import pytest

from margin_assets.kernels.avalanche.paths.margins import premium
from margin_assets.kernels.rules.clearing_rules import Scan, clearing_rules


def test_the_numbers_are_those_of_the_sources():
    rules = clearing_rules(date(2026, 1, 2))

    assert (rules.buffer, rules.stress_weight) == (0.25, 0.25)
    assert rules.scan == Scan(steps=3, extreme=3, covered=3)
    assert rules.capital_ratio == 2.0


@pytest.mark.parametrize(
    ("charge", "capital", "most", "expected"),
    [
        pytest.param(9.0, 10.0, 2.0, 0.0, id="within capital"),
        pytest.param(15.0, 10.0, 2.0, 7.5, id="5 above it, at 1.5 times"),
        pytest.param(40.0, 10.0, 2.0, 60.0, id="30 above it, at no more than twice"),
        pytest.param(40.0, 10.0, 3.0, 90.0, id="or three times"),
        pytest.param(10.0, 0.0, 2.0, 20.0, id="no capital"),
    ],
)
def test_the_premium_on_what_is_above_net_capital(
    charge: float, capital: float, most: float, expected: float
):
    assert premium(charge, capital, most) == expected
