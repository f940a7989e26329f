"""Exponential, logarithm and normal distribution in plain arithmetic, for the compiled loops.

Every step is an IEEE addition, multiplication, division or square root, so that a value has the
same bits on every machine, which the C library does not promise; and loops over them vectorise.
"""

import math

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.compiled import BORROWS

_LOG2_E = 1.4426950408889634
# The logarithm of 2 in two parts, so that a multiple of it is taken off without rounding.
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_ROUNDING = 6755399441055744.0  # 1.5 x 2**52: what is added to it is rounded to a whole number
_SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
_MANTISSA = 0x000FFFFFFFFFFFFF
_ROOT_2PI = math.sqrt(2.0 * math.pi)

_E = tuple(1.0 / math.factorial(k) for k in range(13))
_L = tuple(2.0 / (2 * k + 1) for k in range(11))

# The tail over the density, sqrt(pi/2) exp(x^2/2) erfc(x/sqrt 2), as a ratio of polynomials:
# least largest relative error over x >= 0, which is 3e-15. All terms are positive.
_P = (
    1.2533141373155037177,
    1.8025478215370490342,
    1.2786568895662636049,
    0.56976443104597139391,
    0.17268463465878589083,
    0.036343091866063638322,
    0.0051987449897188302943,
    0.00046580563185312899655,
    0.000020361292453565413046,
)
_Q = (
    1.0,
    2.2361096377165774984,
    2.3043779469331987238,
    1.4411405304794806407,
    0.60517632763786991117,
    0.17784263889160497334,
    0.036808898065415770176,
    0.0052191062703343752167,
    0.00046580563199942179632,
    0.000020361292452762569926,
)
_FARTHEST = 38.0  # beyond it the density is below the smallest normal number


@njit(**BORROWS, forceinline=True)
def exponential(x: float) -> float:
    """Exponential, to an ulp or two; x is held to -708 and 709, so it is never zero or infinite.

    Source: argument reduction by multiples of ln 2 and a Taylor series, as in Cody and Waite,
    Software Manual for the Elementary Functions (1980), chapter 6.
    """
    shifted = min(max(x, -708.0), 709.0) * _LOG2_E + _ROUNDING
    whole = shifted - _ROUNDING
    r = (min(max(x, -708.0), 709.0) - whole * _LN2_HIGH) - whole * _LN2_LOW
    series = ((_E[12] * r + _E[11]) * r + _E[10]) * r + _E[9]
    series = (((series * r + _E[8]) * r + _E[7]) * r + _E[6]) * r + _E[5]
    series = ((((series * r + _E[4]) * r + _E[3]) * r + _E[2]) * r + 1.0) * r + 1.0
    bits = (np.float64(shifted).view(np.int64) + np.int64(1023)) << np.int64(52)
    return series * np.int64(bits).view(np.float64)


@njit(**BORROWS, forceinline=True)
def logarithm(x: float) -> float:
    """Natural logarithm, to an ulp or two; x is held to the smallest normal number and above."""
    bits = np.float64(max(x, 2.2250738585072014e-308)).view(np.int64)
    power = (bits - np.int64(_SQRT_HALF_BITS)) >> np.int64(52)
    m = np.int64(bits - (power << np.int64(52))).view(np.float64)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = (((_L[10] * z + _L[9]) * z + _L[8]) * z + _L[7]) * z + _L[6]
    series = ((((series * z + _L[5]) * z + _L[4]) * z + _L[3]) * z + _L[2]) * z + _L[1]
    return power * _LN2_HIGH + (s * (series * z + 2.0) + power * _LN2_LOW)


@njit(**BORROWS, forceinline=True)
def normal_density(x: float) -> float:
    """Density of the standard normal distribution."""
    return exponential(-0.5 * x * x) / _ROOT_2PI


@njit(**BORROWS, forceinline=True)
def normal_cdf(x: float, density: float) -> float:
    """Probability that a standard normal is below x, given its density at x.

    The relative error is below 1e-13 in the lower tail, the absolute one below 1e-15.
    """
    a = min(abs(x), _FARTHEST)
    p = (((_P[8] * a + _P[7]) * a + _P[6]) * a + _P[5]) * a + _P[4]
    p = (((p * a + _P[3]) * a + _P[2]) * a + _P[1]) * a + _P[0]
    q = ((((_Q[9] * a + _Q[8]) * a + _Q[7]) * a + _Q[6]) * a + _Q[5]) * a + _Q[4]
    q = (((q * a + _Q[3]) * a + _Q[2]) * a + _Q[1]) * a + _Q[0]
    tail = density * p / q
    return tail if x < 0.0 else 1.0 - tail
