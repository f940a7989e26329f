"""The genetic search: points bred towards the least distance at which the platform breaks.

Source: real-coded genetic algorithm with tournament selection and blend crossover, Eshelman and
Schaffer, Foundations of Genetic Algorithms 2 (1993).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.avalanche.reverse.points import Space, distances, within
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

Exceedance = Callable[[FloatArray], FloatArray]
"""Need over liquidity of each point (a row each): from 1 on the platform is broken."""
Draws = Callable[[int, int], FloatArray]
"""So many uniform draws, inside 0 and 1, of one generation: the counter-based stream."""

PENALTY = 100.0
_GAIN = 1e-3
_ARCHIVED = 8
_CHANCE = 0.2  # of a coordinate to mutate
_BLEND = 0.5


class Effort(NamedTuple):
    """How long is searched."""

    population: int = 64
    tournament: int = 3
    elite: int = 4
    generations: int = 1_000
    patience: int = 100
    """Generations without a gain of 0.1% after which it ends."""
    mutation: float = 0.2
    """Deviation of a mutation, in deviations of a coordinate."""


class Bred(NamedTuple):
    """What the search saw."""

    best: FloatArray
    objective: float
    archive: FloatArray
    """Points that break the platform, the nearest of their generation, by generation."""
    generations: int
    evaluated: int
    trace: FloatArray
    """Best objective after each generation."""


def objective(space: Space, points: FloatArray, exceedance: FloatArray) -> FloatArray:
    """Distance, and a penalty for falling short of breaking the platform."""
    return distances(space, points) + PENALTY * np.maximum(0.0, 1.0 - exceedance)


def bred(
    space: Space, exceedance: Exceedance, seeds: FloatArray, draws: Draws, effort: Effort
) -> Bred:
    """The best point that the search finds from a seeded population.

    Seeds stand first, the rest of the first population is drawn around the origin. Ties go to the
    earlier point, so the same draws give the same search.
    """
    points = _first(space, seeds, draws, effort)
    values = exceedance(points)
    marks = objective(space, points, values)
    archive, trace = [_nearest(points, values, marks)], [float(marks.min())]
    since, generation = 0, 0
    while generation < effort.generations and since < effort.patience:
        generation += 1
        kept = np.argsort(marks, kind="stable")[: effort.elite]
        children = within(space, _children(points, marks, _Stream(draws, generation), effort))
        values = np.concatenate([values[kept], exceedance(children)])
        points = np.concatenate([points[kept], children])
        marks = objective(space, points, values)
        archive.append(_nearest(points, values, marks))
        since = 0 if float(marks.min()) < trace[-1] * (1.0 - _GAIN) else since + 1
        trace.append(float(marks.min()))
    best = int(np.argmin(marks))
    evaluated = effort.population + generation * (effort.population - effort.elite)
    found = np.concatenate(archive)
    return Bred(points[best], float(marks[best]), found, generation, evaluated, np.array(trace))


class _Stream:
    """The draws of one generation, taken in order."""

    def __init__(self, draws: Draws, generation: int) -> None:
        self._draws, self._generation, self._taken = draws, generation, 0

    def uniform(self, *shape: int) -> FloatArray:
        """Uniform draws; those of one place of one generation are always the same."""
        count = int(np.prod(shape))
        drawn = self._draws(self._generation, self._taken + count)[self._taken :]
        self._taken += count
        return drawn.reshape(shape)

    def normal(self, rows: int, columns: int) -> FloatArray:
        """Normal draws. Source: Box and Muller, Annals of Mathematical Statistics 29 (1958)."""
        radius, angle = self.uniform(2, rows, columns)
        drawn: FloatArray = np.sqrt(-2.0 * np.log(radius)) * np.cos(2.0 * np.pi * angle)
        return drawn


def _first(space: Space, seeds: FloatArray, draws: Draws, effort: Effort) -> FloatArray:
    stream = _Stream(draws, 0)
    drawn = stream.normal(effort.population, space.width)
    # Lengths spread evenly up to the bound: draws of unit deviation all lie near one distance.
    far = distances(space, drawn)
    aimed = space.most_distance * (np.arange(effort.population) + 1.0) / effort.population
    drawn[:, : space.priced] *= (aimed / np.maximum(far, 1e-300))[:, None]
    drawn[:, space.priced :] = stream.uniform(effort.population, space.width - space.priced)
    return within(space, np.concatenate([seeds, drawn])[: effort.population])


def _children(points: FloatArray, marks: FloatArray, stream: _Stream, effort: Effort) -> FloatArray:
    count, width = effort.population - effort.elite, points.shape[1]
    first = points[_winners(marks, stream, (count, effort.tournament))]
    second = points[_winners(marks, stream, (count, effort.tournament))]
    # Blend: anywhere between the parents, and half their distance beyond either.
    share = (1.0 + 2.0 * _BLEND) * stream.uniform(count, width) - _BLEND
    is_mutated = stream.uniform(count, width) < _CHANCE
    children = first + share * (second - first)
    moved: FloatArray = children + is_mutated * effort.mutation * stream.normal(count, width)
    return moved


def _winners(marks: FloatArray, stream: _Stream, shape: tuple[int, int]) -> Int64Array:
    """The best of each tournament; of equals the earlier point."""
    drawn = np.sort((stream.uniform(*shape) * len(marks)).astype(np.int64), axis=1)
    return drawn[np.arange(shape[0]), np.argmin(marks[drawn], axis=1)]


def _nearest(points: FloatArray, values: FloatArray, marks: FloatArray) -> FloatArray:
    """Of the points that break the platform the few nearest ones."""
    broken = np.flatnonzero(values >= 1.0)
    return points[broken[np.argsort(marks[broken], kind="stable")[:_ARCHIVED]]]
