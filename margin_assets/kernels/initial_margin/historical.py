"""Filtered historical simulation: expected shortfall of one set over standardised residuals."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.initial_margin.cuts import Exposure, Model, Planes, States
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.compiled import OWNS


class Tail(NamedTuple):
    """How many of the worst losses are averaged, and what the average is multiplied by."""

    scenarios: int
    ratio: float = 1.0


def tail_of(alpha: float, scenarios: int) -> Tail:
    """The worst `1 - alpha` of the scenarios, rounded up, at least one."""
    # A share such as 0.003 is none in binary: what is whole to nine digits is whole.
    return Tail(max(1, math.ceil(round((1.0 - alpha) * scenarios, 9))))


def over_days(daily: FloatArray, days: int) -> FloatArray:
    """[scenario, factor]: sums of residuals over `days` consecutive days, overlapping.

    Args:
        daily: [day, factor], standardised.
        days: Margin period of risk.
    """
    total = np.cumsum(np.vstack([np.zeros(daily.shape[1]), daily]), axis=0)
    return total[days:] - total[:-days]


class Filtered(NamedTuple):
    """A history taken apart into volatility and what is left of the returns."""

    residuals: FloatArray
    """[day, factor]: returns over the volatility known before the day; 0 where that is 0."""
    volatility: FloatArray
    """[day, factor]: daily volatility known before the day."""


def filtered(returns: FloatArray, decay: float) -> Filtered:
    """Residuals of returns by an exponentially weighted volatility.

    The first variance is the mean square of all. A decay of 1 filters nothing: the volatility is
    that mean square on every day.

    Args:
        returns: [day, factor].
        decay: Weight of yesterday's variance, 0 to 1.
    """
    variance = (returns**2).mean(axis=0)
    volatility = np.empty_like(returns)
    for day, moved in enumerate(returns):
        volatility[day] = np.sqrt(variance)
        variance = decay * variance + (1.0 - decay) * moved**2
    residuals = np.zeros_like(returns)
    np.divide(returns, volatility, out=residuals, where=volatility > 0.0)
    return Filtered(residuals, volatility)


def shortfall_model(
    residuals: FloatArray, sigma: FloatArray, exposure: Exposure, tail: Tail
) -> Model:
    """Expected shortfall of the loss -(delta sigma z w + gamma/2 sigma^2 z^2 w2) over scenarios.

    Every set of tail scenarios gives a plane: the model is the largest of all such averages.

    Args:
        residuals: [scenario, factor], standardised, over the margin period.
        sigma: [factor], daily volatility today.
        exposure: Of the set.
        tail: How much of the tail is averaged.
    """
    unit = -residuals * sigma
    unit2 = -0.5 * (residuals * sigma) ** 2
    loss, loss2 = unit * exposure.delta, unit2 * exposure.gamma

    def model(states: States) -> tuple[FloatArray, Planes]:
        values, tails = _tails(loss, loss2, states.w, states.w2, tail.scenarios)
        planes = Planes(
            tail.ratio * unit[tails].mean(axis=1), tail.ratio * unit2[tails].mean(axis=1)
        )
        return tail.ratio * values, planes

    return model


def value_at_risk_tail(
    residuals: FloatArray, sigma: FloatArray, exposure: Exposure, alpha: float
) -> Tail:
    """The shortfall that stands for a value at risk: equal to it today by a stored ratio.

    Value at risk is not convex and has no supporting planes. Of the shortfalls with at least as
    long a tail the nearest is taken, and scaled.
    """
    moves = residuals * sigma
    loss = -np.einsum("sf,f->s", moves, exposure.delta)
    loss -= 0.5 * np.einsum("sf,f->s", moves**2, exposure.gamma)
    worst = np.sort(loss)[::-1]
    count = tail_of(alpha, len(worst)).scenarios
    means = np.cumsum(worst) / np.arange(1, len(worst) + 1)
    quantile = float(worst[count - 1])
    longer = np.abs(means[count - 1 :] - quantile)
    nearest = int(longer.argmin()) + count
    shortfall = float(means[nearest - 1])
    return Tail(nearest, quantile / shortfall if shortfall > 0.0 else 1.0)


@njit(**OWNS)
def _tails(
    loss: FloatArray, loss2: FloatArray, w: FloatArray, w2: FloatArray, count: int
) -> tuple[FloatArray, Int64Array]:
    """Mean of the worst losses by state, and which scenarios they are, in their order."""
    scenarios, factors = loss.shape
    states = w.shape[0]
    values = np.empty(states)
    tails = np.empty((states, count), np.int64)
    worst = np.empty(count)
    for n in range(states):
        filled = 0
        for s in range(scenarios):
            lost = 0.0
            for f in range(factors):
                lost += loss[s, f] * w[n, f] + loss2[s, f] * w2[n, f]
            if filled == count and lost <= worst[count - 1]:
                continue
            place = min(filled, count - 1)
            while place > 0 and worst[place - 1] < lost:
                worst[place] = worst[place - 1]
                tails[n, place] = tails[n, place - 1]
                place -= 1
            worst[place] = lost
            tails[n, place] = s
            filled = min(filled + 1, count)
        tails[n] = np.sort(tails[n])
        values[n] = worst.mean()
    return values, tails
