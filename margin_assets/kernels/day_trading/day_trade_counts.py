"""Day trades of a tape of fills, in one compiled pass."""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, inner
from margin_assets.kernels.numeric.money import MAX_POSITION, PPM, rate_line, units_of, value_cents

MOST = 10**18
"""Cents that no cost is counted beyond: four times it still fits."""
_HEAVIEST = 16 * PPM


class Tape(NamedTuple):
    """Fills by account and time, and the groups and positions they belong to."""

    group: Int64Array
    """Account and business day."""
    pair: Int64Array
    """Account and security."""
    quantity: Int64Array
    """Contracts or shares (micro)."""
    price: Int64Array
    multiplier: Int64Array
    """Micro-units a contract."""
    weight: Int64Array
    """What the fill takes of buying power, in ppm of its cost; at most `_HEAVIEST`."""


class Positions(NamedTuple):
    """State of each account's securities, and of what is left of each fill."""

    held: Int64Array
    opened: Int64Array
    """Of what is held, the part opened today."""
    group: Int64Array
    side: Int64Array
    """Direction of the last fill today; 0 if none."""
    is_armed: Int64Array
    """1 after an opening fill that no day trade has been counted for."""
    first: Int64Array
    """First of today's opening fills that is not all closed."""
    last: Int64Array
    left: Int64Array
    following: Int64Array


class Counts(NamedTuple):
    """By account and day."""

    day_trades: Int64Array
    trades: Int64Array
    commitment: Int64Array


def at_rest(held: Int64Array, fills: int) -> Positions:
    """Positions by pair before the first fill, and room for so many fills."""
    none = np.full(len(held), -1, dtype=np.int64)
    return Positions(
        held=held.copy(),
        opened=np.zeros_like(held),
        group=none.copy(),
        side=np.zeros_like(held),
        is_armed=np.zeros_like(held),
        first=none.copy(),
        last=none.copy(),
        left=np.zeros(fills, dtype=np.int64),
        following=np.full(fills, -1, dtype=np.int64),
    )


@njit(**BORROWS)
def count(tape: Tape, state: Positions, counts: Counts) -> None:
    """Counts day trades and trades of a tape, and the largest commitment of each day."""
    cost, group = 0, -1
    for i in range(len(tape.quantity)):
        p = tape.pair[i]
        if tape.group[i] != group:
            group, cost = tape.group[i], 0
        if state.group[p] != group:
            state.group[p], state.opened[p], state.side[p] = group, 0, 0
            state.is_armed[p], state.first[p], state.last[p] = 0, -1, -1
        cost = min(cost + _take(tape, state, counts, i), MOST)
        counts.commitment[group] = max(counts.commitment[group], cost)


@inner(**BORROWS)
def _take(tape: Tape, state: Positions, counts: Counts, i: int) -> int:
    """Takes one fill; returns what it adds to the cost of what was opened today, cents."""
    p, group, quantity = tape.pair[i], tape.group[i], tape.quantity[i]
    side = 1 if quantity > 0 else -1
    if state.side[p] != side:
        counts.trades[group] += 1
        state.side[p] = side
    closing = min(abs(quantity), abs(state.held[p])) if state.held[p] * side < 0 else 0
    of_today = min(closing, abs(state.opened[p]))
    if of_today > 0 and state.is_armed[p]:
        counts.day_trades[group] += 1
        state.is_armed[p] = 0
    cost = -_closed_cost(tape, state, p, of_today)
    opening = abs(quantity) - closing
    if opening > 0:
        state.is_armed[p] = 1
        state.left[i] = opening
        if state.first[p] < 0:
            state.first[p] = i
        else:
            state.following[state.last[p]] = i
        state.last[p] = i
        cost += _cost(tape, i, opening)
    state.opened[p] += side * (of_today + opening)
    state.held[p] += quantity
    return cost


@inner(**BORROWS)
def _closed_cost(tape: Tape, state: Positions, p: int, quantity: int) -> int:
    """Cost of so much of what was opened first today, which is closed with it, cents."""
    cost = 0
    while quantity > 0:
        i = state.first[p]
        part = min(quantity, state.left[i])
        cost += _cost(tape, i, state.left[i]) - _cost(tape, i, state.left[i] - part)
        state.left[i] -= part
        quantity -= part
        if state.left[i] == 0:
            state.first[p] = state.following[i]
    return cost


@inner(**BORROWS)
def _cost(tape: Tape, i: int, quantity: int) -> int:
    """Cost of a part of a fill by its weight, cents."""
    units = units_of(quantity, tape.multiplier[i])
    if units > MAX_POSITION:
        return np.int64(MOST)
    cents = value_cents(units, tape.price[i])
    if tape.weight[i] == PPM:
        return min(cents, np.int64(MOST))
    if cents > MOST // (_HEAVIEST // PPM):
        return np.int64(MOST)
    return rate_line(cents, tape.weight[i])
