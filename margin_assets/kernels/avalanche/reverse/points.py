"""Points of the reverse stress: a ten-day move, volatility multipliers, and how the move comes.

A point's priced coordinates are independent and of unit deviation where nothing is stressed, so its
distance from the origin is Mahalanobis's: D^2 = z' C^-1 z + sum (ln m / s)^2, z the ten-day move
over sigma sqrt(10), C the correlation, m the multipliers of volatility by class, s the deviation of
their logarithms. Source: Breuer and Csiszar, Systematic stress tests with entropic plausibility
constraints (2010), for distance as plausibility.
"""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray

MANNERS = 3
"""Unpriced coordinates, each 0 to 1: mix of the profiles, correlation weight, lost depth."""


class Space(NamedTuple):
    """Where candidates may lie."""

    root: FloatArray
    """Lower Cholesky factor of the correlation, factors x factors."""
    most_move: FloatArray
    """Largest absolute standardised ten-day move of each factor."""
    most_distance: float
    deviation: float
    """Deviation of the logarithm of a volatility multiplier."""
    classes: int

    @property
    def factors(self) -> int:
        """Number of factors."""
        return len(self.most_move)

    @property
    def priced(self) -> int:
        """Number of coordinates that the distance counts."""
        return self.factors + self.classes

    @property
    def width(self) -> int:
        """Number of all coordinates of a point."""
        return self.priced + MANNERS


class Candidate(NamedTuple):
    """What a point means."""

    move: FloatArray
    """Ten-day move over sigma sqrt(10), one entry a factor."""
    multiplier: FloatArray
    """Of volatility, one entry a class, at least 1."""
    fast: float
    """Share of the fast profile; the rest is the prolonged one."""
    correlation_weight: float
    depth: float
    """Of the market, as a share of the usual, above 0."""


_LEAST_DEPTH = 0.05


def moves(space: Space, points: FloatArray) -> FloatArray:
    """Standardised moves of points, points x factors."""
    return points[:, : space.factors] @ space.root.T


def distances(space: Space, points: FloatArray) -> FloatArray:
    """Mahalanobis distance of each point."""
    return np.sqrt((points[:, : space.priced] ** 2).sum(axis=1))


def candidate(space: Space, point: FloatArray) -> Candidate:
    """What one point means."""
    fast, weight, lost = point[space.priced :]
    return Candidate(
        move=moves(space, point[None, :])[0],
        multiplier=np.exp(space.deviation * point[space.factors : space.priced]),
        fast=float(fast),
        correlation_weight=float(weight),
        depth=float(1.0 - (1.0 - _LEAST_DEPTH) * lost),
    )


def point_of(space: Space, found: Candidate) -> FloatArray:
    """The point of a candidate, within bounds."""
    point = np.empty(space.width)
    point[: space.factors] = np.linalg.solve(space.root, found.move)
    point[space.factors : space.priced] = np.log(found.multiplier) / space.deviation
    lost = (1.0 - found.depth) / (1.0 - _LEAST_DEPTH)
    point[space.priced :] = found.fast, found.correlation_weight, lost
    return within(space, point[None, :])[0]


def within(space: Space, points: FloatArray) -> FloatArray:
    """The points brought within bounds: moves, multipliers from 1 up, distance, manners.

    A move beyond its bound is cut to it; what is still too far is drawn towards the origin along
    its own direction, which breaks no other bound.
    """
    held = points.copy()
    raw = moves(space, held)
    cut = np.clip(raw, -space.most_move, space.most_move)
    is_cut = (raw != cut).any(axis=1)
    if is_cut.any():
        held[is_cut, : space.factors] = np.linalg.solve(space.root, cut[is_cut].T).T
    classes = slice(space.factors, space.priced)
    held[:, classes] = np.maximum(held[:, classes], 0.0)
    held[:, space.priced :] = np.clip(held[:, space.priced :], 0.0, 1.0)
    far = distances(space, held)
    shrink = np.minimum(1.0, space.most_distance / np.maximum(far, 1e-300))
    held[:, : space.priced] *= shrink[:, None]
    return held


def cosine(space: Space, first: FloatArray, second: FloatArray) -> float:
    """Cosine of the angle between two points in the priced coordinates."""
    a, b = first[: space.priced], second[: space.priced]
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length > 0.0 else 0.0


def space_of(correlation: FloatArray, history: FloatArray, multiple: "Multiples") -> Space:
    """Where candidates may lie, from overlapping ten-day moves of the history.

    Args:
        correlation: Of the factors, positive definite.
        history: Standardised ten-day moves, windows x factors.
        multiple: How far beyond the worst of them.

    Raises:
        ValueError: There is no history: nothing says what is plausible.
    """
    if len(history) == 0:
        msg = "reverse stress has no factor history: nothing says what is plausible"
        raise ValueError(msg)
    root: FloatArray = np.linalg.cholesky(correlation).astype(np.float64)
    whitened = np.linalg.solve(root, history.T)
    return Space(
        root=root,
        most_move=multiple.move * np.abs(history).max(axis=0),
        most_distance=multiple.distance * float(np.sqrt((whitened**2).sum(axis=0)).max()),
        deviation=multiple.deviation,
        classes=multiple.classes,
    )


class Multiples(NamedTuple):
    """How far beyond history a candidate may lie."""

    move: float
    distance: float
    deviation: float
    classes: int
