"""Prices at yields and bill rates, beside figures that others published."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.rates.bills import (
    Bill,
    bill,
    discount_rate,
    investment_rate,
    price_at_discount,
    price_at_investment,
)
from margin_assets.kernels.rates.yields import (
    COMPOUNDINGS,
    Dated,
    YieldConvention,
    at_yield,
    implied_yield,
)

HALVES = Dated(np.append(np.full(9, 2.0), 102.0), np.append(0.2, np.full(9, 0.5)))
"""A 4% bond of ten coupons, a fifth of a year to the next one."""


def test_price_by_hand():
    """Half a coupon a half-year: the formula term by term."""
    found = at_yield(HALVES, 0.05, YieldConvention()).dirty

    times = 0.2 + 0.5 * np.arange(10)
    assert found == pytest.approx((HALVES.amounts * 1.025 ** (-2 * times)).sum(), rel=1e-14)


def test_a_treasury_yield_is_simple_over_the_broken_period():
    found = at_yield(HALVES, 0.05, YieldConvention("us_treasury")).dirty

    whole = (HALVES.amounts * 1.025 ** -np.arange(10.0)).sum()
    assert found == pytest.approx(whole / (1 + 0.2 * 0.05), rel=1e-14)


@pytest.mark.parametrize("compounding", COMPOUNDINGS)
@pytest.mark.parametrize("rate", [-0.01, 0.0, 0.004, 0.05, 0.18])
def test_slope_and_curvature_are_those_of_a_bump(compounding: str, rate: float):
    how, step = YieldConvention(compounding), 1e-4
    down, here, up = (at_yield(HALVES, rate + move, how) for move in (-step, 0.0, step))

    assert here.slope == pytest.approx((up.dirty - down.dirty) / 2 / step, rel=1e-6)
    bent = (up.dirty - 2 * here.dirty + down.dirty) / step**2
    assert here.curvature == pytest.approx(bent, rel=1e-4)


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.floats(-0.02, 0.3), st.sampled_from(COMPOUNDINGS))
def test_the_yield_at_a_price_is_the_yield_of_that_price(rate: float, compounding: str):
    how = YieldConvention(compounding)

    found = implied_yield(HALVES, at_yield(HALVES, rate, how).dirty, how)

    assert found == pytest.approx(rate, abs=1e-12)


def test_no_yield_gives_a_price_of_nothing():
    with pytest.raises(ValueError, match="no yield"):
        implied_yield(HALVES, 0.0, YieldConvention())


@pytest.mark.parametrize(
    ("settlement", "maturity", "days", "year_days"),
    [
        pytest.param("2022-01-06", "2022-04-07", 91, 365, id="common year"),
        pytest.param("2023-03-01", "2023-05-31", 91, 366, id="leap day ahead"),
        pytest.param("2024-02-29", "2024-05-30", 91, 365, id="settles on the leap day"),
        pytest.param("2024-03-07", "2024-06-06", 91, 365, id="leap day behind"),
    ],
)
def test_the_year_of_a_bill(settlement: str, maturity: str, days: int, year_days: int):
    found = bill(date.fromisoformat(settlement), date.fromisoformat(maturity))

    assert found == Bill(days, year_days)


@pytest.mark.parametrize(
    ("terms", "rate", "price"),
    [
        pytest.param(Bill(91, 365), 0.00091, 99.97725, id="13 weeks, 2022-01-03"),
        pytest.param(Bill(56, 365), 0.00056, 99.991444, id="8 weeks, 2022-01-06"),
    ],
)
def test_auctioned_bills(terms: Bill, rate: float, price: float):
    """fiscaldata.treasury.gov; the rate is published to a thousandth of a percent."""
    assert price_at_investment(terms, rate) == pytest.approx(price, abs=2e-4)
    assert round(100 * investment_rate(terms, price), 3) == pytest.approx(100 * rate)


def test_bills_by_hand():
    """91 days of a year with a leap day; 364 days, of which the second half-year compounds."""
    assert price_at_investment(Bill(91, 366), 0.05) == pytest.approx(100 / (1 + 0.05 * 91 / 366))
    beyond = (1 + 0.05 / 2) * (1 + 0.05 * (364 - 366 / 2) / 366)
    assert price_at_investment(Bill(364, 366), 0.05) == pytest.approx(100 / beyond)
    assert price_at_discount(Bill(90, 365), 0.04) == pytest.approx(99.0)


@pytest.mark.parametrize("terms", [Bill(28, 365), Bill(182, 365), Bill(183, 365), Bill(364, 366)])
def test_rates_of_a_bill_lead_back_to_its_price(terms: Bill):
    for price in (100.3, 99.7, 95.2):
        assert price_at_investment(terms, investment_rate(terms, price)) == pytest.approx(price)
        assert price_at_discount(terms, discount_rate(terms, price)) == pytest.approx(price)
