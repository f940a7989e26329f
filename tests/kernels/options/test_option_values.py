import math

import numpy as np
import pytest
import QuantLib
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.kernels.numeric.normal import exponential, logarithm, normal_cdf, normal_density
from margin_assets.kernels.options.option_terms import Terms
from margin_assets.kernels.options.options import european_value
from tests.support.option_kernels import critical_price, option_values
from tests.support.option_samples import (
    AMERICAN,
    CALL,
    EUROPEAN,
    PUT,
    STRIKE,
    Case,
    Floats,
    OptionTerms,
    listed_options,
    options,
    spots,
)
from tests.support.quantlib_peer import Peer


def value(case: Case, is_american: bool = AMERICAN) -> float:
    spot, days, vol, rate, dividend_yield, is_call = case
    terms = (STRIKE, days / 365, vol, rate, dividend_yield, is_call, is_american)
    return option_values(np.array([spot]), *terms)[0]


def differences(theirs: Floats) -> Floats:
    """From our values, in spots."""
    ours = np.array([value(case) for case in listed_options()])
    return np.abs(theirs - ours) / [case[0] for case in listed_options()]


def test_american_values_agree_with_the_same_method_elsewhere():
    peer = Peer()
    scheme = QuantLib.QdFpAmericanEngine.accurateScheme()

    theirs = peer.values(QuantLib.QdFpAmericanEngine(peer.process, scheme), listed_options())

    assert differences(theirs).max() < 1.5e-6


def test_american_values_agree_with_finite_differences():
    peer = Peer()
    engine = QuantLib.FdBlackScholesVanillaEngine(peer.process, 400, 800)

    theirs = differences(peer.values(engine, listed_options()))

    assert theirs.max() < 3e-4
    assert np.quantile(theirs, 0.95) < 5e-5


def test_american_values_agree_with_binomial_trees():
    peer = Peer()

    # A tree's error falls with its steps, so that twice the finer less the coarser has little.
    theirs = differences(2.0 * peer.tree(600, listed_options()) - peer.tree(300, listed_options()))

    assert theirs.max() < 4e-4
    assert np.quantile(theirs, 0.95) < 1e-4


@pytest.mark.parametrize("is_call", [PUT, CALL])
@pytest.mark.parametrize(("rate", "dividend_yield"), [(-0.01, -0.04), (-0.02, -0.03), (0.0, -0.05)])
def test_exercise_between_two_prices_agrees_with_finite_differences(
    rate: float, dividend_yield: float, is_call: bool
):
    # In the mirror of a call, rate and yield change places.
    rates = (dividend_yield, rate) if is_call else (rate, dividend_yield)
    peer = Peer()
    engine = QuantLib.FdBlackScholesVanillaEngine(peer.process, 400, 800)
    for spot in (60.0, 90.0, 100.0, 130.0):
        case = (spot, 730, 0.3, *rates, is_call)

        assert value(case) == pytest.approx(peer.value(engine, case), abs=1e-3 * spot)


def tree_is_exercised(spot: float, years: float, vol: float, rates: tuple[float, float]) -> bool:
    """Whether waiting one step is worth less than a put's intrinsic value, on a tree of ours."""
    steps = 3000
    rate, dividend_yield = rates
    step = vol * math.sqrt(years / steps)
    mean = math.exp((rate - dividend_yield) * years / steps)
    up = (mean - math.exp(-step)) / (math.exp(step) - math.exp(-step))
    payoff = STRIKE - spot * np.exp(step * np.arange(-steps, steps + 1))
    values = np.maximum(payoff[::2], 0.0)
    for date in range(steps - 1, -1, -1):
        values = (up * values[1:] + (1 - up) * values[:-1]) * math.exp(-rate * years / steps)
        waiting = values[0]
        values = np.maximum(values, payoff[steps - date : steps + date + 1 : 2])
    return bool(waiting < payoff[steps])


@pytest.mark.parametrize(
    ("years", "vol", "rate", "dividend_yield"),
    [
        pytest.param(0.25, 0.3, 0.05, 0.0, id="no dividends"),
        pytest.param(1.0, 0.2, 0.05, 0.03, id="yield below the rate"),
        pytest.param(0.5, 0.4, 0.04, 0.04, id="yield at the rate"),
        pytest.param(0.5, 0.3, 0.03, 0.06, id="yield above the rate"),
    ],
)
def test_the_boundary_is_where_a_fine_tree_has_it(
    years: float, vol: float, rate: float, dividend_yield: float
):
    critical = critical_price(STRIKE, years, vol, rate, dividend_yield, PUT)

    assert tree_is_exercised(critical * 0.995, years, vol, (rate, dividend_yield))
    assert not tree_is_exercised(critical * 1.005, years, vol, (rate, dividend_yield))


@pytest.mark.parametrize("is_call", [PUT, CALL])
@pytest.mark.parametrize(("rate", "dividend_yield"), [(0.05, 0.02), (0.03, 0.08), (0.05, 0.05)])
def test_an_option_is_worth_its_intrinsic_value_beyond_the_boundary_only(
    rate: float, dividend_yield: float, is_call: bool
):
    terms = (STRIKE, 0.75, 0.25, rate, dividend_yield, is_call)
    critical = critical_price(*terms)
    out = 1.0 if is_call else -1.0
    beyond = critical * (1.0 + out * np.array([0.0, 1e-9, 0.01, 0.1, 0.5]))
    before = critical * (1.0 - out * np.array([0.002, 0.01, 0.1]))

    assert np.array_equal(
        option_values(beyond, *terms, AMERICAN)[1:], (out * (beyond - STRIKE))[1:]
    )
    assert np.all(option_values(before, *terms, AMERICAN) > out * (before - STRIKE))


@pytest.mark.parametrize(
    ("rate", "dividend_yield", "limit"),
    [
        pytest.param(0.05, 0.0, 100.0, id="the strike without dividends"),
        pytest.param(0.05, 0.03, 100.0, id="the strike with a yield below the rate"),
        pytest.param(0.03, 0.06, 50.0, id="less with a yield above the rate"),
    ],
)
def test_the_boundary_of_a_put_ends_at_the_strike_times_rate_over_yield(
    rate: float, dividend_yield: float, limit: float
):
    near = critical_price(STRIKE, 1e-9, 0.2, rate, dividend_yield, PUT)

    assert near == pytest.approx(limit, rel=1e-4)
    assert critical_price(STRIKE, 0.0, 0.2, rate, dividend_yield, PUT) == pytest.approx(limit)


@pytest.mark.parametrize(
    ("rate", "dividend_yield", "is_call"),
    [
        pytest.param(0.05, 0.0, CALL, id="a call without dividends"),
        pytest.param(0.0, 0.03, PUT, id="a put without interest"),
        pytest.param(-0.01, 0.0, PUT, id="a put with negative interest"),
    ],
)
def test_what_is_never_exercised_early_is_worth_the_european_value(
    rate: float, dividend_yield: float, is_call: bool
):
    terms = (STRIKE, 1.5, 0.35, rate, dividend_yield, is_call)
    prices = np.linspace(20.0, 300.0, 15)

    assert math.isnan(critical_price(*terms))
    assert np.array_equal(
        option_values(prices, *terms, AMERICAN),
        np.maximum(
            option_values(prices, *terms, EUROPEAN),
            prices - STRIKE if is_call else STRIKE - prices,
        ),
    )


@given(spot=spots, terms=options)
def test_put_call_parity(spot: float, terms: OptionTerms):
    strike, years, _, rate, dividend_yield, _ = terms
    call, put = (
        european_value(spot, Terms(*terms[:-1], is_call, EUROPEAN)) for is_call in (CALL, PUT)
    )
    forward = spot * math.exp(-dividend_yield * years) - strike * math.exp(-rate * years)

    assert call - put == pytest.approx(forward, abs=1e-11 * (spot + strike))


@given(spot=spots, terms=options)
def test_a_call_is_a_put_in_the_mirror(spot: float, terms: OptionTerms):
    strike, years, vol, rate, dividend_yield, is_call = terms
    mirror = (spot, years, vol, dividend_yield, rate, not is_call)

    here = option_values(np.array([spot]), *terms, AMERICAN)[0]
    there = option_values(np.array([strike]), *mirror, AMERICAN)[0]

    assert here == pytest.approx(there, rel=1e-12, abs=1e-12 * (spot + strike))


@settings(deadline=None)
@given(terms=options, is_american=st.booleans())
def test_values_are_monotone_convex_and_within_their_bounds(terms: OptionTerms, is_american: bool):
    strike, years, vol, rate, dividend_yield, is_call = terms
    moves = np.linspace(-3.0, 3.0, 41) * min(max(vol * math.sqrt(years), 0.02), 0.8)
    prices = np.concatenate([[0.0], strike * np.exp(moves), [strike * 1e6]])
    values = option_values(prices, *terms, is_american)
    stock, cash = prices * math.exp(-dividend_yield * years), strike * math.exp(-rate * years)
    least = np.maximum(stock - cash if is_call else cash - stock, 0.0)
    most = stock if is_call else np.full(len(prices), cash)
    if is_american:
        least = np.maximum(least, prices - strike if is_call else strike - prices)
        most = np.maximum(most, prices if is_call else strike)
    unit = prices + strike

    assert np.all(values >= 0.0)
    assert np.all(values >= least - 1e-12 * unit)
    assert np.all(values <= most + 1e-12 * unit)
    slopes = np.diff(values) / np.diff(prices) * (1.0 if is_call else -1.0)
    # A tree of a few hundred steps and a volatility of 1% over years are the coarsest.
    steps = np.diff(prices)
    assert np.all(slopes * steps >= -1e-4 * unit[1:])
    curves = np.diff(slopes) * (1.0 if is_call else -1.0)
    assert np.all(curves * np.minimum(steps[1:], steps[:-1]) >= -1e-4 * unit[1:-1])
    if dividend_yield >= 0.0:
        assert np.all(np.abs(np.diff(values)) <= steps + 1e-4 * unit[1:])
    higher = option_values(prices, *terms[:2], vol * 1.1, *terms[3:], is_american)
    assert np.all(higher >= values - 1e-4 * unit)


def test_no_listed_option_moves_more_than_its_underlying():
    around = 1.0 + np.concatenate([-np.geomspace(0.3, 1e-8, 60), np.geomspace(1e-8, 0.3, 60)])
    for spot, days, vol, *rest in listed_options():
        terms = (STRIKE, days / 365, vol, *rest)
        critical = critical_price(*terms)
        for centre in (spot, critical):
            if math.isfinite(centre):
                prices = centre * around
                moves = np.abs(np.diff(option_values(prices, *terms, AMERICAN)))

                assert np.all(moves <= np.diff(prices) + 1e-9 * centre)


@pytest.mark.parametrize("is_american", [AMERICAN, EUROPEAN])
@pytest.mark.parametrize("missing", range(6))
def test_without_an_input_there_is_no_value(missing: int, is_american: bool):
    inputs = [100.0, STRIKE, 0.5, 0.2, 0.05, 0.01]
    inputs[missing] = math.nan

    found = option_values(np.array(inputs[:1]), *inputs[1:], PUT, is_american)

    assert np.isnan(found).all()


def test_plain_arithmetic_meets_the_library():
    for x in np.linspace(-37.0, 37.0, 1481):
        assert exponential(x) == pytest.approx(math.exp(x), rel=1e-15)
        assert logarithm(math.exp(x)) == pytest.approx(x, rel=1e-15, abs=3e-16)
        lower = 0.5 * math.erfc(-x / math.sqrt(2.0))
        assert normal_cdf(x, normal_density(x)) == pytest.approx(lower, rel=3e-13)
