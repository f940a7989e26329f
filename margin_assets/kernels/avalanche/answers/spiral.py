"""The spiral condition: how much more is called by what is sold to meet a call.

rho is the largest absolute eigenvalue of M = (calls by price move) (price move by sale) (sale by
call). Below 1 a cascade ends and a first call grows to 1 / (1 - rho) of itself; from 1 on it ends
only where others buy. Source: the margin and loss spirals of Brunnermeier and Pedersen, Review of
Financial Studies 22 (2009).
"""

import math
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray


class Spiral(NamedTuple):
    """The condition and where it comes from."""

    rho: float
    multiplier: float
    """1 / (1 - rho); infinite from rho 1 on."""
    is_stable: bool
    by_factor: FloatArray
    """Each factor's own part: call by its move x its move by its sale x its sale by a call."""


def spiral(call_by_move: FloatArray, move_by_sale: FloatArray, sale_by_call: FloatArray) -> Spiral:
    """The spiral condition at one state.

    Args:
        call_by_move: USD called per unit return, callers x factors: positive where a rise is
            called for, so a long exposure has minus its delta.
        move_by_sale: Return per USD of net sale, factors x factors; selling lowers prices, so the
            diagonal is negative.
        sale_by_call: USD of net sale per USD called, factors x callers: negative for a short, which
            is bought back.
    """
    matrix = call_by_move @ move_by_sale @ sale_by_call
    rho = float(np.abs(np.linalg.eigvals(matrix)).max()) if matrix.size else 0.0
    parts = np.einsum("cf,ff,fc->f", call_by_move, move_by_sale, sale_by_call)
    multiplier = 1.0 / (1.0 - rho) if rho < 1.0 else math.inf
    return Spiral(rho, multiplier, rho < 1.0, parts)


class Depth(NamedTuple):
    """What a factor's market takes, one entry a factor."""

    volatility: FloatArray
    """Daily deviation of the return, now."""
    volume: FloatArray
    """USD of exposure a day."""
    crowd: FloatArray
    """All forced sellers over us, at least 1."""


def impact_slopes(depth: Depth, sale: FloatArray, permanent: float, transient: float) -> FloatArray:
    """Return per USD sold at a size of sale, one entry a factor, positive.

    The chord of permanent sigma Q / ADV + transient sigma sqrt(Q / ADV) with Q the sale times the
    crowd: the square root has no slope at 0, so the size must be stated.
    """
    flow = np.maximum(sale, 1.0) * depth.crowd
    share = flow / depth.volume
    move = depth.volatility * (permanent * share + transient * np.sqrt(share))
    return move / np.maximum(sale, 1.0)
