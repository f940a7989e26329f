"""Options to value: those that are listed, and any that can be."""

import math
from functools import cache

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

Floats = npt.NDArray[np.float64]
CALL, PUT = True, False
AMERICAN, EUROPEAN = True, False
STRIKE = 100.0

# Spot, days, volatility, rate, dividend yield, whether a call.
Case = tuple[float, int, float, float, float, bool]
# Strike, years, volatility, rate, dividend yield, whether a call.
OptionTerms = tuple[float, float, float, float, float, bool]


@cache
def listed_options() -> list[Case]:
    """Spots up to two and a half standard deviations away, over what is listed."""
    rng = np.random.default_rng(4210)
    return [
        (
            STRIKE * math.exp(rng.uniform(-2.5, 2.5) * min(vol * math.sqrt(days / 365), 0.5)),
            days,
            vol,
            rate,
            dividend_yield,
            is_call,
        )
        for days in (1, 7, 30, 91, 365, 1095)
        for vol in (0.05, 0.2, 0.5, 1.5)
        for rate in (0.0, 0.02, 0.08)
        for dividend_yield in (0.0, 0.03, 0.08)
        for is_call in (CALL, PUT)
    ]


def columns(cases: list[Case]) -> list[npt.NDArray[np.generic]]:
    """Spot, days, volatility, rate, dividend yield and right, an array each."""
    return [np.array(column) for column in zip(*cases, strict=True)]


spots = st.floats(1e-2, 1e4)
_rates = st.one_of(st.sampled_from([0.0, 0.05]), st.floats(-0.05, 0.15))
options = st.tuples(
    st.floats(1e-2, 1e4),
    st.one_of(st.just(0.0), st.floats(1e-6, 10.0)),
    st.floats(0.01, 5.0),
    _rates,
    _rates,
    st.booleans(),
)
