"""Values of options, European and American: one series at many spots, and many series at once.

The model is Black, Scholes and Merton's: rate, dividend yield and volatility are yearly, constant
and continuous; rate and yield may be 0 or negative. Values are in dollars a unit of the underlying.

Source: Black and Scholes, Journal of Political Economy 81(3), 1973; Merton, Bell Journal of
Economics and Management Science 4(1), 1973. Early exercise: see `american`.
"""

import math

import numpy as np
from numba import njit, prange

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS
from margin_assets.kernels.numeric.normal import exponential, logarithm, normal_cdf, normal_density
from margin_assets.kernels.options.american import (
    BEYOND_ONE_PRICE,
    GRID,
    GRID_ROWS,
    NEVER,
    boundary_gaps,
    boundary_limit,
    exercise_kind,
    exercise_premium,
    premium_terms,
)
from margin_assets.kernels.options.option_terms import (
    Terms,
    early_exercise,
    is_known,
    log_moneyness,
    put_of,
    terms_of,
)
from margin_assets.kernels.options.tree import tree_value

LEAST_VOLATILITY = 1e-4
"""An American option is valued at no less, and no quote implies less."""

_LEAST_SPREAD = 1e-12  # a standard deviation below it makes no difference that a float can show
_BUMP = 1e-5  # of the spot, to either side, for the delta of an American option
_BLOCK = 64  # series a thread takes at a time: scratch is allocated once a block


@njit(**BORROWS, error_model="numpy", forceinline=True)
def european_value(
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float,
    dividend_yield: float,
    is_call: bool,
) -> float:
    """Value of a European option; never negative, nor below the discounted forward's intrinsic.

    With volatility or years 0 it is that intrinsic value. NaN when an input is no number.
    """
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


@njit(**BORROWS)
def intrinsic_value(spot: float, strike: float, is_call: bool) -> float:
    """What exercise pays now; never negative."""
    return max(spot - strike if is_call else strike - spot, 0.0)


@njit(**OWNS)
def room() -> FloatArray:
    """Scratch for valuing a series at any number of spots."""
    return np.empty((GRID_ROWS, GRID))


@njit(**OWNS, error_model="numpy")
def _early_values(
    spots: FloatArray, terms: Terms, kind: int, values: FloatArray, work: FloatArray
) -> None:
    """American values where early exercise can pay; where it does, exactly the intrinsic value."""
    strike, years, volatility, rate, dividend_yield, is_call, _ = terms
    put = put_of(terms, max(volatility, LEAST_VOLATILITY))
    boundary, most = -np.inf, max(exponential(-put.rate * years), 1.0)
    has_boundary = False
    if kind == BEYOND_ONE_PRICE:
        gaps, has_boundary = boundary_gaps(put, work)
        premium_terms(put, gaps, work)
        boundary = boundary_limit(put) - gaps[0] if has_boundary else -np.inf
    for s in range(spots.size):
        log = log_moneyness(spots[s], terms)
        unit = spots[s] if is_call else strike
        held = european_value(spots[s], strike, years, volatility, rate, dividend_yield, is_call)
        if has_boundary:
            held += unit * exercise_premium(exponential(log), log, work)
        else:
            held = max(held, unit * tree_value(put, exponential(log)))
        intrinsic = intrinsic_value(spots[s], strike, is_call)
        values[s] = intrinsic if log <= boundary else max(min(held, unit * most), intrinsic)


@njit(**BORROWS, error_model="numpy")
def value_at_spots(spots: FloatArray, terms: Terms, values: FloatArray, work: FloatArray) -> None:
    """Writes what `option_values` returns, with scratch from `room`."""
    strike, years, volatility, rate, dividend_yield, is_call, is_american = terms
    known = is_known(terms)
    kind = early_exercise(terms) if known else NEVER
    if kind != NEVER:
        _early_values(spots, terms, kind, values, work)
    else:
        for s in range(spots.size):
            least = intrinsic_value(spots[s], strike, is_call) if is_american else 0.0
            values[s] = max(
                european_value(spots[s], strike, years, volatility, rate, dividend_yield, is_call),
                least,
            )
    for s in range(spots.size):
        if not (known and 0.0 <= spots[s] < np.inf):
            values[s] = np.nan


@njit(**OWNS)
def option_values(
    spots: FloatArray,
    strike: float,
    years: float,
    volatility: float,
    rate: float,
    dividend_yield: float,
    is_call: bool,
    is_american: bool,
) -> FloatArray:
    """Values of one series at many spots.

    An American value is at least the European and the intrinsic value, and exactly the latter
    where immediate exercise is best. What has an input that is no number (a missing volatility,
    say) or out of range is worth NaN; nothing else is.
    """
    terms = terms_of(strike, years, volatility, rate, dividend_yield, is_call, is_american)
    values = np.empty(spots.size)
    value_at_spots(spots, terms, values, room())
    return values


@njit(**OWNS, error_model="numpy")
def critical_price(
    strike: float,
    years: float,
    volatility: float,
    rate: float,
    dividend_yield: float,
    is_call: bool,
) -> float:
    """Price from which on an American option is best exercised at once: down a put, up a call.

    NaN when there is none, or when exercise pays between two prices only.
    """
    terms = terms_of(strike, years, volatility, rate, dividend_yield, is_call, True)
    put = put_of(terms, max(terms.volatility, LEAST_VOLATILITY))
    if not is_known(terms) or exercise_kind(put) != BEYOND_ONE_PRICE:
        return np.nan
    boundary = boundary_limit(put)
    if years > 0.0:
        gaps, has_boundary = boundary_gaps(put, room())
        boundary = boundary - gaps[0] if has_boundary else np.nan
    return strike * exponential(-boundary if is_call else boundary)


@njit(**OWNS, error_model="numpy")
def delta(
    spot: float,
    strike: float,
    years: float,
    volatility: float,
    rate: float,
    dividend_yield: float,
    is_call: bool,
    is_american: bool,
) -> float:
    """Change in value for a dollar's change in spot: positive for a call, negative for a put.

    For a European option by the formula, for an American one from two values to either side. NaN
    when an input is no number.
    """
    terms = terms_of(strike, years, volatility, rate, dividend_yield, is_call, is_american)
    if not (is_known(terms) and math.isfinite(spot)):
        return np.nan
    if not is_american:
        spread = max(volatility * math.sqrt(years), _LEAST_SPREAD)
        forward = logarithm(spot) - logarithm(strike) + (rate - dividend_yield) * years
        d_plus = forward / spread + 0.5 * spread
        share = normal_cdf(d_plus, normal_density(d_plus)) - (0.0 if is_call else 1.0)
        return exponential(-dividend_yield * years) * share
    spots = np.array([spot * (1.0 - _BUMP), spot * (1.0 + _BUMP)])
    values = np.empty(2)
    value_at_spots(spots, terms, values, room())
    return (values[1] - values[0]) / (spots[1] - spots[0])


@njit(**OWNS)
def _block_values(
    rows: tuple[int, int],
    spot: FloatArray,
    terms: tuple[FloatArray | BoolArray, ...],
    multiples: FloatArray,
    values: FloatArray,
) -> None:
    strike, years, volatility, rate, dividend_yield, is_call, is_american = terms
    spots, work = np.empty(multiples.shape[1]), room()
    for n in range(rows[0], rows[1]):
        for s in range(spots.size):
            spots[s] = spot[n] * multiples[n, s]
        series = terms_of(
            strike[n],
            years[n],
            volatility[n],
            rate[n],
            dividend_yield[n],
            is_call[n],
            is_american[n],
        )
        value_at_spots(spots, series, values[n], work)


@njit(**OWNS, parallel=True)
def series_values(
    spot: FloatArray,
    strike: FloatArray,
    years: FloatArray,
    volatility: FloatArray,
    rate: FloatArray,
    dividend_yield: FloatArray,
    is_call: BoolArray,
    is_american: BoolArray,
    multiples: FloatArray,
) -> FloatArray:
    """Values of many series, a row each, at multiples of each one's spot; see `option_values`.

    Series are independent: threads cannot change a bit.
    """
    terms = (strike, years, volatility, rate, dividend_yield, is_call, is_american)
    values = np.empty(multiples.shape)
    for block in prange((spot.size + _BLOCK - 1) // _BLOCK):
        rows = (block * _BLOCK, min((block + 1) * _BLOCK, spot.size))
        _block_values(rows, spot, terms, multiples, values)
    return values
