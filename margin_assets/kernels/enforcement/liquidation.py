"""Who is to be liquidated: house semantics, 6.6, by way of the house rulebook."""

import numpy as np
import numpy.typing as npt
from numba import njit

from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.enforcement.rungs import CALL, EXHAUSTED, PERSISTS, Ladder
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, OWNS, inner
from margin_assets.kernels.numeric.money import share_order
from margin_assets.kernels.rules.instants import UNSET
from margin_assets.kernels.rules.rules import Rules


@inner(**BORROWS)
def open_call(ladder: Ladder, a: int) -> int:
    """When the call that is open was made; `UNSET` where none is."""
    return ladder.call_opened[a] if ladder.margin_status[a] == CALL else UNSET


@inner(**BORROWS)
def acts_at(ladder: Ladder, a: int, opened: int, after: int) -> int:
    """When a call made at an instant acts by its age: so long after, or when extended no longer."""
    return max(opened + after, ladder.held_until[a])


@inner(**BORROWS)
def liquidation_reason(figures: Figures, rules: Rules, a: int, old_at: int, point: int) -> int:
    """Why a call that is old from an instant on liquidates: exhausted, or old and large.

    Exhausted is who owes as much as he owns, options at their value. `UNSET` where nothing does.
    """
    deficiency = figures.governing[a] - figures.equity[a]
    if deficiency <= 0:
        return UNSET
    if figures.net_liquidation[a] <= 0:
        return EXHAUSTED
    is_old = point >= old_at
    is_large = share_order(deficiency, figures.governing[a], rules.liquidation_deficiency) > 0
    return PERSISTS if is_old and is_large else UNSET


def liquidated(
    figures: Figures, rules: Rules, ladder: Ladder, at: tuple[int, Int64Array]
) -> Int64Array:
    """Which of some accounts are to be liquidated at a grid point, going by these figures."""
    point, accounts = at
    return accounts[_liquidated(figures, rules, ladder, accounts, point)]


@njit(**OWNS)
def _liquidated(
    figures: Figures, rules: Rules, ladder: Ladder, accounts: Int64Array, point: int
) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(accounts), dtype=np.bool_)
    for k in range(len(accounts)):
        a = accounts[k]
        opened = open_call(ladder, a)
        # A deficiency calls: from this point on, if it has not before.
        since = point if opened == UNSET else opened
        old_at = acts_at(ladder, a, since, rules.liquidation_after)
        reason = liquidation_reason(figures, rules, a, old_at, point)
        found[k] = reason != UNSET and not ladder.is_liquidating[a]
    return found
