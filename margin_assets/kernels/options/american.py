"""Early exercise: the boundary of one option, found once, and what it adds at any number of spots.

Everything is worked out for a put with a strike of 1. A call is a put in the mirror, where stock
and cash change places, and with them spot and strike, and yield and rate (McDonald and Schroder,
A Parity Result for American Options, Journal of Computational Finance 1(3), 1998).

Source: Andersen, Lake and Offengenden, High Performance American Option Pricing, Journal of
Computational Finance 20(1), 2016, equations "FP-B"; solved here by Newton's method on all nodes
together, which needs no second system of equations where rate and yield are near each other.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.normal import exponential, logarithm, normal_cdf, normal_density
from margin_assets.kernels.numeric.quadrature import chebyshev, quarter_circle, shares

NEVER, BEYOND_ONE_PRICE, BETWEEN_TWO_PRICES = 0, 1, 2

NODES = 8  # times at which the boundary is solved for
_INNER = 10  # points of each integral in the boundary's equations
_OUTER = 24  # points of the integral in a value
_SEED_STEPS, _STEPS = 3, 10  # at most; three to five are usual
# In standard deviations: a step after which the next is at rounding, the largest last step of a
# solution, and how much interpolation may lift a boundary that is flat.
_CLOSE, _LOOSE, _WAVE = 1e-6, 1e-3, 0.1
_FLAT = 1e-8  # least square of an interpolated gap, in those of its node
_SMALL = 1e-300

GRID = _INNER * NODES
GRID_ROWS = 18  # of GRID numbers each: room to solve for a boundary

# Chebyshev's points in the root of time: the whole time first, expiry itself last.
_ROOTS = chebyshev(NODES)
_ROOT = _ROOTS[:-1].copy()
_SINE, _COSINE, _WEIGHT = quarter_circle(_OUTER)
_SHARE = shares(_COSINE, _ROOTS)
# A grid of the points of every node's integral, the nodes side by side.
_GRID_SINE, _GRID_COSINE, _GRID_WEIGHT = np.repeat(quarter_circle(_INNER), NODES, axis=1)
_GRID_ROOT = np.tile(_ROOT, _INNER)
_GRID_SHARE = shares(_GRID_COSINE * _GRID_ROOT, _ROOTS)


class Put(NamedTuple):
    """A put with a strike of 1, or the mirror of a call; years and volatility are positive."""

    years: float
    volatility: float
    rate: float
    dividend_yield: float


@njit(**BORROWS)
def exercise_kind(put: Put) -> int:
    """When exercise before expiry can pay: `NEVER`, beyond one price, or between two."""
    if put.rate > 0.0 or (put.rate == 0.0 and put.dividend_yield < 0.0):
        return BEYOND_ONE_PRICE
    return BETWEEN_TWO_PRICES if put.dividend_yield < put.rate else NEVER


@njit(**BORROWS)
def boundary_limit(put: Put) -> float:
    """Logarithm of the boundary just before expiry: of the strike, or of strike x rate / yield."""
    if put.dividend_yield <= put.rate:
        return 0.0
    return logarithm(put.rate) - logarithm(put.dividend_yield)


@inner(**BORROWS, error_model="numpy", forceinline=True)
def _decay(x: float) -> float:
    """1 less the exponential of -x, whole digits also where x is small."""
    series = x * (1.0 - x / 2.0 * (1.0 - x / 3.0 * (1.0 - x / 4.0 * (1.0 - x / 5.0))))
    return series if abs(x) < 0.01 else 1.0 - exponential(-x)


@inner(**BORROWS, error_model="numpy")
def _first_gaps(put: Put, gaps: FloatArray) -> None:
    """Quadratic approximation, within some percent of the gap: where two tangents meet.

    Source: Barone-Adesi and Whaley, Journal of Finance 42(2), 1987, equations 19 to 24; begun at
    the boundary's behaviour near expiry, Andersen, Lake and Offengenden, section 2.
    """
    years, volatility, rate, dividend_yield = put
    limit = boundary_limit(put)
    half = (rate - dividend_yield) / (volatility * volatility) - 0.5
    for i in range(NODES):
        time = years * _ROOT[i] * _ROOT[i]
        spread = volatility * math.sqrt(years) * _ROOT[i]
        growth, drift = rate * time, (rate - dividend_yield) * time / spread
        lost, paid = _decay(growth), _decay(dividend_yield * time)
        share = lost / growth if growth != 0.0 else 1.0
        power = half + math.sqrt(half * half + 2.0 / (spread * spread * share))
        near = math.pi * (8.0 * drift * drift + 16.0 * growth * growth)
        start = math.sqrt(logarithm(1.0 + 1.0 / near))
        b = limit - spread * (min(start, 1.6) if dividend_yield > rate else start)
        for _ in range(_SEED_STEPS):
            d_minus = b / spread + drift - 0.5 * spread
            d_plus = d_minus + spread
            density_minus, density_plus = normal_density(d_minus), normal_density(d_plus)
            stock = max(paid + (1.0 - paid) * normal_cdf(d_plus, density_plus), _SMALL)
            cash = max(lost + (1.0 - lost) * normal_cdf(d_minus, density_minus), _SMALL)
            miss = b + logarithm(stock / cash * (1.0 + 1.0 / power))
            slope = (1.0 - paid) * density_plus / stock - (1.0 - lost) * density_minus / cash
            b = min(b - miss / max(1.0 + slope / spread, 0.2), 0.5 * (b + limit))
        gaps[i] = limit - b


@inner(**BORROWS, error_model="numpy")
def _grid_terms(put: Put, work: FloatArray) -> None:
    """What of the integrands does not depend on the boundary."""
    years, volatility, rate, dividend_yield = put
    spread, drift, cash, stock = work[0], work[1], work[2], work[3]
    for m in range(GRID):
        time = years * _GRID_ROOT[m] * _GRID_ROOT[m]
        left = time * _GRID_COSINE[m] * _GRID_COSINE[m]
        spread[m] = volatility * math.sqrt(years) * _GRID_ROOT[m] * _GRID_SINE[m]
        drift[m] = (rate - dividend_yield) * (time - left) / spread[m] - 0.5 * spread[m]
        cash[m] = rate * time * _GRID_WEIGHT[m] * exponential(rate * left)
        stock[m] = dividend_yield * time * _GRID_WEIGHT[m] * exponential(dividend_yield * left)


@inner(**BORROWS, error_model="numpy")
def _grid_integrands(gaps: FloatArray, work: FloatArray) -> None:
    """Integrands at the present boundary, and their slopes in the logarithm at their node.

    Each with the inverse of the gap that it is at, or 0 where interpolation leaves no gap.
    """
    spread, drift, cash, stock, own, square = work[0], work[1], work[2], work[3], work[4], work[5]
    cash_part, stock_part, cash_slope, stock_slope = work[6], work[7], work[8], work[9]
    for j in range(_INNER):
        for i in range(NODES):
            own[j * NODES + i] = gaps[i]
            square[j * NODES + i] = 0.0
    for k in range(NODES):
        for m in range(GRID):
            square[m] += _GRID_SHARE[k, m] * gaps[k] * gaps[k]
    for m in range(GRID):
        flat = _FLAT * own[m] * own[m]
        gap = math.sqrt(max(square[m], flat))
        square[m] = 1.0 / gap if square[m] > flat else 0.0
        d_minus = (gap - own[m]) / spread[m] + drift[m]
        d_plus = d_minus + spread[m]
        density_minus, density_plus = normal_density(d_minus), normal_density(d_plus)
        cash_part[m] = cash[m] * normal_cdf(d_minus, density_minus)
        stock_part[m] = stock[m] * normal_cdf(d_plus, density_plus)
        cash_slope[m] = cash[m] * density_minus / spread[m]
        stock_slope[m] = stock[m] * density_plus / spread[m]


@inner(**BORROWS, error_model="numpy")
def _misses(put: Put, gaps: FloatArray, work: FloatArray) -> None:
    """By how much every node misses its equation, with the sums that its slopes need.

    With b for the logarithm of the boundary, the equation is b + (rate - yield) x time = log(cash
    side / stock side), where each side is a probability and an integral over what is left.
    """
    years, volatility, rate, dividend_yield = put
    limit = boundary_limit(put)
    cash, stock, cash_own, stock_own, miss = work[10], work[11], work[12], work[13], work[14]
    for i in range(NODES):
        spread = volatility * math.sqrt(years) * _ROOT[i]
        miss[i] = limit - gaps[i] + (rate - dividend_yield) * years * _ROOT[i] * _ROOT[i]
        d_minus = miss[i] / spread - 0.5 * spread
        density_minus, density_plus = normal_density(d_minus), normal_density(d_minus + spread)
        cash[i], cash_own[i] = normal_cdf(d_minus, density_minus), density_minus / spread
        stock[i], stock_own[i] = normal_cdf(d_minus + spread, density_plus), density_plus / spread
    for j in range(_INNER):
        for i in range(NODES):
            cash[i] += work[6, j * NODES + i]
            stock[i] += work[7, j * NODES + i]
            cash_own[i] += work[8, j * NODES + i]
            stock_own[i] += work[9, j * NODES + i]
    for i in range(NODES):
        cash[i], stock[i] = max(cash[i], _SMALL), max(stock[i], _SMALL)
        miss[i] -= logarithm(cash[i] / stock[i])


@inner(**BORROWS, error_model="numpy")
def _slopes(gaps: FloatArray, work: FloatArray) -> None:
    """Slopes of every node's miss (along a row) in every node's gap (a row each)."""
    inverse, cash_slope, stock_slope, cash, stock = work[5], work[8], work[9], work[10], work[11]
    along, slopes = work[15], work[16]
    for j in range(_INNER):
        for i in range(NODES):
            m = j * NODES + i
            along[m] = (cash_slope[m] / cash[i] - stock_slope[m] / stock[i]) * inverse[m]
    for k in range(NODES):
        for i in range(NODES):
            slopes[k * NODES + i] = 0.0
        for j in range(_INNER):
            for i in range(NODES):
                m = j * NODES + i
                slopes[k * NODES + i] -= along[m] * _GRID_SHARE[k, m] * gaps[k]
        slopes[k * NODES + k] += work[12, k] / cash[k] - work[13, k] / stock[k] - 1.0


@inner(**BORROWS, error_model="numpy")
def _solve(slopes: FloatArray, miss: FloatArray) -> None:
    """Turns the misses into Newton's step, by elimination; a row of slopes is an unknown's."""
    for k in range(NODES):
        for i in range(k + 1, NODES):
            factor = slopes[k * NODES + i] / slopes[k * NODES + k]
            miss[i] -= factor * miss[k]
            for m in range(k + 1, NODES):
                slopes[m * NODES + i] -= factor * slopes[m * NODES + k]
    for k in range(NODES - 1, -1, -1):
        for m in range(k + 1, NODES):
            miss[k] -= slopes[m * NODES + k] * miss[m]
        miss[k] /= slopes[k * NODES + k]


@inner(**BORROWS)
def _is_boundary(put: Put, gaps: FloatArray, farthest: float) -> bool:
    """Whether gaps solve the equations: the last step was small, and waiting lowers the boundary.

    Over more than a standard deviation of 1, where the rate is near 0 and the yield below it, the
    boundary falls towards 0 so far that a wrong solution cannot be told from the right one.
    """
    spread = put.volatility * math.sqrt(put.years)
    if put.dividend_yield < -10.0 * put.rate and spread > 1.0:
        return False
    for k in range(1, NODES):
        if not gaps[k] <= gaps[k - 1] + _WAVE * spread:
            return False
    return farthest <= _LOOSE * spread


@njit(**OWNS, error_model="numpy")
def boundary_gaps(put: Put, work: FloatArray) -> tuple[FloatArray, bool]:
    """How far the logarithm of the boundary lies below its limit at each node, now first.

    Holds for a put whose exercise pays beyond one price. The gaps are a part of `work`. The flag
    is whether they are the boundary: they may not be where a rate near 0 meets a negative yield.
    """
    gaps, spread, farthest = work[17, :NODES], put.volatility * math.sqrt(put.years), 0.0
    _first_gaps(put, gaps)
    _grid_terms(put, work)
    for _ in range(_STEPS):
        _grid_integrands(gaps, work)
        _misses(put, gaps, work)
        _slopes(gaps, work)
        _solve(work[16], work[14])
        farthest = 0.0
        for i in range(NODES):
            step = min(max(work[14, i], -3.0 * gaps[i]), 0.75 * gaps[i])
            gaps[i] -= step
            farthest = max(farthest, abs(step))
        if farthest < _CLOSE * spread:
            break
    return gaps, _is_boundary(put, gaps, farthest)


@inner(**BORROWS, error_model="numpy")
def premium_terms(put: Put, gaps: FloatArray, work: FloatArray) -> None:
    """What of the premium for early exercise does not depend on the spot, into `work`."""
    years, volatility, rate, dividend_yield = put
    spread, shift, cash, stock = work[0], work[1], work[2], work[3]
    limit = boundary_limit(put)
    for j in range(_OUTER):
        square = 0.0
        for k in range(NODES):
            square += _SHARE[k, j] * gaps[k] * gaps[k]
        time = years * _SINE[j] * _SINE[j]
        spread[j] = volatility * math.sqrt(years) * _SINE[j]
        shift[j] = math.sqrt(max(square, 0.0)) - limit + (rate - dividend_yield) * time
        shift[j] = shift[j] / spread[j] - 0.5 * spread[j]
        cash[j] = rate * years * _WEIGHT[j] * exponential(-rate * time)
        stock[j] = dividend_yield * years * _WEIGHT[j] * exponential(-dividend_yield * time)


@inner(**BORROWS, error_model="numpy")
def exercise_premium(moneyness: float, log_moneyness: float, work: FloatArray) -> float:
    """What early exercise adds to a European put at a spot above the boundary, in strikes.

    Moneyness is spot over strike; `work` comes from `premium_terms`.
    """
    spread, shift, cash, stock, parts = work[0], work[1], work[2], work[3], work[4]
    for j in range(_OUTER):
        d_minus = -log_moneyness / spread[j] - shift[j]
        d_plus = d_minus - spread[j]
        parts[j] = cash[j] * normal_cdf(d_minus, normal_density(d_minus))
        parts[j] -= stock[j] * moneyness * normal_cdf(d_plus, normal_density(d_plus))
    premium = 0.0
    for j in range(_OUTER):
        premium += parts[j]
    return max(premium, 0.0)
