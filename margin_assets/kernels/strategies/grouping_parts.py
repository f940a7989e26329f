"""Parts of a class group: legs and stocks that may be in one group, directly or not.

What its groups save is measured against each position of the part alone.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import Int32Array, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.strategies.strategies import (
    NONE,
    Records,
    StrategyRates,
    loan_value,
    naked,
)


class Part(NamedTuple):
    """Legs and stocks that are grouped with one another."""

    legs: Records
    stocks: Records
    rates: StrategyRates
    ids: Int32Array
    """Positions in `legs`, in canonical order."""
    stock_ids: Int32Array
    shares: Int64Array
    """Shares of each stock of `stocks` that are there to be used."""


@njit(**OWNS)
def labels(legs: Records, stocks: Records) -> tuple[Int32Array, Int32Array]:
    """A label for each leg and stock: the same where they may be in one group, directly or not."""
    label, stock_label = np.empty(len(legs), np.int32), np.empty(len(stocks), np.int32)
    for i in range(len(legs)):
        label[i] = legs[i].underlying
    for s in range(len(stocks)):
        stock_label[s] = stocks[s].underlying
    for s in range(len(stocks)):
        index = stocks[s].covers_index
        if index == NONE:
            continue
        for i in range(len(label)):
            if legs[i].underlying == index:
                joined, kept = label[i], stock_label[s]
                for o in range(len(label)):
                    label[o] = kept if label[o] == joined else label[o]
                for o in range(len(stock_label)):
                    stock_label[o] = kept if stock_label[o] == joined else stock_label[o]
                break
    return label, stock_label


@njit(**OWNS)
def positions(label: Int32Array, of: int) -> Int32Array:
    """Places that have a label."""
    found = np.empty(len(label), dtype=np.int32)
    count = 0
    for i in range(len(label)):
        if label[i] == of:
            found[count] = i
            count += 1
    return found[:count]


@inner(**BORROWS)
def is_first(label: Int32Array, i: int) -> bool:
    """Whether no place before has the label of place i."""
    for o in range(i):
        if label[o] == label[i]:
            return False
    return True


@inner(**BORROWS)
def size(legs: Records, stocks: Records) -> float:
    """More micro-dollars than any sum over the class group comes to."""
    size = 0.0
    for i in range(len(legs)):
        price = float(legs[i].spot) * (2.0 + legs[i].base / MICRO + legs[i].floor / MICRO)
        value = (price + 2.0 * legs[i].strike) * legs[i].units + legs[i].price * legs[i].quoted
        size += value / MICRO * abs(float(legs[i].contracts))
    for s in range(len(stocks)):
        price = float(stocks[s].price) + stocks[s].maintenance + stocks[s].initial
        size += price * abs(float(stocks[s].shares)) / MICRO
    return size


@njit(**OWNS)
def alone(part: Part) -> Int64Array:
    """Maintenance of one contract of each leg on its own; loan value is negative."""
    lone = np.empty(len(part.ids), dtype=np.int64)
    for p in range(len(part.ids)):
        i = part.ids[p]
        leg = part.legs[i]
        lone[p] = naked(leg) if leg.contracts < 0 else -loan_value(leg)
    return lone
