"""Where accounts stand on the enforcement ladder, and the words for it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import Int8Array, Int64Array
from margin_assets.kernels.rules.instants import NEVER, UNSET

DIMENSIONS = ("margin_status", "restriction", "liquidation", "minimum_equity")
MARGIN_STATUS, RESTRICTION, LIQUIDATION, MINIMUM_EQUITY = range(4)
STATES = (("ok", "warning", "call"), ("none", "close_only"), ("none", "triggered"), ("ok", "call"))
OK, WARNING, CALL = range(3)
REASONS = (
    "excess_recovered",
    "excess_below_warning_level",
    "deficiency",
    "call_cured",
    "stress",
    "overdue_call",
    "deficiency_persists",
    "equity_exhausted",
    "equity_below_minimum",
    "equity_at_minimum",
)
(
    RECOVERED,
    LOW_EXCESS,
    DEFICIENCY,
    CURED,
    STRESS,
    OVERDUE,
    PERSISTS,
    EXHAUSTED,
    BELOW_MINIMUM,
    AT_MINIMUM,
) = range(len(REASONS))


class Ladder(NamedTuple):
    """Where each account stands. Instants in microseconds, `UNSET` when there is none."""

    margin_status: Int8Array
    call_opened: Int64Array
    is_stressed: npt.NDArray[np.bool_]
    is_overdue: npt.NDArray[np.bool_]
    stress_clear: Int64Array
    is_liquidating: npt.NDArray[np.bool_]
    minimum_call: npt.NDArray[np.bool_]
    held_until: Int64Array
    """Extension of the calls that are open: before it none of them is old. `UNSET` without."""
    deadline: Int64Array
    """Next instant at which time alone may decide; `NEVER` if none."""


class Steps(NamedTuple):
    """Changes of state in the order they were decided: one entry a decision."""

    account: Int64Array
    dimension: Int8Array
    before: Int8Array
    after: Int8Array
    reason: Int8Array
    tightens: Int8Array
    """1 where a state or a reason comes, 0 where it goes."""
    call_opened: Int64Array


class Evaluated(NamedTuple):
    """The accounts evaluated at a grid point."""

    point: int
    accounts: Int64Array
    spared: Int64Array
    """Those not to be liquidated, though their figures say so: these are bounds."""


def empty_ladder(accounts: int) -> Ladder:
    """Accounts that nothing has happened to."""
    return Ladder(
        margin_status=np.zeros(accounts, dtype=np.int8),
        call_opened=np.full(accounts, UNSET, dtype=np.int64),
        is_stressed=np.zeros(accounts, dtype=np.bool_),
        is_overdue=np.zeros(accounts, dtype=np.bool_),
        stress_clear=np.full(accounts, UNSET, dtype=np.int64),
        is_liquidating=np.zeros(accounts, dtype=np.bool_),
        minimum_call=np.zeros(accounts, dtype=np.bool_),
        held_until=np.full(accounts, UNSET, dtype=np.int64),
        deadline=np.full(accounts, NEVER, dtype=np.int64),
    )
