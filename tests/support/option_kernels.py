"""One option through the kernels that value many, and where it is best exercised at once."""

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.normal import exponential
from margin_assets.kernels.options.american import (
    BEYOND_ONE_PRICE,
    boundary_gaps,
    boundary_limit,
    exercise_kind,
)
from margin_assets.kernels.options.implied import implied_volatilities
from margin_assets.kernels.options.option_terms import Contracts, Terms, put_of
from margin_assets.kernels.options.options import LEAST_VOLATILITY, room, series_values
from tests.support.option_samples import Floats

Number = float | Floats
Flag = bool | npt.NDArray[np.bool_]


def contracts(
    strike: Number,
    years: Number,
    rate: Number,
    dividend_yield: Number,
    is_call: Flag,
    is_american: Flag,
) -> Contracts:
    """The terms of one series or of many, as columns."""
    numbers = np.broadcast_arrays(strike, years, rate, dividend_yield)
    size = np.size(numbers[0])
    floats = (np.array(column, dtype=np.float64).reshape(size) for column in numbers)
    flags = (np.broadcast_to(flag, size).astype(np.bool_) for flag in (is_call, is_american))
    return Contracts(*floats, *flags)


def option_values(prices: Floats, *terms: float | bool) -> Floats:
    """Values of one series at many prices of its underlying.

    Its terms: strike, years, volatility, rate, dividend yield, call or put, American or European.
    """
    strike, years, vol, *rest = terms
    one = contracts(strike, years, *rest)
    return series_values(np.ones(1), one, np.array([float(vol)]), np.asarray(prices)[None, :])[0]


def implied_volatility(price: float, spot: float, *terms: float | bool) -> tuple[float, int]:
    """Volatility of one quote, and its state."""
    quote = np.array([float(price)]), np.array([float(spot)])
    volatilities, states = implied_volatilities(*quote, contracts(*terms))
    return volatilities[0], states[0]


def critical_price(
    strike: float, years: float, vol: float, rate: float, dividend_yield: float, is_call: bool
) -> float:
    """Price from which on an American option is best exercised at once: down a put, up a call.

    NaN when there is none, or when exercise pays between two prices only.
    """
    terms = Terms(float(strike), float(years), float(vol), rate, dividend_yield, is_call, True)
    put = put_of(terms, max(terms.volatility, LEAST_VOLATILITY))
    if exercise_kind(put) != BEYOND_ONE_PRICE:
        return np.nan
    boundary = boundary_limit(put)
    if years > 0.0:
        gaps, has_boundary = boundary_gaps(put, room())
        boundary = boundary - gaps[0] if has_boundary else np.nan
    return strike * exponential(-boundary if is_call else boundary)
