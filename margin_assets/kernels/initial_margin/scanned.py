"""Models that take the worst of stated moves of one factor, and those that take a share of size."""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.initial_margin.cuts import Exposure, Planes
from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.rules.clearing_rules import Scan

Scans = tuple[tuple[float, float, float], ...]
"""Scenarios: price in scan ranges, volatility in scan ranges, share of the loss covered."""


def scans(scan: Scan) -> Scans:
    """The scenarios of a commodity, two a step of the price and two extreme: 16 of three steps.

    Source: CME, Standard Portfolio Analysis of Risk (SPAN) risk arrays, by way of the rulebook
    `clearing`.
    """
    steps = (0, *(way * step for step in range(1, scan.steps + 1) for way in (1, -1)))
    usual = ((step / scan.steps, way, 1.0) for step in steps for way in (1.0, -1.0))
    extreme = ((way * float(scan.extreme), 0.0, 1.0 / scan.covered) for way in (1.0, -1.0))
    return (*usual, *extreme)


def scan_range(sigma: float, alpha: float, days: float) -> float:
    """The move that a normal return over `days` stays below with probability alpha."""
    return sigma * NormalDist().inv_cdf(alpha) * math.sqrt(days)


def scan_planes(scans: Scans, place: tuple[int, int | None], ranges: FloatArray) -> Planes:
    """The scenarios of one commodity as cuts, and nothing as one more: exact.

    Args:
        scans: The scenarios.
        place: Of the price among the factors of the set, and of its implied volatility; None where
            the set has none.
        ranges: [factor], scan range of each.
    """
    price, volatility = place
    w, w2 = np.zeros((len(scans) + 1, len(ranges))), np.zeros((len(scans) + 1, len(ranges)))
    for cut, (steps, way, share) in enumerate(scans):
        move = steps * ranges[price]
        w[cut, price] = -share * move
        w2[cut, price] = -0.5 * share * move**2
        if volatility is not None:
            w[cut, volatility] = -way * ranges[volatility]
    return Planes(w, w2)


class Scanned(NamedTuple):
    """The cuts of one commodity, and the place of its price among the factors of the set."""

    planes: Planes
    price: int


def credit_plane(groups: list[Scanned], exposure: Exposure, rate: float) -> Planes:
    """Credit between commodities: `rate` of what the lesser side is charged, on both sides.

    A commodity is long or short by the sign of its delta. The form is linear, so the side that is
    the lesser today stays it.
    """
    sides = [Planes(np.zeros((1, len(exposure.delta))), np.zeros((1, len(exposure.delta))))] * 2
    for planes, price in groups:
        charges = (planes.w * exposure.delta + planes.w2 * exposure.gamma).sum(axis=1)
        active = int(charges.argmax())
        side = int(exposure.delta[price] < 0.0)
        held = sides[side]
        sides[side] = Planes(held.w + planes.w[active], held.w2 + planes.w2[active])
    charged = [float((s.w * exposure.delta + s.w2 * exposure.gamma).sum()) for s in sides]
    lesser = sides[int(charged[1] < charged[0])]
    return Planes(-2.0 * rate * lesser.w, -2.0 * rate * lesser.w2)


def point_planes(factors: int, place: int, move: float, points_a_side: int) -> Planes:
    """The worst of evenly spaced price points up to `move` either way, and never below nothing.

    None is unchanged: of five a side each is a fifth of the move from the next.
    Source: FINRA Rule 4210(g)(2)(F), theoretical gains and losses at ten valuation points.
    """
    side = move * np.arange(1, points_a_side + 1) / points_a_side
    moves = np.concatenate([-side[::-1], side, [0.0]])
    w, w2 = np.zeros((len(moves), factors)), np.zeros((len(moves), factors))
    w[:, place] = -moves
    w2[:, place] = -0.5 * moves**2
    return Planes(w, w2)


def gross_plane(exposure: Exposure, rate: float) -> Planes:
    """A share of the gross exposure: one cut, whatever the volatility."""
    w = (rate * np.sign(exposure.delta))[None, :]
    return Planes(w, np.zeros_like(w))
