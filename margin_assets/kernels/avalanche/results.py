"""What a run hands back: one row a path, all money in dollars; N paths in the order asked for."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

Float32Array = npt.NDArray[np.float32]

NEVER = -1
"""Hour of what did not happen."""


class Results(NamedTuple):
    """Paths, and their state at the hour of the peak need.

    Need is the sum of margin calls that fell due less margin that came back, whoever paid: neither
    sale proceeds nor draws are in it. A path stops counting at its default.
    """

    path: Int64Array
    scenario: Int64Array
    """(N) Row of the scenario that the path ran in."""
    peak_need: FloatArray
    peak_hour: Int64Array
    exhaustion_hour: Int64Array
    """(N) First hour when dues known for the look-ahead exceed cash, collateral after haircut and
    facility still callable in time; NEVER."""
    gap_hour: Int64Array
    """(N) First hour when what was turned and drawn left something short, for which arms B and C
    sell: until then a path is the same in every arm; NEVER. Unlimited funding asks for nothing."""
    default_hour: Int64Array
    default_entity: Int64Array
    """(N) The first entity in default, or NEVER."""
    max_day_call: FloatArray
    """(N) Largest sum of margin that fell due in a business day, returns not netted."""
    max_hour_call: FloatArray
    gross_calls: FloatArray
    """(N) All margin calls struck, returns not netted."""
    im_peak_ratio: FloatArray
    """(N) Largest charged initial margin over that before the first hour."""
    sold: FloatArray
    """(N) Exposure sold, dollars."""
    impact_cost: FloatArray
    """(N) Cost of sales: two thirds of the impact plus half spread."""
    facility_drawn: FloatArray
    """(N) Drawn by the end, that of before the run included."""
    hqla_left: FloatArray
    """(N) Collateral left, market value today."""
    cash_left: FloatArray
    arrears: FloatArray
    """(N) Dues unpaid at the end."""
    pnl: FloatArray
    """(N) Of all positions, costs of sale deducted."""
    balance: FloatArray
    """(N) Cash that conservation leaves unexplained: zero up to rounding (law 2)."""
    need_by_hour: Float32Array
    """(N, hours of the run and of its tail); after a default the last one stays."""
    need_by_account: Float32Array
    """(N, days, K) Need at the end of each business day."""
    peak_by_set: Float32Array
    """(N, S) Calls less returns of each set at the peak hour; a row sums to the peak need."""
    peak_level: Float32Array
    """(N, F) Sum of the factor's returns at the peak hour."""
    peak_sigma: Float32Array
    """(N, F) Daily volatility at the peak hour, scenario multiplier not in it."""
    peak_left: Float32Array
    """(N, U) Remaining fraction of the unit at the peak hour."""


def replaced(whole: Results, places: Int64Array, part: Results) -> Results:
    """All paths, those at the places being others."""
    columns: list[Any] = [np.array(column) for column in whole]
    for column, other in zip(columns, part, strict=True):
        column[places] = other
    return Results(*columns)


class Trace(NamedTuple):
    """Sampled paths told by hour: a second run of the same loop with recording on. P paths."""

    results: Results
    events: npt.NDArray[Any]
    """Records `EVENT`, by path, hour and order of happening."""
    level: FloatArray
    """(P, hours, F) Sum of returns."""
    sigma: FloatArray
    """(P, hours, F) Daily volatility."""
    left: FloatArray
    """(P, hours, U) Remaining fraction after the hour."""
    moved: FloatArray
    """(P, hours, U) Sum of q dX: a set's mark is sum delta x moved + gamma / 2 x curved + theta x
    lasted, exactly, whatever was sold in between."""
    curved: FloatArray
    """(P, hours, U) Sum of q d(X^2)."""
    lasted: FloatArray
    """(P, hours, U) Sum of q over hours."""
    ratio: FloatArray
    """(P, hours, M, F) Volatility ratio v that each estimator charges."""
    liquidity: FloatArray
    """(P, hours, LIQUIDITY) Columns named in `LIQUIDITY`, all entities together."""


CALL, RETURN, PAID, TURNED, DRAWN, SOLD, DEFAULT = range(7)
"""Kinds of events: call struck, margin returned, dues paid, collateral turned, facility asked for,
forced sale, default."""

EVENT = np.dtype(
    [
        ("path", np.int64),
        ("hour", np.int64),
        ("kind", np.int64),
        ("subject", np.int64),  # set; account of a payment; asset; facility; unit; entity
        ("amount", np.float64),
        # Of a call or return: variation and initial margin in it, negative in a return; what
        # rounding adds is initial margin. Of a sale: proceeds, margin that it frees, cost.
        ("vm", np.float64),
        ("im", np.float64),
        ("addon", np.float64),  # of a call or return: the add-ons charged after it
        ("due_hour", np.int64),
        ("disputed", np.float64),  # the amount again, where it is what was disputed
    ]
)
"""One event; `amount` is what changed hands or was asked for, dollars; a return is positive too.

A disputed call is two events, of what is paid in time and of what comes later. The sum of `vm` and
`im` over a set's calls and returns due by the peak hour is its need there."""

LIQUIDITY = (
    "need",
    "cash",
    "hqla",
    "undrawn",
    "known_dues",
    "arrears",
    "turned",
    "drawn",
    "raised",
    "charged",
    "nav",
)
"""Need; cash above minimum; collateral after haircut; facility not yet asked for; dues known within
the look-ahead; unpaid; cumulative cash from collateral, from facilities, from sales; initial margin
charged; net asset value."""
