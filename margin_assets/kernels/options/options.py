"""Values of options, European and American: one series at many spots, and many series at once.

The model is Black, Scholes and Merton's: rate, dividend yield and volatility are yearly, constant
and continuous; rate and yield may be 0 or negative. Values are in dollars a unit of the underlying.

Source: Black and Scholes, Journal of Political Economy 81(3), 1973; Merton, Bell Journal of
Economics and Management Science 4(1), 1973. Early exercise: see `american`.
"""

import math

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.normal import exponential, logarithm, normal_cdf, normal_density
from margin_assets.kernels.numeric.threads import over_ranges
from margin_assets.kernels.options.american import (
    BEYOND_ONE_PRICE,
    GRID,
    GRID_ROWS,
    NEVER,
    boundary_gaps,
    boundary_limit,
    exercise_premium,
    premium_terms,
)
from margin_assets.kernels.options.option_terms import (
    Contracts,
    Terms,
    early_exercise,
    is_known,
    log_moneyness,
    put_of,
    terms_at,
)
from margin_assets.kernels.options.tree import tree_value

LEAST_VOLATILITY = 1e-4
"""An American option is valued at no less, and no quote implies less."""

_LEAST_SPREAD = 1e-12  # a standard deviation below it makes no difference that a float can show
_ALONE = 64
"""Series that one thread values as soon as several that must be started."""


@njit(**BORROWS, error_model="numpy", forceinline=True)
def european_value(spot: float, terms: Terms) -> float:
    """Value of a European option; never negative, nor below the discounted forward's intrinsic.

    With volatility or years 0 it is that intrinsic value. NaN when an input is no number.
    """
    strike, years, volatility, rate, dividend_yield, is_call, _ = terms
    sign = 1.0 if is_call else -1.0
    stock = spot * exponential(-dividend_yield * years)
    cash = strike * exponential(-rate * years)
    spread = max(volatility * math.sqrt(years), _LEAST_SPREAD)
    forward = logarithm(spot) - logarithm(strike) + (rate - dividend_yield) * years
    d_plus = sign * (forward / spread + 0.5 * spread)
    d_minus = sign * (forward / spread - 0.5 * spread)
    held = stock * normal_cdf(d_plus, normal_density(d_plus))
    owed = cash * normal_cdf(d_minus, normal_density(d_minus))
    known = math.isfinite(spot + strike + years + volatility + rate + dividend_yield)
    return max(sign * (held - owed), sign * (stock - cash), 0.0) if known else np.nan


@inner(**BORROWS)
def intrinsic_value(spot: float, strike: float, is_call: bool) -> float:
    """What exercise pays now; never negative."""
    return max(spot - strike if is_call else strike - spot, 0.0)


@njit(**OWNS)
def room() -> FloatArray:
    """Scratch for valuing a series at any number of spots."""
    return np.empty((GRID_ROWS, GRID))


@inner(**OWNS, error_model="numpy")
def _early_values(
    spots: FloatArray, terms: Terms, kind: int, values: FloatArray, work: FloatArray
) -> None:
    """American values where early exercise can pay; where it does, exactly the intrinsic value."""
    put = put_of(terms, max(terms.volatility, LEAST_VOLATILITY))
    boundary, most = -np.inf, max(exponential(-put.rate * put.years), 1.0)
    has_boundary = False
    if kind == BEYOND_ONE_PRICE:
        gaps, has_boundary = boundary_gaps(put, work)
        premium_terms(put, gaps, work)
        boundary = boundary_limit(put) - gaps[0] if has_boundary else -np.inf
    for s in range(spots.size):
        log = log_moneyness(spots[s], terms)
        unit = spots[s] if terms.is_call else terms.strike
        held = european_value(spots[s], terms)
        if has_boundary:
            held += unit * exercise_premium(exponential(log), log, work)
        else:
            held = max(held, unit * tree_value(put, exponential(log)))
        intrinsic = intrinsic_value(spots[s], terms.strike, terms.is_call)
        values[s] = intrinsic if log <= boundary else max(min(held, unit * most), intrinsic)


@inner(**BORROWS, error_model="numpy")
def value_at_spots(spots: FloatArray, terms: Terms, values: FloatArray, work: FloatArray) -> None:
    """Writes the values of one series at many spots, with scratch from `room`.

    An American value is at least the European and the intrinsic value, and exactly the latter
    where immediate exercise is best. What has an input that is no number (a missing volatility,
    say) or out of range is worth NaN; nothing else is.
    """
    known = is_known(terms)
    kind = early_exercise(terms) if known else NEVER
    if kind != NEVER:
        _early_values(spots, terms, kind, values, work)
    else:
        for s in range(spots.size):
            intrinsic = intrinsic_value(spots[s], terms.strike, terms.is_call)
            least = intrinsic if terms.is_american else 0.0
            values[s] = max(european_value(spots[s], terms), least)
    for s in range(spots.size):
        if not (known and 0.0 <= spots[s] < np.inf):
            values[s] = np.nan


@njit(**OWNS, nogil=True)
def _values(
    rows: tuple[int, int],
    given: tuple[FloatArray, Contracts, FloatArray],
    multiples: FloatArray,
    values: FloatArray,
) -> None:
    spot, contracts, volatility = given
    spots, work = np.empty(multiples.shape[1]), room()
    for n in range(rows[0], rows[1]):
        for s in range(spots.size):
            spots[s] = spot[n] * multiples[n, s]
        value_at_spots(spots, terms_at(contracts, n, volatility[n]), values[n], work)


def series_values(
    spot: FloatArray, contracts: Contracts, volatility: FloatArray, multiples: FloatArray
) -> FloatArray:
    """Values of many series, a row each, at multiples of each one's spot; see `value_at_spots`.

    Series are independent: threads cannot change a bit.
    """
    values = np.empty(multiples.shape)

    def walk(first: int, end: int) -> None:
        _values((first, end), (spot, contracts, volatility), multiples, values)

    over_ranges(walk, spot.size, _ALONE)
    return values
