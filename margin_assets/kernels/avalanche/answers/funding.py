"""Thirty days of funding: contractual flows, expected margin, and margin at three quantiles."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.answers.quantiles import quantile
from margin_assets.kernels.numeric.arrays import FloatArray

LEVELS = (0.50, 0.95, 0.99)
DAYS = 30


class FundingDay(NamedTuple):
    """Cumulative outflows from today to the end of one business day, USD; inflows are negative."""

    day: int
    """From 1."""
    contractual: float
    expected_margin: float
    """Mean over paths, held flat beyond the simulated days."""
    margin: tuple[float, ...]
    """By level of `LEVELS`."""
    outflow: tuple[float, ...]
    """Contractual and margin together, by level."""
    buffer: float
    """Operations' buffer and the least balances."""
    shortfall: float
    """What the 95% outflow and the buffer exceed liquidity by; 0 where they do not."""
    is_simulated: bool
    """Whether paths reach the day; later ones widen by the root of time."""


class Cushion(NamedTuple):
    """What flows are held against, USD."""

    liquid: float
    """Cash, bonds after haircut and lines that come in time."""
    least: float
    """Balances that operations must not go below."""
    share: float
    """Buffer, as a share of the 95% outflow."""


def funding_forecast(
    contractual: FloatArray, margin: FloatArray, cushion: Cushion
) -> tuple[FundingDay, ...]:
    """Cumulative funding by day, to day 30.

    Args:
        contractual: Outflow of each day, 30 entries, USD.
        margin: Cumulative net margin paid by the end of each simulated day, paths x days, USD.
        cushion: What flows are held against.

    Beyond the last simulated day d the expected margin stays and a quantile's distance from it
    grows by sqrt(day / d): calls go on as they were, with no drift.
    """
    flows = np.cumsum(contractual)
    mean = margin.mean(axis=0)
    known = [[quantile(margin[:, d], level).value for level in LEVELS] for d in range(len(mean))]
    return tuple(_day(d, flows, (mean, known), cushion) for d in range(DAYS))


def _day(
    day: int,
    flows: FloatArray,
    paths: tuple[FloatArray, Sequence[Sequence[float]]],
    cushion: Cushion,
) -> FundingDay:
    mean, known = paths
    last = len(mean) - 1
    simulated = min(day, last)
    widening = math.sqrt((day + 1) / (simulated + 1))
    expected = float(mean[simulated])
    margin = tuple(expected + widening * (value - expected) for value in known[simulated])
    outflow = tuple(float(flows[day]) + value for value in margin)
    at_95 = outflow[LEVELS.index(0.95)]
    buffer = cushion.share * max(0.0, at_95) + cushion.least
    return FundingDay(
        day=day + 1,
        contractual=float(flows[day]),
        expected_margin=expected,
        margin=margin,
        outflow=outflow,
        buffer=buffer,
        shortfall=max(0.0, at_95 + buffer - cushion.liquid),
        is_simulated=day <= last,
    )


def coverage_shortfall(days: Sequence[FundingDay], cushion: Cushion) -> float:
    """The largest shortfall over what is needed on that day, from 0 to 1."""
    shares = [
        day.shortfall / (day.shortfall + cushion.liquid) for day in days if day.shortfall > 0.0
    ]
    return max(shares, default=0.0)
