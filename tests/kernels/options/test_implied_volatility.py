import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.numeric.threads import at_most
from margin_assets.kernels.options.implied import (
    ABOVE_BOUND,
    BELOW_BOUND,
    FAIR,
    MOST_VOLATILITY,
    implied_volatilities,
    least_value,
)
from margin_assets.kernels.options.option_terms import Terms
from margin_assets.kernels.options.options import series_values
from tests.support.option_kernels import (
    contracts,
    critical_price,
    implied_volatility,
    option_values,
)
from tests.support.option_samples import (
    AMERICAN,
    CALL,
    EUROPEAN,
    PUT,
    STRIKE,
    OptionTerms,
    columns,
    listed_options,
    options,
    spots,
)
from tests.support.threads import several_threads


@pytest.mark.parametrize("is_american", [AMERICAN, EUROPEAN])
def test_implied_volatility_gives_the_price_back(is_american: bool):
    cases = [case for case in listed_options() if case[1] > 1]
    spot, days, vol, rate, dividend_yield, is_call = columns(cases)
    held = contracts(STRIKE, days / 365, rate, dividend_yield, is_call, is_american)
    ones = np.ones((len(spot), 1))
    price = series_values(spot, held, vol, ones)[:, 0]

    found, states = implied_volatilities(price, spot, held)

    assert not states.any()
    again = series_values(spot, held, found, ones)[:, 0]
    # On its bound a price is met to a millionth of a dollar.
    assert np.abs(again - price).max() < 1.2e-6
    slopes = series_values(spot, held, vol + 1e-4, ones)[:, 0] - price
    telling = slopes > 1e-4
    assert telling.sum() > 200
    assert np.abs(found - vol)[telling].max() < 1e-6


@settings(deadline=None)
@given(spot=spots, terms=options, is_american=st.booleans())
def test_a_model_value_is_a_fair_quote(spot: float, terms: OptionTerms, is_american: bool):
    strike, years, vol, rate, dividend_yield, is_call = terms
    price = option_values(np.array([spot]), *terms, is_american)[0]

    found, state = implied_volatility(
        price, spot, strike, years, rate, dividend_yield, is_call, is_american
    )

    assert state == FAIR
    assert 0.0 < found <= MOST_VOLATILITY
    again = option_values(
        np.array([spot]), strike, years, found, rate, dividend_yield, is_call, is_american
    )[0]
    # Beyond a volatility of 5% the boundary is good to less than a millionth of the spot.
    close = 1e-6 if min(vol, found) > 0.05 else 1e-4
    assert again == pytest.approx(price, abs=2e-6 + close * (spot + strike))


@pytest.mark.parametrize(
    ("price", "spot", "is_call", "is_american", "state"),
    [
        pytest.param(5.0, 100.0, CALL, EUROPEAN, FAIR, id="an ordinary quote"),
        pytest.param(14.0, 110.0, CALL, EUROPEAN, BELOW_BOUND, id="under the forward's worth"),
        pytest.param(9.9, 90.0, PUT, AMERICAN, BELOW_BOUND, id="under the intrinsic value"),
        pytest.param(6.0, 90.0, PUT, EUROPEAN, FAIR, id="a European put under its intrinsic value"),
        pytest.param(4.0, 90.0, PUT, EUROPEAN, BELOW_BOUND, id="under the discounted strike's"),
        pytest.param(-0.01, 100.0, CALL, AMERICAN, BELOW_BOUND, id="a negative price"),
        pytest.param(100.01, 100.0, CALL, AMERICAN, ABOVE_BOUND, id="a call above the stock"),
        pytest.param(100.01, 50.0, PUT, AMERICAN, ABOVE_BOUND, id="a put above the strike"),
        pytest.param(96.0, 50.0, PUT, EUROPEAN, ABOVE_BOUND, id="above the strike, discounted"),
        pytest.param(99.9999999, 100.0, CALL, EUROPEAN, ABOVE_BOUND, id="beyond the search"),
        pytest.param(10.0, 90.0, PUT, AMERICAN, FAIR, id="at the intrinsic value"),
        pytest.param(9.9999995, 90.0, PUT, AMERICAN, FAIR, id="half a millionth under it"),
        pytest.param(0.0, 20.0, CALL, AMERICAN, FAIR, id="worth nothing"),
        pytest.param(math.nan, 100.0, CALL, AMERICAN, BELOW_BOUND, id="no price"),
        pytest.param(5.0, math.nan, CALL, AMERICAN, BELOW_BOUND, id="no spot"),
    ],
)
def test_every_quote_has_a_state(
    price: float, spot: float, is_call: bool, is_american: bool, state: int
):
    found, code = implied_volatility(price, spot, STRIKE, 1.0, 0.05, 0.0, is_call, is_american)

    assert code == state
    assert math.isnan(found) == (state != FAIR)


@pytest.mark.parametrize(
    ("price", "spot", "is_call", "is_american"),
    [
        pytest.param(0.0, 60.0, CALL, AMERICAN, id="worth nothing"),
        pytest.param(4e-7, 150.0, PUT, EUROPEAN, id="worth less than a millionth"),
        pytest.param(
            150.0 - STRIKE * math.exp(-0.05),
            150.0,
            CALL,
            EUROPEAN,
            id="a forward in the money",
        ),
    ],
)
def test_a_price_on_its_bound_takes_the_largest_volatility_that_keeps_the_value_there(
    price: float, spot: float, is_call: bool, is_american: bool
):
    rest = (0.05, 0.0, is_call, is_american)

    found, _ = implied_volatility(price, spot, STRIKE, 1.0, *rest)

    least = 0.0 if price < 1.0 else price
    for vol, is_on_bound in ((found * 0.999, True), (found * 1.01, False)):
        above = option_values(np.array([spot]), STRIKE, 1.0, vol, *rest)[0] - least
        assert (above < 1.06e-6) == is_on_bound


@given(spot=spots, terms=options)
def test_the_least_american_value_is_exercise_at_the_best_fixed_time(
    spot: float, terms: OptionTerms
):
    strike, years, vol, rate, dividend_yield, is_call = terms
    times = np.linspace(0.0, years, 1001)
    paid = spot * np.exp(-dividend_yield * times) - strike * np.exp(-rate * times)
    best = max((paid if is_call else -paid).max(), 0.0)

    least = least_value(spot, Terms(strike, years, vol, rate, dividend_yield, is_call, AMERICAN))

    assert best - 1e-12 * (spot + strike) <= least <= best + 1e-6 * (spot + strike)


def test_a_put_quoted_at_its_intrinsic_value_takes_the_largest_volatility_that_exercises_it():
    terms = (STRIKE, 0.5, 0.05, 0.01, PUT, AMERICAN)

    found, _ = implied_volatility(25.0, 75.0, *terms)

    near = critical_price(STRIKE, 0.5, found, 0.05, 0.01, PUT)
    assert near == pytest.approx(75.0, rel=1e-6)
    at_points = option_values(75.0 * np.array([0.85, 0.97, 1.0]), STRIKE, 0.5, found, *terms[2:])
    assert at_points.tolist() == [100.0 - 75.0 * 0.85, 100.0 - 75.0 * 0.97, 25.0]


@several_threads
def test_threads_do_not_change_a_bit_of_an_option_value():
    spot, days, vol, rate, dividend_yield, is_call = columns(listed_options())
    is_american = np.arange(len(spot)) % 3 > 0
    held = contracts(STRIKE, days / 365, rate, dividend_yield, is_call, is_american)
    multiples = np.tile(np.linspace(0.5, 1.5, 18), (len(spot), 1))
    results = []
    for threads in (1, 2):
        with at_most(threads):
            values = series_values(spot, held, vol, multiples)
            quotes = implied_volatilities(np.ascontiguousarray(values[:, 9]), spot, held)
        results.append(b"".join(array.tobytes() for array in (values, *quotes)))

    assert results[0] == results[1]
    assert not np.isnan(values).any()
