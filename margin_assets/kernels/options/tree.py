"""American options on a binomial tree, for the few that have no single exercise boundary."""

import math

import numpy as np

from margin_assets.kernels.numeric.compiled import OWNS, inner
from margin_assets.kernels.numeric.normal import exponential
from margin_assets.kernels.options.american import Put

_STEPS, _MOST_STEPS = 256, 1024


@inner(**OWNS, error_model="numpy")
def tree_value(put: Put, moneyness: float) -> float:
    """Value of a put in strikes, good to a thousandth of one.

    Source: Cox, Ross and Rubinstein, Journal of Financial Economics 7(3), 1979.
    """
    years, volatility, rate, dividend_yield = put
    drift = (rate - dividend_yield) / volatility
    steps = min(max(_STEPS, int(2.0 * drift * drift * years) + 1), _MOST_STEPS)
    step = volatility * math.sqrt(years / steps)
    mean = exponential((rate - dividend_yield) * years / steps)
    up, down = exponential(step), exponential(-step)
    share = min(max((mean - down) / (up - down), 0.0), 1.0) * exponential(-rate * years / steps)
    rest = exponential(-rate * years / steps) - share
    # What exercise pays at each price, those of odd dates apart from those of even ones.
    paid = np.empty((2, steps + 1))
    for k in range(2 * steps + 1):
        paid[k % 2, k // 2] = max(1.0 - moneyness * exponential((k - steps) * step), 0.0)
    values = paid[0].copy()
    for turn in range(1, steps + 1):
        row = paid[turn % 2, turn // 2 :]
        for k in range(steps - turn + 1):
            values[k] = max(share * values[k + 1] + rest * values[k], row[k])
    return values[0]
