"""The rule on plain positions, in doubles that hold exact cents, so that it runs in vectors.

A position is plain when it is small (`SMALL`), usably priced, marginable, unlevered and has a
beta: nearly all are. Everything else takes the exact lines of `lines.py`. Both give the same
cents: whole numbers of this size are exact in a double, and `TIE` is larger than the error of one
product and smaller than the grain of a rate (1e-6); a test holds the two together.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book.series import USABLE, Series
from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import PPM, RELATIVE_TIE, TIE
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import input_states

SMALL = 1 << 29
"""Cents up to which a position's value may be plain: 5.4 million USD."""
FEW = 1 << 40
"""Micro-units below which it may be: 1.1 million units, whose dollar floors are as small."""
_TIE = 5e-7

Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]


class PlainTerms(NamedTuple):
    """Terms of each symbol as factors of value."""

    is_plain: npt.NDArray[np.bool_]
    states: npt.NDArray[np.int32]
    stress: Table
    points: Table
    reach: Table
    """Farthest fall and farthest rise of the class group, both positive; negative: never alone."""


class PlainRates(NamedTuple):
    """4210(c) rates as factors of value, floors in cents a unit."""

    long: float
    short: float
    short_below: float
    floor: float
    floor_below: float
    threshold: float
    initial_long: float
    initial_short: float


@njit(**OWNS)
def plain_terms(series: Series, rules: Rules) -> PlainTerms:
    """Factors of every symbol under the rules of the day."""
    count, moves, points = len(series.price), len(rules.stress_moves), rules.points.shape[1]
    is_plain = np.zeros(count, dtype=np.bool_)
    states = np.zeros(count, dtype=np.int32)
    stress = np.zeros((count, moves))
    table = np.zeros((count, points))
    reach = np.full((count, 2), -1.0)
    for s in range(count):
        states[s] = input_states(series, s)
        is_priced = series.price_state[s] <= USABLE
        plain = is_priced and series.is_marginable[s] and series.leverage[s] == PPM
        for j in range(moves):
            stress[s, j] = series.beta[s] * rules.stress_moves[j]
            # Not so for a NaN either: without a beta nothing is plain.
            plain = plain and abs(stress[s, j]) <= 1.0
        for k in range(points):
            table[s, k] = rules.points[series.range_class[s], k] / PPM
        if rules.product_group[series.range_class[s]] < 0:
            reach[s, 0], reach[s, 1] = -table[s].min(), table[s].max()
        is_plain[s] = plain
    return PlainTerms(is_plain, states, stress, table, reach)


@inner(**OWNS)
def plain_rates(rules: Rules) -> PlainRates:
    """The rates of 4210(c) as factors."""
    return PlainRates(
        rules.long_maintenance / PPM,
        rules.short_maintenance / PPM,
        rules.short_below / PPM,
        float(rules.short_floor),
        float(rules.short_below_floor),
        float(rules.short_threshold),
        rules.initial_long / PPM,
        rules.initial_short / PPM,
    )


@inner(**BORROWS, forceinline=True)
def plain_line(value: float, rate: float) -> float:
    """Absolute value x rate, rounded half up to the cent."""
    return float(np.floor(value * rate + (0.5 + _TIE)))


class Short(NamedTuple):
    """A plain short position."""

    size: float
    """Absolute value, cents."""
    units: float
    below: bool
    """Which side of the price threshold its price is on."""


@inner(**BORROWS, forceinline=True)
def plain_maintenance(short: Short, rates: PlainRates) -> float:
    """4210(c)(2) and (3) of a short position: `lines.short_line` in doubles."""
    if short.below:
        rate, floor = rates.short_below, rates.floor_below
    else:
        rate, floor = rates.short, rates.floor
    return max(plain_line(short.size, rate), plain_line(short.units, floor))


@inner(**BORROWS, forceinline=True)
def add_long(
    value: float, stress: Table, s: int, rates: PlainRates, into: tuple[FloatArray, FloatArray]
) -> None:
    """Adds a long position's P&L and its requirement struck again, scenario by scenario."""
    pnl, restruck = into
    for j in range(len(pnl)):
        exact = value * stress[s, j]
        size = np.floor(abs(exact) + (0.5 + TIE + abs(exact) * RELATIVE_TIE))
        line = size if exact >= 0.0 else -size
        pnl[j] += line
        restruck[j] += np.floor((value + line) * rates.long + (0.5 + _TIE))


@inner(**BORROWS, forceinline=True)
def add_short(
    short: Short, stress: Table, s: int, rates: PlainRates, into: tuple[FloatArray, FloatArray]
) -> None:
    """The same for a short position.

    A value on the price threshold, rounded, keeps the side that the position is on today.
    """
    pnl, restruck = into
    value, units = -short.size, short.units
    threshold = np.floor(units * rates.threshold + (0.5 + _TIE))
    if short.below:
        threshold = max(threshold, 1.0 - value)
    floor = np.floor(units * rates.floor + (0.5 + _TIE))
    floor_below = np.floor(units * rates.floor_below + (0.5 + _TIE))
    for j in range(len(pnl)):
        exact = value * stress[s, j]
        size = np.floor(abs(exact) + (0.5 + TIE + abs(exact) * RELATIVE_TIE))
        line = size if exact >= 0.0 else -size
        pnl[j] += line
        owed = -(value + line)
        above = max(np.floor(owed * rates.short + (0.5 + _TIE)), floor)
        low = max(np.floor(owed * rates.short_below + (0.5 + _TIE)), floor_below)
        restruck[j] += low if owed < threshold else above


@inner(**BORROWS, forceinline=True)
def add_scan(value: float, points: Table, s: int, group: FloatArray) -> None:
    """Adds a position's P&L at the points of its class group."""
    for k in range(len(group)):
        exact = value * points[s, k]
        size = np.floor(abs(exact) + (0.5 + _TIE))
        group[k] += size if exact >= 0.0 else -size
