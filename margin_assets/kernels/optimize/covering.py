"""The least that covering a need costs: a bound by one price of the need, and where to split a box.

The least of sum cost_i(x_i) over a box lo <= x <= hi with sum rate_i x_i >= need. A cost is 0 at 0,
else max(least, charge x) + slope x + curve x^1.5: a start that costs, then convex. For every price
p >= 0 of a unit of the need, p need + sum min (cost_i(x) - p rate_i x) is a bound; the highest is
that of the linear relaxation over the convex hulls of the costs. Source: Everett, Operations
Research 11 (1963).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner

_HALVINGS = 60
_SMALL = 1e-9
NOWHERE = -1


class Costs(NamedTuple):
    """Numbers of each cost, one entry an item; none is negative."""

    least: FloatArray
    charge: FloatArray
    slope: FloatArray
    curve: FloatArray


class Cover(NamedTuple):
    """What is known of a box."""

    bound: float
    """No whole or other numbers of the box that cover the need cost less; infinite if none do."""
    amounts: FloatArray
    """Amounts that cover the need at about the price of the bound."""
    item: int
    """Which amount to split the box on, or `NOWHERE`: all are whole."""
    floor: int
    """Last whole amount of the lower part."""


@njit(**BORROWS)
def cost_at(costs: Costs, i: int, amount: float) -> float:
    """What an amount of an item costs."""
    if amount <= 0.0:
        return 0.0
    start = max(costs.least[i], costs.charge[i] * amount)
    return start + costs.slope[i] * amount + costs.curve[i] * amount * np.sqrt(amount)


@inner(**BORROWS)
def _best(costs: Costs, i: int, worth: float, lo: float, hi: float) -> float:
    """Amount within bounds at which cost less its worth is least; of equals the smallest."""
    over, steep = worth - costs.slope[i], 1.5 * costs.curve[i]
    charge = costs.charge[i]
    kink = costs.least[i] / charge if charge > 0.0 else np.inf
    if over <= 0.0:
        amount = 0.0
    elif steep > 0.0:
        amount = (over / steep) ** 2
        if amount > kink:
            amount = max(kink, (max(over - charge, 0.0) / steep) ** 2)
    else:
        amount = np.inf if over > charge else kink
    amount = min(max(amount, lo), hi)
    if lo <= 0.0 and cost_at(costs, i, amount) >= worth * amount:
        return 0.0
    return amount


@inner(**BORROWS)
def _at_price(
    costs: Costs,
    rate: FloatArray,
    box: tuple[Int64Array, Int64Array],
    price: float,
    out: FloatArray,
) -> tuple[float, float]:
    """Writes the best amounts at a price; what they cost less their worth, and what they cover."""
    rest = covered = 0.0
    for i in range(len(rate)):
        worth = price * rate[i]
        out[i] = _best(costs, i, worth, float(box[0][i]), float(box[1][i]))
        rest += cost_at(costs, i, out[i]) - worth * out[i]
        covered += rate[i] * out[i]
    return rest, covered


@njit(**OWNS)
def least_at(
    costs: Costs, rate: FloatArray, box: tuple[Int64Array, Int64Array], price: float
) -> float:
    """The least that amounts of a box cost less what they cover, at a price of the need."""
    return _at_price(costs, rate, box, price, np.empty(len(rate)))[0]


@njit(**OWNS)
def cover(costs: Costs, rate: FloatArray, box: tuple[Int64Array, Int64Array], need: float) -> Cover:
    """The bound of a box, amounts near it, and where to split it. Rates are not negative."""
    count = len(rate)
    over, under = np.empty(count), np.empty(count)
    most, size = 0.0, 1.0
    for i in range(count):
        most += rate[i] * box[1][i]
        size += cost_at(costs, i, float(box[1][i]))
    if most < need:
        return Cover(np.inf, over, NOWHERE, 0)
    low, bound = 0.0, 0.0
    rest, covered = _at_price(costs, rate, box, low, under)
    bound = rest
    high = size / max(need, 1.0)
    rest, covered = _at_price(costs, rate, box, high, over)
    while covered < need and high < 1e300:
        bound = max(bound, rest + high * need)
        low, high = high, 4.0 * high
        _at_price(costs, rate, box, low, under)
        rest, covered = _at_price(costs, rate, box, high, over)
    bound = max(bound, rest + high * need)
    trial = np.empty(count)
    for _ in range(_HALVINGS):
        price = 0.5 * (low + high)
        rest, covered = _at_price(costs, rate, box, price, trial)
        bound = max(bound, rest + price * need)
        if covered >= need:
            high = price
            over[:] = trial
        else:
            low = price
            under[:] = trial
    item, floor = _split(rate, box, need, over, under)
    return Cover(bound * (1.0 - _SMALL), over, item, floor)


@inner(**BORROWS)
def _split(
    rate: FloatArray,
    box: tuple[Int64Array, Int64Array],
    need: float,
    over: FloatArray,
    under: FloatArray,
) -> tuple[int, int]:
    """The item that jumps furthest from too little to enough, else the one furthest from whole."""
    covered, widest, item = 0.0, 0.5, NOWHERE
    for i in range(len(rate)):
        covered += rate[i] * under[i]
        if over[i] - under[i] > widest and rate[i] * (over[i] - under[i]) > _SMALL:
            widest, item = over[i] - under[i], i
    if item != NOWHERE:
        wanted = under[item] + (need - covered) / rate[item]
        floor = np.floor(min(max(wanted, float(box[0][item])), float(box[1][item] - 1)))
        return item, np.int64(floor)
    furthest = _SMALL
    for i in range(len(rate)):
        part = over[i] - np.floor(over[i])
        if min(part, 1.0 - part) > furthest:
            furthest, item = min(part, 1.0 - part), i
    return item, np.int64(np.floor(over[item])) if item != NOWHERE else np.int64(0)
