"""Initial margin as a maximum over linear forms, learned from states where the model was asked.

The features of a factor are w = q v and w2 = q v^2: q the fraction of the position that is left, v
the ratio of the volatility estimate to today's. A model that is convex and positively homogeneous
in them is the maximum over its supporting planes; a few of those, chosen greedily, are its cuts.
Source: docs/avalanche-book.md, "Initial margin as cuts".
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array


class States(NamedTuple):
    """States of the market and of the position; the first is today, where all is 1."""

    w: FloatArray
    """[state, factor]: fraction left times volatility ratio."""
    w2: FloatArray
    """[state, factor]: fraction left times its square."""


class Planes(NamedTuple):
    """Supporting planes of a model; row j touches it at the state where it was asked."""

    w: FloatArray
    """[plane, factor]: USD per unit of w and of USD of delta."""
    w2: FloatArray
    """[plane, factor]: USD per unit of w2 and of gamma."""


class Error(NamedTuple):
    """Relative error of a surrogate on states it was not trained on; never above 0."""

    mean: float
    low: float
    """Quantile at 5%."""


class Surrogate(NamedTuple):
    """The cuts of one group of one set, and how well they stand for the model."""

    planes: Planes
    volatility: Error
    """On states where only volatilities moved."""
    positions: Error
    """On states where also every position was cut by itself."""


class Exposure(NamedTuple):
    """What a set is exposed to, by factor of the set."""

    delta: FloatArray
    """[factor]: USD per unit return, net over managers."""
    gamma: FloatArray
    """[factor]: USD per squared return."""


Model = Callable[[States], tuple[FloatArray, Planes]]
"""Gives values by state, and the plane that touches the model there."""

TOGETHER = (2.0, 5.0, 10.0)
"""Volatility ratios of all factors at once at which a surrogate is exact too."""
TRAINING = 400
HELD_OUT = 200
CUTS = 16
MOST_CUTS = 32
_FITS = 1e-12
_TRAINING_SEED, _HELD_OUT_SEED = 0, 1


def states_of(classes: Int64Array, count: int, seed: int, *, is_static: bool = False) -> States:
    """Today, `TOGETHER`, then states drawn: a log-normal volatility ratio by class, fractions left.

    ln v has mean 0.6 and deviation 0.45. In every second state positions are whole; in the others
    each factor's is cut by itself to between 0.3 and 1.

    Args:
        classes: [factor], small whole numbers.
        count: How many, today included.
        seed: Of the generator.
        is_static: Whether volatility never reaches the model: v stays 1.
    """
    random = np.random.Generator(np.random.Philox(seed))
    groups = int(classes.max(initial=0)) + 1
    by_class = np.exp(0.6 + 0.45 * random.standard_normal((count, groups)))
    left = random.uniform(0.3, 1.0, (count, len(classes)))
    left[::2] = 1.0
    v = by_class[:, classes]
    for row, everywhere in enumerate((1.0, *TOGETHER)[:count]):
        v[row], left[row] = everywhere, 1.0
    if is_static:
        v[:] = 1.0
    return States(left * v, left * v * v)


def values_of(planes: Planes, exposure: Exposure, states: States) -> FloatArray:
    """The largest of the planes at each state, in USD."""
    return forms_of(planes, exposure, states).max(axis=0)


def forms_of(planes: Planes, exposure: Exposure, states: States) -> FloatArray:
    """[plane, state]: every plane at every state, in USD."""
    linear: FloatArray = np.einsum("jf,nf->jn", planes.w * exposure.delta, states.w)
    squared: FloatArray = np.einsum("jf,nf->jn", planes.w2 * exposure.gamma, states.w2)
    return linear + squared


def trained(
    model: Model,
    exposure: Exposure,
    classes: Int64Array,
    *,
    cuts: int = CUTS,
    is_static: bool = False,
) -> Surrogate:
    """The cuts of a model: today's, at `TOGETHER`, then each where those before are worst.

    If the held-out errors are beyond the tolerance, as many again are added, once.
    """
    states = states_of(classes, TRAINING, _TRAINING_SEED, is_static=is_static)
    values, planes = model(states)
    held = states_of(classes, HELD_OUT, _HELD_OUT_SEED, is_static=is_static)
    truth, _ = model(held)
    found = _scored(_greedy(values, planes, exposure, states, cuts), exposure, held, truth)
    if _is_within_tolerance(found) or cuts >= MOST_CUTS:
        return found
    more = _greedy(values, planes, exposure, states, MOST_CUTS)
    return _scored(more, exposure, held, truth)


def _greedy(
    values: FloatArray, planes: Planes, exposure: Exposure, states: States, cuts: int
) -> Planes:
    chosen: list[int] = []
    reached = np.full(len(states.w), -np.inf)

    def short() -> FloatArray:
        missing: FloatArray = (values - reached) / np.maximum(np.abs(values), 1.0)
        return missing

    def add(place: int) -> None:
        chosen.append(place)
        one = Planes(planes.w[place : place + 1], planes.w2[place : place + 1])
        np.maximum(reached, forms_of(one, exposure, states)[0], out=reached)

    for place in range(1 + len(TOGETHER)):
        if short()[place] > _FITS and len(chosen) < cuts:
            add(place)
    while len(chosen) < cuts and short().max() > _FITS:
        add(int(short().argmax()))
    return Planes(planes.w[chosen], planes.w2[chosen])


def _scored(planes: Planes, exposure: Exposure, held: States, truth: FloatArray) -> Surrogate:
    error = values_of(planes, exposure, held) / np.maximum(np.abs(truth), 1.0)
    error -= truth / np.maximum(np.abs(truth), 1.0)
    return Surrogate(planes, _error(error[::2]), _error(error[1::2]))


def _error(errors: FloatArray) -> Error:
    return Error(float(errors.mean()), float(np.quantile(errors, 0.05)))


def _is_within_tolerance(found: Surrogate) -> bool:
    of_volatility, of_positions = found.volatility, found.positions
    return (
        of_volatility.mean > -0.005
        and of_volatility.low > -0.02
        and of_positions.mean > -0.02
        and of_positions.low > -0.05
    )
