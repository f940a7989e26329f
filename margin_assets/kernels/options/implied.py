"""Implied volatility of option quotes, and the name of what is wrong with a quote that has none."""

import math

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.normal import exponential, logarithm, normal_density
from margin_assets.kernels.numeric.threads import over_ranges
from margin_assets.kernels.options.american import (
    BEYOND_ONE_PRICE,
    GRID,
    GRID_ROWS,
    NEVER,
    boundary_gaps,
    boundary_limit,
)
from margin_assets.kernels.options.option_terms import (
    Contracts,
    Terms,
    at_volatility,
    early_exercise,
    is_known,
    log_moneyness,
    put_of,
    terms_at,
)
from margin_assets.kernels.options.options import (
    LEAST_VOLATILITY,
    european_value,
    intrinsic_value,
    value_at_spots,
)

FAIR, BELOW_BOUND, ABOVE_BOUND = range(3)
"""States of a quote."""

MOST_VOLATILITY = 10.0
"""Volatility is looked for from `LEAST_VOLATILITY` up to this."""

_SLACK, _RELATIVE_SLACK = 1e-6, 1e-9  # in dollars, and of the bound
_EXACT = 1e-13  # of spot and strike: a European value that near is met
_CLOSE = 2e-10  # likewise an American one
_NARROW = 1e-10  # a bracket that narrow, relatively, is closed on its lower end
_HAIR = 1e-7
_USUAL = 0.3  # where the search for a boundary begins
_STEPS = 100
_ALONE = 64
"""Quotes that one thread solves as soon as several that must be started."""


@inner(**BORROWS, error_model="numpy")
def _best_fixed_time(spot: float, terms: Terms) -> float:
    """What exercise is worth at the best time that can be named today; never negative.

    The payoff at a fixed time, as stock and cash are worth now, turns once at most between now
    and expiry.
    """
    strike, years, _, rate, dividend_yield, is_call, _ = terms
    sign = 1.0 if is_call else -1.0
    time = 0.0
    if rate * dividend_yield > 0.0 and rate != dividend_yield and spot > 0.0:
        ratio = dividend_yield / rate * (spot / strike)
        time = min(max(logarithm(ratio) / (dividend_yield - rate), 0.0), years)
    turn = spot * exponential(-dividend_yield * time) - strike * exponential(-rate * time)
    last = spot * exponential(-dividend_yield * years) - strike * exponential(-rate * years)
    return max(sign * turn, sign * last, intrinsic_value(spot, strike, is_call))


@njit(**BORROWS, error_model="numpy")
def least_value(spot: float, terms: Terms) -> float:
    """Least value that leaves no arbitrage against stock and cash."""
    if terms.is_american:
        return _best_fixed_time(spot, terms)
    return european_value(spot, at_volatility(terms, 0.0))


@inner(**BORROWS, error_model="numpy")
def _vega(spot: float, terms: Terms, volatility: float) -> float:
    """Slope of the European value in volatility."""
    strike, years, _, rate, dividend_yield, _, _ = terms
    spread = volatility * math.sqrt(years)
    forward = logarithm(spot) - logarithm(strike) + (rate - dividend_yield) * years
    density = normal_density(forward / spread + 0.5 * spread)
    return spot * exponential(-dividend_yield * years) * density * math.sqrt(years)


@inner(**BORROWS, error_model="numpy")
def _inside(guess: float, low: float, high: float) -> float:
    """A guess that lies between two volatilities, or else their middle."""
    return guess if low < guess < high else 0.5 * (low + high)


@inner(**BORROWS, error_model="numpy")
def _european_volatility(price: float, spot: float, terms: Terms) -> float:
    """Volatility of a European option at a price, held to the range looked in.

    Newton's method, begun where the value turns from convex to concave in volatility, from where
    it cannot overshoot. Source: Manaster and Koehler, Journal of Finance 37(1), 1982.
    """
    strike, years, _, rate, dividend_yield, _, _ = terms
    low, high = LEAST_VOLATILITY, MOST_VOLATILITY
    forward = logarithm(spot) - logarithm(strike) + (rate - dividend_yield) * years
    guess = max(math.sqrt(2.0 * abs(forward) / years), 0.01)
    for _ in range(_STEPS):
        guess = _inside(guess, low, high)
        miss = european_value(spot, at_volatility(terms, guess)) - price
        if abs(miss) <= _EXACT * (spot + strike):
            break
        if miss > 0.0:
            high = guess
        else:
            low = guess
        guess -= miss / _vega(spot, terms, guess)
    return guess


@inner(**BORROWS, error_model="numpy")
def _value(spot: float, terms: Terms, volatility: float, scratch: FloatArray) -> float:
    scratch[0, 0] = spot
    at = at_volatility(terms, volatility)
    value_at_spots(scratch[0, :1], at, scratch[0, 1:2], scratch[1:])
    return scratch[0, 1]


@inner(**BORROWS, error_model="numpy")
def _american_volatility(price: float, spot: float, terms: Terms, scratch: FloatArray) -> float:
    """Volatility of an American option at a price, held to the range looked in.

    The European one is at least that: the search goes down from it by the European slope, then by
    secants of the root of what waiting is worth, which near the boundary is straight where the
    value itself is bent, and by halves where these do not halve the miss.
    """
    low, high = LEAST_VOLATILITY, MOST_VOLATILITY
    intrinsic = intrinsic_value(spot, terms.strike, terms.is_call)
    sought = math.sqrt(price - intrinsic)
    guess = _inside(_european_volatility(price, spot, terms), low, high)
    last, last_miss = guess, np.inf
    for _ in range(_STEPS):
        value = _value(spot, terms, guess, scratch)
        if abs(value - price) <= _CLOSE * (spot + terms.strike):
            return guess
        if value > price:
            high = guess
        else:
            low = guess
        if high - low <= _NARROW * high:
            break
        root = math.sqrt(value - intrinsic)
        miss, slope = root - sought, _vega(spot, terms, guess) / (root + sought)
        if last_miss < np.inf:
            slope = (miss - last_miss) / (guess - last)
        is_slow = last_miss < np.inf and abs(miss) > 0.5 * abs(last_miss)
        last, last_miss = guess, miss
        guess = _inside(-1.0 if is_slow else guess - miss / slope, low, high)
    return low


@inner(**OWNS, error_model="numpy")
def _exercise_volatility(depth: float, terms: Terms, scratch: FloatArray) -> float:
    """Largest volatility at which an option is best exercised at once.

    `depth` is how far beyond the boundary's limit the spot lies, in logarithms.
    """
    low, high = LEAST_VOLATILITY, MOST_VOLATILITY
    guess, last, last_miss = _USUAL, 0.0, -depth
    for _ in range(_STEPS):
        # A hair inside the boundary, so that the value there is the intrinsic one to the bit.
        miss = boundary_gaps(put_of(terms, guess), scratch)[0][0] - depth * (1.0 - 2.0 * _HAIR)
        if abs(miss) <= _HAIR * depth:
            return guess
        if miss > 0.0:
            high = guess
        else:
            low = guess
        if high - low <= _NARROW * high:
            break
        slope = (miss - last_miss) / (guess - last)
        last, last_miss = guess, miss
        guess = _inside(guess - miss / slope, low, high)
    return low


@inner(**OWNS, error_model="numpy")
def _volatility(price: float, spot: float, terms: Terms, scratch: FloatArray) -> float:
    """Volatility of a quote that has one; the largest where the price is the intrinsic value."""
    kind = early_exercise(terms)
    if kind == NEVER:
        return _european_volatility(price, spot, terms)
    intrinsic = intrinsic_value(spot, terms.strike, terms.is_call)
    depth = boundary_limit(put_of(terms, 0.0)) - log_moneyness(spot, terms)
    if kind == BEYOND_ONE_PRICE and depth > 0.0 and price <= intrinsic + _slack(intrinsic):
        return _exercise_volatility(depth, terms, scratch)
    return _american_volatility(price, spot, terms, scratch)


@inner(**BORROWS)
def _slack(bound: float) -> float:
    """How far beyond a bound a price is still on it."""
    return _SLACK + _RELATIVE_SLACK * bound


@inner(**BORROWS, error_model="numpy")
def _quote(price: float, spot: float, terms: Terms, scratch: FloatArray) -> tuple[float, int]:
    """Yearly volatility at which the model gives a quoted price, and the state of the quote.

    See `implied_volatilities`; with scratch from `_quote_room`.
    """
    least = least_value(spot, terms)
    known = is_known(terms) and 0.0 <= spot < np.inf
    if not (known and price >= least - _slack(least)):
        return np.nan, BELOW_BOUND
    price = max(price, least + _slack(least))
    european = european_value(spot, at_volatility(terms, MOST_VOLATILITY))
    # An American option is worth at least the European one, which takes no boundary to value.
    if european <= price:
        most = max(least, _value(spot, terms, MOST_VOLATILITY, scratch))
        if most <= price:
            on_bound = price <= most + _slack(most)
            return (MOST_VOLATILITY, FAIR) if on_bound else (np.nan, ABOVE_BOUND)
    return _volatility(price, spot, terms, scratch), FAIR


@inner(**OWNS)
def _quote_room() -> FloatArray:
    return np.empty((GRID_ROWS + 1, GRID))


@njit(**OWNS, nogil=True)
def _volatilities(
    rows: tuple[int, int],
    quotes: tuple[FloatArray, FloatArray],
    contracts: Contracts,
    volatilities: FloatArray,
    states: npt.NDArray[np.int8],
) -> None:
    price, spot = quotes
    scratch = _quote_room()
    for n in range(rows[0], rows[1]):
        terms = terms_at(contracts, n, 0.0)
        volatilities[n], states[n] = _quote(price[n], spot[n], terms, scratch)


def implied_volatilities(
    price: FloatArray, spot: FloatArray, contracts: Contracts
) -> tuple[FloatArray, npt.NDArray[np.int8]]:
    """Yearly volatility at which the model gives each quoted price, and the state of each quote.

    A price below what leaves no arbitrage, or above the value at `MOST_VOLATILITY` (as is what no
    volatility reaches), has a state that says so and no volatility (NaN). A price on its lower
    bound, to a millionth of a dollar and a billionth of the bound, is fair: it takes the largest
    volatility that keeps the value there, which is conservative for a short; an American option
    quoted at its intrinsic value takes the largest at which immediate exercise is best. With an
    input that is no number it counts as below.
    """
    volatilities = np.empty(price.size)
    states = np.empty(price.size, dtype=np.int8)

    def walk(first: int, end: int) -> None:
        _volatilities((first, end), (price, spot), contracts, volatilities, states)

    over_ranges(walk, price.size, _ALONE)
    return volatilities, states
