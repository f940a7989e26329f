"""Credit lines: what can be drawn now, and when it would be cash (section 6, rows 4 and 5)."""

import numpy as np

from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.state import State
from margin_assets.kernels.avalanche.platform import Facilities, Units
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DAY = 24


@inner(**BORROWS)
def notice(facilities: Facilities, line: int, t: int) -> int:
    """Hours from a request now to the cash: after the cut-off it counts from the next day."""
    hour = t % _DAY
    wait = _DAY - hour if hour >= facilities.cut_off[line] else 0
    return wait + facilities.notice[line]


@inner(**BORROWS)
def _is_levered(
    state: State, tables: tuple[Facilities, Units, Plan], place: tuple[int, int, int]
) -> bool:
    facilities, units, plan = tables
    line, e, p = place
    cap = facilities.leverage_cap[line]
    if not np.isfinite(cap):
        return False
    gross = 0.0
    for i in range(plan.units[e], plan.units[e + 1]):
        u = plan.unit_order[i]
        gross += abs(units.exposure[u]) * state.market.left[u, p]
    return gross > cap * state.liquid.nav[e, p]


@inner(**BORROWS)
def _is_refused(
    state: State, tables: tuple[Facilities, Units, Plan], place: tuple[int, int, int], day: int
) -> bool:
    """Whether a covenant, the lender or the count of draws stands against it (law 15)."""
    facilities = tables[0]
    line, e, p = place
    liquid, weather = state.liquid, state.weather
    if not facilities.committed[line] and weather.lines[p] <= 0.0:
        return True
    if facilities.mac[line] and weather.mac[p] > 0.0:
        return True
    if liquid.draws[line, p] >= facilities.draws[line]:
        return True
    window = facilities.nav_window[line]
    reference = liquid.nav_days[max(0, day - window) if window > 0 else 0, e, p]
    if liquid.nav[e, p] < facilities.nav_floor[line] * reference:
        return True
    return _is_levered(state, tables, place)


@inner(**BORROWS)
def callable_now(
    state: State, tables: tuple[Facilities, Units, Plan], place: tuple[int, int, int], t: int
) -> float:
    """Most that can be drawn by a request now, dollars; `place` is the line, entity and path."""
    facilities = tables[0]
    line, e, p = place
    liquid = state.liquid
    amount = facilities.commitment[line] - liquid.drawn[line, p]
    amount = min(amount, facilities.day_limit[line] - liquid.drawn_today[line, p])
    rate = facilities.base_rate[line]
    if np.isfinite(rate):
        amount = min(amount, rate * liquid.nav[e, p] - liquid.drawn[line, p])
    if amount <= 0.0 or amount < facilities.minimum[line]:
        return 0.0
    if _is_refused(state, tables, place, t // _DAY):
        return 0.0
    return amount
