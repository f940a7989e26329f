"""Step 8, one entity on one path that is short: exhaustion, collateral, facilities (section 6)."""

from margin_assets.kernels.avalanche.liquidity.lines import callable_now, notice
from margin_assets.kernels.avalanche.liquidity.outlook import (
    cash_share,
    delay,
    open_wait,
    opening,
    receive,
    relieve,
    shortage,
)
from margin_assets.kernels.avalanche.liquidity.posting import (
    give,
    look_for_room,
    post,
    post_called,
)
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.state import State
from margin_assets.kernels.avalanche.paths.tape import Tape, note
from margin_assets.kernels.avalanche.platform import Platform
from margin_assets.kernels.avalanche.results import DRAWN
from margin_assets.kernels.avalanche.scenario import Settings
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_CENT = 0.01

Place = tuple[int, int, int, int]
"""Entity, hour, path in the block, number of the path."""


@inner(**BORROWS)
def is_exhausted(state: State, tables: tuple[Platform, Plan, Settings], place: Place) -> bool:
    """Whether all that could be turned or drawn in time leaves a due uncovered (section 5)."""
    platform, plan, settings = tables
    e, t, p, _ = place
    liquid, ahead = state.liquid, settings.look_ahead
    rest = liquid.scratch
    for tau in range(ahead + 1):
        rest[tau, p] = liquid.outlook[tau, p]
    look_for_room(state, (t, p, ahead))
    collateral, lines = platform.collateral, platform.facilities
    for a in range(len(collateral.account)):
        k = collateral.account[a]
        if platform.accounts.entity[k] == e:
            share = cash_share(collateral, state.weather, state.market, platform.factors, (a, p))
            worth = post(rest, liquid.room, plan, (a, p, ahead), share * liquid.hqla[a, p])
            wait = open_wait(plan, k, t, opening(collateral, a, t))
            relieve(rest, wait, ahead, p, worth)
    for n in range(len(lines.account)):
        k = lines.account[n]
        if platform.accounts.entity[k] == e:
            amount = callable_now(state, (lines, platform.units, plan), (n, e, p), t)
            relieve(rest, open_wait(plan, k, t, notice(lines, n, t)), ahead, p, amount)
    return shortage(rest, 0, ahead, p) > _CENT


@inner(**BORROWS)
def turn(state: State, tape: Tape, tables: tuple[Platform, Plan, Settings], place: Place) -> None:
    """Posts collateral where it is taken, and turns it into cash, as far as it helps."""
    platform, plan, settings = tables
    e, t, p, path = place
    collateral, liquid, ahead = platform.collateral, state.liquid, settings.look_ahead
    reserve = settings.reserve * platform.entities.nav[e]
    for a in range(len(collateral.account)):
        k = collateral.account[a]
        if platform.accounts.entity[k] != e or liquid.hqla[a, p] <= 0.0:
            continue
        share = cash_share(collateral, state.weather, state.market, platform.factors, (a, p))
        if share <= 0.0:
            continue
        if liquid.room.shape[1] > 0:
            post_called(state, tape, plan, (a, e, t, p, ahead), share)
        late = delay(settings, a, t, path)
        wait = open_wait(plan, k, t, opening(collateral, a, t) + late)
        wanted = shortage(liquid.outlook, wait, ahead, p) + reserve
        amount = min(wanted, share * liquid.hqla[a, p])
        if late < 0 or wanted <= _CENT or amount <= 0.0:
            continue
        relieve(liquid.outlook, wait, ahead, p, amount)
        receive(state.rings, (k, e, p, t + wait), amount)
        give(state, tape, (a, t, p, t + wait), amount, share)


@inner(**BORROWS)
def draw_lines(
    state: State, tape: Tape, tables: tuple[Platform, Plan, Settings], place: Place
) -> None:
    """Asks facilities for what is short from their notice on, in their order."""
    platform, plan, settings = tables
    e, t, p, path = place
    lines, liquid, ahead = platform.facilities, state.liquid, settings.look_ahead
    reserve = settings.reserve * platform.entities.nav[e]
    for n in range(len(lines.account)):
        k = lines.account[n]
        if platform.accounts.entity[k] != e:
            continue
        late = delay(settings, len(platform.collateral.account) + n, t, path)
        wait = open_wait(plan, k, t, notice(lines, n, t) + late)
        wanted = shortage(liquid.outlook, wait, ahead, p) + reserve
        if late < 0 or wanted <= _CENT:
            continue
        most = callable_now(state, (lines, platform.units, plan), (n, e, p), t)
        amount = min(max(wanted, lines.minimum[n]), most)
        if amount <= 0.0:
            continue
        liquid.drawn[n, p] += amount
        liquid.drawn_today[n, p] += amount
        liquid.draws[n, p] += 1
        relieve(liquid.outlook, wait, ahead, p, amount)
        receive(state.rings, (k, e, p, t + wait), amount)
        state.tally.drawn[p] += amount
        if tape.is_on:
            note(tape, p, (t, DRAWN, n, t + wait), (amount, 0.0, 0.0, 0.0, 0.0))
