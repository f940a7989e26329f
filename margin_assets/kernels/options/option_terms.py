"""Terms of one option series, and the put it is to the exercise boundary."""

import math
from typing import NamedTuple

from numba import njit

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.normal import logarithm
from margin_assets.kernels.options.american import NEVER, Put, exercise_kind


class Terms(NamedTuple):
    """Terms of one series, and what the model knows of its underlying but the price."""

    strike: float
    years: float
    volatility: float
    rate: float
    dividend_yield: float
    is_call: bool
    is_american: bool


class Contracts(NamedTuple):
    """Terms of many series, an entry each, and the same of their underlyings."""

    strike: FloatArray
    years: FloatArray
    rate: FloatArray
    dividend_yield: FloatArray
    is_call: BoolArray
    is_american: BoolArray


@inner(**OWNS)
def terms_at(contracts: Contracts, n: int, volatility: float) -> Terms:
    """Terms of series n at a volatility."""
    return Terms(
        contracts.strike[n],
        contracts.years[n],
        volatility,
        contracts.rate[n],
        contracts.dividend_yield[n],
        contracts.is_call[n],
        contracts.is_american[n],
    )


@inner(**OWNS)
def at_volatility(terms: Terms, volatility: float) -> Terms:
    """The same terms at another volatility."""
    strike, years, _, rate, dividend_yield, is_call, is_american = terms
    return Terms(strike, years, volatility, rate, dividend_yield, is_call, is_american)


@njit(**OWNS)
def put_of(terms: Terms, volatility: float) -> Put:
    """The put that an option is, seen in the mirror when it is a call."""
    if terms.is_call:
        return Put(terms.years, volatility, terms.dividend_yield, terms.rate)
    return Put(terms.years, volatility, terms.rate, terms.dividend_yield)


@inner(**BORROWS)
def log_moneyness(spot: float, terms: Terms) -> float:
    """Logarithm of spot over strike, or in the mirror of strike over spot."""
    log = logarithm(spot) - logarithm(terms.strike)
    return -log if terms.is_call else log


@inner(**OWNS)
def early_exercise(terms: Terms) -> int:
    """When exercise before expiry can pay; see `american.exercise_kind`."""
    if not (terms.is_american and terms.years > 0.0):
        return NEVER
    return exercise_kind(put_of(terms, 0.0))


@inner(**BORROWS)
def is_known(terms: Terms) -> bool:
    """Whether all terms are numbers and in the model's range."""
    strike, years, volatility, rate, dividend_yield, _, _ = terms
    finite = math.isfinite(strike + years + volatility + rate + dividend_yield)
    return finite and strike > 0.0 and years >= 0.0 and volatility >= 0.0
