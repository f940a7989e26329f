"""The last steps: the nearest breaking point by its slopes, and shorter ones along a direction.

Source: Hasofer and Lind, Journal of the Engineering Mechanics Division 100 (1974); Rackwitz and
Fiessler, Computers and Structures 9 (1978): the nearest point of a limit surface by successive
linearisation. For a linear need b'z with level K it is exact in one step.
"""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.reverse.genetic import Exceedance
from margin_assets.kernels.avalanche.reverse.points import Space, cosine, distances, within
from margin_assets.kernels.numeric.arrays import FloatArray

_HALVINGS = 24
_NEAR = 1e-4  # a limit met this closely, in units of the level
_GROWTH = 1.05


class Polished(NamedTuple):
    """A point that breaks the platform, as near as was found."""

    point: FloatArray
    distance: float
    exceedance: float
    evaluated: int


def slopes_at(
    space: Space, exceedance: Exceedance, point: FloatArray, step: float = 0.1
) -> FloatArray:
    """Slope of the exceedance in each priced coordinate, by central differences."""
    nudged = np.repeat(point[None, :], 2 * space.priced, axis=0)
    places = np.arange(space.priced)
    nudged[places, places] += step
    nudged[space.priced + places, places] -= step
    # A multiplier is not below 1: there the difference is one-sided.
    classes = slice(space.factors, space.priced)
    nudged[:, classes] = np.maximum(nudged[:, classes], 0.0)
    values = exceedance(nudged)
    rise = values[: space.priced] - values[space.priced :]
    run = nudged[places, places] - nudged[space.priced + places, places]
    slope: FloatArray = rise / run
    return slope


def shortened(space: Space, exceedance: Exceedance, point: FloatArray) -> Polished | None:
    """The nearest breaking point along a point's direction, by bisection; None if it breaks none.

    Where the point itself breaks nothing it is grown first, to the bound of distance at most; what
    grows beyond another bound is cut there.
    """
    length = float(distances(space, point[None, :])[0])
    if length <= 0.0:
        return None
    farthest, short, long = space.most_distance / length, 0.0, 1.0
    trials = 1
    while exceedance(_scaled(space, point, long))[0] < 1.0:
        if long >= farthest:
            return None
        short, long = long, min(_GROWTH * long, farthest)
        trials += 1
    for _ in range(_HALVINGS):
        if long - short < _NEAR * long:
            break
        middle = 0.5 * (short + long)
        trials += 1
        if exceedance(_scaled(space, point, middle))[0] >= 1.0:
            long = middle
        else:
            short = middle
    found = _scaled(space, point, long)
    value = float(exceedance(found)[0])
    return Polished(found[0], float(distances(space, found)[0]), value, trials + 1)


def _scaled(space: Space, point: FloatArray, scale: float) -> FloatArray:
    """The point at another distance, as the one row of an array."""
    scaled = point[None, :].copy()
    scaled[:, : space.priced] *= scale
    return within(space, scaled)


def polished(
    space: Space, exceedance: Exceedance, start: FloatArray, rounds: int = 4
) -> Polished | None:
    """The nearest breaking point from a start, by successive linearisation and bisection.

    Each round goes to the nearest point of the linear limit, then along its direction to where the
    platform breaks in truth; it is kept where it is nearer. None where the start breaks nothing
    within the bound.
    """
    best = shortened(space, exceedance, start)
    if best is None:
        return None
    trials = best.evaluated
    for _ in range(rounds):
        slopes = slopes_at(space, exceedance, best.point)
        trials += 2 * space.priced
        aimed = _linear(space, best, slopes)
        found = None if aimed is None else shortened(space, exceedance, aimed)
        trials += 0 if found is None else found.evaluated
        if found is None or found.distance >= best.distance * (1.0 - _NEAR):
            break
        best = found
    return best._replace(evaluated=trials)


def _linear(space: Space, best: Polished, slopes: FloatArray) -> FloatArray | None:
    """The nearest point at which the exceedance, taken as linear, is 1."""
    size = float(slopes @ slopes)
    if size <= 0.0:
        return None
    own = best.point[: space.priced]
    level = 1.0 - best.exceedance + float(slopes @ own)
    aimed = best.point.copy()
    aimed[: space.priced] = level / size * slopes
    return within(space, aimed[None, :])[0]


def distinct(
    space: Space, exceedance: Exceedance, points: FloatArray, most: int, largest_cosine: float
) -> tuple[Polished, ...]:
    """Up to so many breaking points that differ, the nearest first, each shortened.

    The first point is kept as it is; of the others the nearest whose angle to all that were kept is
    wide enough. Shortening keeps the direction, so what differs goes on differing.
    """
    kept: list[Polished] = []
    order = [0, *(1 + np.argsort(distances(space, points[1:]), kind="stable"))]
    for place in order:
        point = points[place]
        if any(cosine(space, point, other.point) >= largest_cosine for other in kept):
            continue
        found = shortened(space, exceedance, point)
        if found is not None:
            kept.append(found)
        if len(kept) == most:
            break
    return (*kept[:1], *sorted(kept[1:], key=lambda one: one.distance))
