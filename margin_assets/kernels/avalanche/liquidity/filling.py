"""How much of each unit is sold for a gap: least cost, vertical slice, or by order (section 7)."""

from numba import njit

from margin_assets.kernels.avalanche.scenario import LINEAR
from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, inner

CAP, RAISES, SLOPE, HELD, AMOUNT = range(5)
"""Rows of a choice, one column a unit: most that can go, what a dollar of it frees, slope of its
cost, what is held, what goes."""
_FREE = -1.0


@inner(**BORROWS)
def _without_cost(choice: FloatArray, chosen: Int64Array, gap: float) -> float:
    """Sells what costs nothing first, frees the rest for the choice; the gap that stays."""
    for u in chosen:
        choice[AMOUNT, u] = _FREE
        if choice[CAP, u] <= 0.0:
            choice[AMOUNT, u] = 0.0
        elif choice[SLOPE, u] <= 0.0:
            choice[AMOUNT, u] = min(choice[CAP, u], max(0.0, gap) / choice[RAISES, u])
            gap -= choice[AMOUNT, u] * choice[RAISES, u]
    return gap


@inner(**BORROWS)
def _ideal(choice: FloatArray, u: int, scale: float, kind: int) -> float:
    """Amount at which the marginal cost of a dollar raised is mu.

    (mu g / 1.5 k)^2 of the cost k x^1.5, with mu^2 as `scale`; mu g / 2 k of the cost k x^2 that
    linear impact has, with mu.
    """
    if kind == LINEAR:
        return scale * choice[RAISES, u] / (2.0 * choice[SLOPE, u])
    return scale * choice[RAISES, u] ** 2 / (2.25 * choice[SLOPE, u] ** 2)


@njit(**BORROWS)
def fill_cheapest(choice: FloatArray, chosen: Int64Array, gap: float, kind: int) -> None:
    """Least cost by the kind of impact that raises the gap, each x up to its cap.

    The cost is the sum of k x^1.5, or of k x^2; its multiplier mu is exact.
    Units over their cap at one mu are over it at every larger mu, and mu only grows as units are
    capped: each round fixes some for good. A gap beyond all caps sells the caps.
    """
    gap = _without_cost(choice, chosen, gap)
    scale, capped = 0.0, True
    while capped:
        capped, weight = False, 0.0
        for u in chosen:
            if choice[AMOUNT, u] == _FREE:
                weight += choice[RAISES, u] * _ideal(choice, u, 1.0, kind)
        if weight <= 0.0:
            return
        scale = max(0.0, gap) / weight
        for u in chosen:
            if choice[AMOUNT, u] == _FREE and _ideal(choice, u, scale, kind) >= choice[CAP, u]:
                choice[AMOUNT, u] = choice[CAP, u]
                gap -= choice[CAP, u] * choice[RAISES, u]
                capped = True
    for u in chosen:
        if choice[AMOUNT, u] == _FREE:
            choice[AMOUNT, u] = _ideal(choice, u, scale, kind)


@inner(**BORROWS)
def fill_pro_rata(choice: FloatArray, chosen: Int64Array, gap: float) -> None:
    """The same fraction of all that is held and frees anything, each up to its cap."""
    freed = 0.0
    for u in chosen:
        if choice[CAP, u] > 0.0:
            freed += choice[RAISES, u] * choice[HELD, u]
    fraction = min(1.0, max(0.0, gap) / freed) if freed > 0.0 else 0.0
    for u in chosen:
        choice[AMOUNT, u] = min(choice[CAP, u], fraction * choice[HELD, u])


@inner(**BORROWS)
def fill_in_order(choice: FloatArray, chosen: Int64Array, gap: float) -> None:
    """One unit after the other, in the order given."""
    for u in chosen:
        choice[AMOUNT, u] = 0.0
        if gap > 0.0 and choice[CAP, u] > 0.0:
            choice[AMOUNT, u] = min(choice[CAP, u], gap / choice[RAISES, u])
            gap -= choice[AMOUNT, u] * choice[RAISES, u]
