"""Step 8 of the hour, last part: dues paid account by account, currencies changed, defaults."""

from margin_assets.kernels.avalanche.paths.normals import LANES
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.paths.state import Rings, State
from margin_assets.kernels.avalanche.paths.tape import Tape, note
from margin_assets.kernels.avalanche.platform import Accounts, Platform
from margin_assets.kernels.avalanche.results import DEFAULT, NEVER, PAID
from margin_assets.kernels.avalanche.scenario import Settings
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DAY = 24
_CENT = 0.01


@inner(**BORROWS)
def _collect_account(state: State, flow: float, place: tuple[int, int]) -> None:
    """Takes an account's slot on all paths; `place` is the slot and the account."""
    rings, liquid, tally = state.rings, state.liquid, state.tally
    slot, k = place
    for p in range(LANES):
        due, back = rings.due[slot, k, p], rings.back[slot, k, p]
        tally.need[p] += due - back
        liquid.need[k, p] += due - back
        tally.hour_call[p] += due
        tally.flows[p] += flow
        liquid.cash[k, p] += back + rings.arrive[slot, k, p] + max(0.0, -flow)
        liquid.arrears[k, p] += due + max(0.0, flow)
        rings.due[slot, k, p] = rings.back[slot, k, p] = rings.arrive[slot, k, p] = 0.0


@inner(**BORROWS)
def collect(state: State, plan: Plan, t: int) -> None:
    """Takes this hour's slot: cash comes in, dues join the arrears, needs and sums grow."""
    rings, liquid, tally = state.rings, state.liquid, state.tally
    slot = t % RING
    for p in range(LANES):
        tally.hour_call[p] = 0.0
    for e in range(liquid.nav.shape[0]):
        for p in range(LANES):
            liquid.credit[e, p] -= rings.credit[slot, e, p]
            rings.credit[slot, e, p] = rings.proceeds[slot, e, p] = 0.0
            rings.net[slot, e, p] = 0.0
    for k in range(liquid.cash.shape[0]):
        _collect_account(state, plan.ladder[t, k], (slot, k))
    rings.postable[slot] = 0.0
    for p in range(LANES):
        tally.day_call[p] += tally.hour_call[p]
    if rings.touched[slot] == 0:
        return
    rings.touched[slot] = 0
    for s in range(rings.by_set.shape[1]):
        for p in range(LANES):
            state.margin.paid[s, p] += rings.by_set[slot, s, p]
            rings.by_set[slot, s, p] = 0.0


@inner(**BORROWS)
def _change(
    state: State,
    tables: tuple[Accounts, Plan, Settings],
    place: tuple[int, int, int],
    wanted: float,
) -> float:
    """Changes spare cash of the entity's other accounts into one; what comes of it.

    `place` is the account that lacks cash, the hour, the path.
    """
    accounts, plan, settings = tables
    k, t, p = place
    e = accounts.entity[k]
    liquid, got = state.liquid, 0.0
    for i in range(plan.account[e], plan.account[e + 1]):
        other = plan.account_order[i]
        spare = liquid.cash[other, p] - accounts.minimum[other] - liquid.arrears[other, p]
        is_shut = plan.cut[t // _DAY, other] == 0
        if other == k or is_shut or spare <= 0.0 or got >= wanted:
            continue
        rate = 1.0
        if accounts.currency[other] != accounts.currency[k]:
            rate = 1.0 - settings.fx_cost
        bought = min(wanted - got, spare * rate)
        liquid.cash[other, p] -= bought / rate
        cost = bought / rate - bought
        liquid.costs[e, p] += cost
        liquid.nav[e, p] -= cost
        state.tally.exchange[p] += cost
        got += bought
    return got


@inner(**BORROWS)
def _settle_account(
    state: State, tape: Tape, tables: tuple[Accounts, Plan, Settings], place: tuple[int, int, int]
) -> None:
    """Pays an account's arrears on one path from its cash, then from other currencies."""
    accounts, plan, settings = tables
    k, t, p = place
    liquid = state.liquid
    owed, hour = liquid.arrears[k, p], t % _DAY
    paid = owed
    if settings.unlimited == 0:
        if hour >= plan.cut[t // _DAY, k]:
            return
        paid = min(owed, max(0.0, liquid.cash[k, p] - accounts.minimum[k]))
        if paid < owed and hour < settings.fx_cut_off:
            got = _change(state, tables, place, owed - paid)
            liquid.cash[k, p] += got
            paid += got
    liquid.cash[k, p] -= paid
    liquid.arrears[k, p] = owed - paid
    if tape.is_on and paid > 0.0:
        note(tape, p, (t, PAID, k, t), (paid, 0.0, 0.0, 0.0, 0.0))


@inner(**BORROWS)
def pay(state: State, tape: Tape, tables: tuple[Accounts, Plan, Settings], t: int) -> None:
    """Pays what is owed; accounts by number."""
    liquid = state.liquid
    for k in range(liquid.cash.shape[0]):
        for p in range(LANES):
            if liquid.arrears[k, p] > 0.0:
                _settle_account(state, tape, tables, (k, t, p))


@inner(**BORROWS)
def provide(state: State, rings: Rings, tables: tuple[Accounts, Plan, Settings], t: int) -> None:
    """In the last hour before currencies close: changes what the accounts lack until they open."""
    accounts, plan, settings = tables
    liquid = state.liquid
    for k in range(liquid.cash.shape[0]):
        for p in range(LANES):
            short, running = 0.0, liquid.arrears[k, p] + accounts.minimum[k] - liquid.cash[k, p]
            for tau in range(1, _DAY + 1):
                slot = (t + tau) % RING
                running += rings.due[slot, k, p] - rings.back[slot, k, p]
                running += plan.ladder[t + tau, k] - rings.arrive[slot, k, p]
                short = max(short, running)
            if short > _CENT and settings.unlimited == 0:
                liquid.cash[k, p] += _change(state, tables, (k, t, p), short)


@inner(**BORROWS)
def _overdue(state: State, plan: Plan, place: tuple[int, int, int]) -> float:
    """Dues of an entity that stayed unpaid beyond their grace; `place`: entity, hour, path.

    What would be a default first is paid first: what is owed beyond what may still wait is overdue.
    """
    e, t, p = place
    unpaid, patience = state.rings.unpaid, plan.patience
    owed = 0.0
    for i in range(plan.account[e], plan.account[e + 1]):
        owed += state.liquid.arrears[plan.account_order[i], p]
    if owed <= _CENT:
        if state.liquid.is_behind[e, p] != 0:
            state.liquid.is_behind[e, p] = 0
            for slot in range(RING):
                unpaid[slot, e, p] = 0.0
        return 0.0
    state.liquid.is_behind[e, p] = 1
    for at in range(len(patience.stretches)):
        slot = (t + patience.stretches[at]) % RING
        unpaid[slot, e, p] += state.rings.owed[t % RING, at, e, p]
    unpaid[(t + patience.of_flows[e]) % RING, e, p] += plan.outflow[t, e]
    for ahead in range(patience.longest, 0, -1):
        slot = (t + ahead) % RING
        unpaid[slot, e, p] = min(unpaid[slot, e, p], owed)
        owed -= unpaid[slot, e, p]
    unpaid[t % RING, e, p] = 0.0
    return owed


@inner(**BORROWS)
def defaults(state: State, tape: Tape, platform: Platform, plan: Plan, t: int) -> None:
    """Marks the live paths on which an entity owes beyond its grace."""
    tally = state.tally
    for e in range(len(platform.entities.nav)):
        for p in range(LANES):
            if tally.alive[p] == 0 or tally.default_hour[p] != NEVER:
                continue
            owed = _overdue(state, plan, (e, t, p))
            if owed > _CENT:
                tally.default_hour[p], tally.default_entity[p] = t, e
                if tape.is_on:
                    note(tape, p, (t, DEFAULT, e, t), (owed, 0.0, 0.0, 0.0, 0.0))
    state.rings.owed[t % RING] = 0.0
