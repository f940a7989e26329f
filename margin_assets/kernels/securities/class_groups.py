"""Class groups of portfolio margin at the valuation points, and what they offset one another by.

Source: FINRA Rule 4210(g) by way of the rulebook `tims`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import (
    rate_line,
)
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.securities.lines import (
    Carried,
    scan_line,
    stressed_maintenance,
)


class Scanned(NamedTuple):
    """Sums while an account's class groups are walked, cents."""

    group: Int64Array
    """P&L of the class group at hand, at each point."""
    products: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    """P&L of each product group, at each point."""
    minimums: Int64Array
    """The contracts' minimum of each product group."""


@njit(**OWNS)
def nothing_scanned(rules: Rules) -> Scanned:
    """Room for the class groups of one account after the other."""
    count, points = len(rules.product_offset), rules.points.shape[1]
    return Scanned(
        np.zeros(points, dtype=np.int64),
        np.zeros((count, points), dtype=np.int64),
        np.zeros(count, dtype=np.int64),
    )


@njit(**BORROWS, forceinline=True)
def clear_products(scanned: Scanned) -> None:
    """Forgets the product groups; a class group's own sums go when it is closed."""
    # Loops, since assigning a slice costs more than the few numbers in it.
    for g in range(len(scanned.minimums)):
        scanned.minimums[g] = 0
        for k in range(len(scanned.group)):
            scanned.products[g, k] = 0


@njit(**BORROWS, forceinline=True)
def close_group(rules: Rules, range_class: int, minimum: int, scanned: Scanned) -> int:
    """Requirement of a class group that stands alone; 0 for one put into its product group.

    Inside a product group losses count whole and gains at the offset, point by point. `minimum`
    is the group's contracts' own. Its sums are 0 afterwards.
    """
    product = rules.product_group[range_class]
    worst = 0
    for k in range(len(scanned.group)):
        pnl = scanned.group[k]
        scanned.group[k] = 0
        if product < 0:
            worst = min(worst, pnl)
        elif pnl < 0:
            scanned.products[product, k] += pnl
        else:
            scanned.products[product, k] += rate_line(pnl, rules.product_offset[product])
    if product >= 0:
        scanned.minimums[product] += minimum
        return 0
    return max(-worst, minimum)


@njit(**BORROWS, forceinline=True)
def offset_groups(scanned: Scanned) -> int:
    """Requirement of the product groups: the worst point, at least the contracts' minimum."""
    total = 0
    for g in range(len(scanned.minimums)):
        worst = 0
        for k in range(scanned.products.shape[1]):
            worst = min(worst, scanned.products[g, k])
        total += max(-worst, scanned.minimums[g])
    return total


@inner(**BORROWS, forceinline=True)
def scan_security(
    held: Carried, line: int, rules: Rules, range_class: int, group: Int64Array
) -> int:
    """Adds a security's P&L at the points to its class group; what is required of it whole.

    It moves from its value after a stress line. What is not marginable is not netted.
    """
    if not held.marginable:
        return stressed_maintenance(held, line, rules)
    for k in range(len(group)):
        group[k] += scan_line(held.value + line, rules.points[range_class, k], held.leverage)
    return 0
