from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from margin_assets.kernels.numeric.money import MICRO, PPM
from margin_assets.kernels.rules.rules import rules_in_force
from margin_assets.kernels.securities.lines import (
    Carried,
    is_below,
    maintenance_line,
    short_floor,
    short_line,
)

RULES = rules_in_force(date(2020, 3, 9))
A_CENT = 10_000
"""Micro-dollars."""
LEVERAGES = st.sampled_from([PPM, 2 * PPM, 3 * PPM, -PPM, -2 * PPM])


@given(st.integers(1, 10**8), LEVERAGES, st.booleans())
def test_a_share_sold_short_requires_the_same_in_cents_and_in_micro_dollars(
    cents: int, leverage: int, is_marginable: bool
):
    price = cents * A_CENT
    below = is_below(price, RULES)
    floor = short_floor(below, RULES) * A_CENT
    held = Carried(-MICRO, -price, below, leverage, is_marginable)

    exact = short_line(held, floor, RULES)

    in_cents = maintenance_line(held._replace(value=-cents), RULES)
    assert abs(in_cents * A_CENT - exact) * 2 <= A_CENT


@given(st.integers(1, 10**10), LEVERAGES, st.booleans(), st.booleans())
def test_a_short_position_requires_a_percentage_and_a_floor_at_least(
    cents: int, leverage: int, below: bool, is_marginable: bool
):
    held = Carried(-100 * MICRO, -cents, below, leverage, is_marginable)

    line = maintenance_line(held, RULES)

    assert line >= short_floor(below, RULES) * 100
    percent = RULES.short_below if below else RULES.short_maintenance
    assert 2 * line * PPM * PPM >= (2 * cents * percent * abs(leverage)) - PPM * PPM
    if not is_marginable:
        assert 2 * line * PPM >= 2 * cents * RULES.short_non_marginable - PPM
