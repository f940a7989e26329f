"""Quantiles of path results, each with the error that comes from having drawn so many paths.

The interval of a quantile is between two order statistics, whatever the distribution: with N
paths the number below the true quantile is binomial. Source: David and Nagaraja, Order
Statistics, 3rd edition (2003), section 7.1.
"""

import math
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import BoolArray, FloatArray, Int64Array

LEVELS = (0.50, 0.90, 0.95, 0.99, 0.995)
SHORTFALL_LEVEL = 0.975
_COVERAGE = 0.95
_TWO_SIDED_95 = 1.959963984540054
_INDICATIVE = 0.05  # half-width of the interval over the quantile
_SMALLEST = 1e-300


class Quantile(NamedTuple):
    """One quantile and its sampling error, in the unit of the values."""

    level: float
    value: float
    low: float
    """Lower end of the 95% interval; minus infinity where no path is low enough."""
    high: float
    """Upper end; infinite where no path is high enough."""
    standard_error: float
    is_indicative: bool
    """Whether the half-width is above 5% of the value: too few paths to quote it."""


class Distribution(NamedTuple):
    """A distribution over paths, in the unit of the values."""

    paths: int
    mean: float
    mean_error: float
    """Standard error of the mean."""
    quantiles: tuple[Quantile, ...]
    shortfall: float
    """Mean of the worst 2.5%."""
    shortfall_error: float


class Share(NamedTuple):
    """A probability from counted paths, with its 95% interval."""

    value: float
    low: float
    high: float


def ranks(count: int, level: float) -> tuple[int, int]:
    """Ranks, from 1, between which the quantile lies with at least 95%.

    The lower one is 0 and the upper one `count` + 1 where no path bounds it. Each tail has at most
    2.5%, or one of them more where both together keep to 5%: of 10,000 paths the 99% quantile lies
    between ranks 9,881 and 9,920.
    """
    below = np.concatenate([[0.0], _binomial_below(count, level)])
    low = int(np.searchsorted(below, 0.025, side="right")) - 1
    high = int(np.searchsorted(below, 0.975, side="left"))
    if low < high - 1 and below[high] - below[low + 1] >= _COVERAGE:
        low += 1
    elif low < high - 1 and below[high - 1] - below[low] >= _COVERAGE:
        high -= 1
    return low, high


def _binomial_below(count: int, share: float) -> FloatArray:
    """Probabilities that at most k of `count` lie below, k from 0 to `count`."""
    k = np.arange(count, dtype=np.float64)
    steps = np.log((count - k) / (k + 1.0)) + math.log(share / (1.0 - share))
    logs = np.concatenate([[0.0], np.cumsum(steps)]) + count * math.log1p(-share)
    return np.cumsum(np.exp(logs))


def quantile(values: FloatArray, level: float) -> Quantile:
    """The order statistic of rank ceil(N level), with its 95% interval and standard error.

    Raises:
        ValueError: There are no values, one of them is no number, or the level is not inside 0, 1.
    """
    ordered = _ordered(values)
    if not 0.0 < level < 1.0:
        msg = f"a quantile's level lies between 0 and 1, not {level}"
        raise ValueError(msg)
    count = len(ordered)
    # A level such as 0.99 times a count may come out a bit above the whole number that it is.
    value = float(ordered[math.ceil(count * level - 1e-9) - 1])
    low, high = ranks(count, level)
    least = float(ordered[low - 1]) if low > 0 else -math.inf
    most = float(ordered[high - 1]) if high <= count else math.inf
    error = _standard_error(ordered, value, level)
    is_indicative = not 0.5 * (most - least) <= _INDICATIVE * abs(value)
    return Quantile(level, value, least, most, error, is_indicative)


def distribution(values: FloatArray) -> Distribution:
    """Mean, the usual quantiles and expected shortfall of one result over the paths."""
    ordered = _ordered(values)
    count, beyond = len(ordered), 1.0 - SHORTFALL_LEVEL
    threshold = quantile(values, SHORTFALL_LEVEL).value
    # Rockafellar and Uryasev (2002): exact also where the worst share is no whole number of paths.
    losses = threshold + np.maximum(ordered - threshold, 0.0) / beyond
    return Distribution(
        paths=count,
        mean=float(ordered.mean()),
        mean_error=_error_of_mean(ordered),
        quantiles=tuple(quantile(values, level) for level in LEVELS),
        shortfall=float(losses.mean()),
        shortfall_error=_error_of_mean(losses),
    )


def share_of(happened: BoolArray) -> Share:
    """How often something happened on the paths, with Wilson's 95% interval.

    Source: Wilson, Journal of the American Statistical Association 22 (1927).
    """
    count = len(happened)
    if count == 0:
        msg = "there are no paths to count"
        raise ValueError(msg)
    return share_of_count(int(np.count_nonzero(happened)), count)


def share_of_count(hits: int, count: int) -> Share:
    """The same from a number of paths that hit, of `count`."""
    z2 = _TWO_SIDED_95**2
    p = hits / count
    middle = (p + z2 / (2 * count)) / (1 + z2 / count)
    half = _TWO_SIDED_95 * math.sqrt(p * (1 - p) / count + z2 / (4 * count * count))
    half /= 1 + z2 / count
    return Share(p, max(0.0, middle - half), min(1.0, middle + half))


def share_by_hour(hours: Int64Array, horizon: int) -> FloatArray:
    """Share of paths on which something had happened by the end of each hour.

    `hours` is the first hour it did, counted from 0, one entry a path; negative where it never
    did. No path leaves before the horizon, so nothing is censored.
    """
    happened = hours[hours >= 0]
    counts = np.bincount(np.minimum(happened, horizon - 1), minlength=horizon)
    return np.cumsum(counts) / max(len(hours), 1)


def _ordered(values: FloatArray) -> FloatArray:
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    if len(ordered) == 0:
        msg = "there are no paths to take a quantile of"
        raise ValueError(msg)
    if not np.isfinite(ordered).all():
        msg = "a path has no finite result"
        raise ValueError(msg)
    return ordered


def _error_of_mean(values: FloatArray) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.inf


def _standard_error(ordered: FloatArray, value: float, level: float) -> float:
    """Root of level (1 - level) / N over the density there, by a Gaussian kernel.

    The width is Silverman's (1986), equation 3.31. Values all alike have no error.
    """
    count = len(ordered)
    spread = min(
        float(ordered.std()), float(np.subtract(*np.quantile(ordered, (0.75, 0.25)))) / 1.34
    )
    width = 0.9 * (spread or float(ordered.std())) * count**-0.2
    if width <= 0.0:
        return 0.0
    distances = (ordered - value) / width
    density = float(np.exp(-0.5 * distances**2).sum()) / (count * width * math.sqrt(2 * math.pi))
    return math.sqrt(level * (1.0 - level) / count) / max(density, _SMALLEST)
