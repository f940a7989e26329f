"""Step 5 of the hour: marks, runs of calls, minimum transfer amounts, disputes, payment days."""

import numpy as np

from margin_assets.kernels.avalanche.paths.margins import strike
from margin_assets.kernels.avalanche.paths.normals import LANES
from margin_assets.kernels.avalanche.paths.philox import DISPUTE, uniform
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.paths.state import FactorState, Margin, Rings, State
from margin_assets.kernels.avalanche.paths.tape import Tape, note
from margin_assets.kernels.avalanche.platform import (
    BILATERAL,
    GAINS_AT_END_OF_DAY,
    GAINS_KEPT,
    Accounts,
    Exposures,
    Platform,
    Sets,
)
from margin_assets.kernels.avalanche.results import CALL, RETURN
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_DAY = 24
_HAIR = 1e-9


@inner(**BORROWS)
def mark(margin: Margin, market: FactorState, exposures: Exposures, sets: Sets, s: int) -> None:
    """The set's mark on all paths, into `mark`: exact whatever was sold since the start."""
    for p in range(LANES):
        margin.mark[p] = sets.value[s]
    for i in range(exposures.start[s], exposures.start[s + 1]):
        u, delta = exposures.unit[i], exposures.delta[i]
        half, theta = 0.5 * exposures.gamma[i], exposures.theta[i]
        for p in range(LANES):
            margin.mark[p] += delta * market.moved[u, p]
        if half != 0.0 or theta != 0.0:
            for p in range(LANES):
                margin.mark[p] += half * market.curved[u, p] + theta * market.lasted[u, p]


@inner(**BORROWS)
def rounded(amount: float, unit: float) -> float:
    """A call rounded up, a return rounded down, to the unit; amounts within 1e-9 units are even."""
    if unit <= 0.0:
        return amount
    if amount > 0.0:
        return np.ceil(amount / unit - _HAIR) * unit
    return -np.floor(-amount / unit + _HAIR) * unit


@inner(**BORROWS)
def variation(margin: Margin, sets: Sets, place: tuple[int, int, bool]) -> float:
    """Variation margin that the run asks for (negative: gives back); nothing is settled yet.

    `place` is the set, the path, and whether it is the end of the day.
    """
    s, p, is_eod = place
    value, settled = margin.mark[p], margin.settled[s, p]
    if sets.kind[s] == BILATERAL:
        required = max(0.0, -value - sets.threshold[s])
        required -= max(0.0, value - sets.their_threshold[s])
        asked = required - settled
    else:
        asked = settled - value
        if asked < 0.0 and sets.gains[s] == GAINS_AT_END_OF_DAY and not is_eod:
            return 0.0
    if not is_eod and abs(asked) <= sets.intraday_trigger[s] * margin.charged[s, p]:
        return 0.0
    return asked


@inner(**BORROWS)
def _settle(margin: Margin, sets: Sets, s: int, p: int, asked: float) -> None:
    """Counts what was called as settled or posted, pending or not, so that it's asked for once."""
    if sets.kind[s] == BILATERAL:
        margin.settled[s, p] += asked
    elif asked != 0.0:
        margin.settled[s, p] = margin.mark[p]


@inner(**BORROWS)
def payment_hour(t: int, lag: int, cut: Int64Array, k: int) -> int:
    """Hour of payment: after the account's cut-off, or on its holiday, the next day's start."""
    due = t + lag
    while due % _DAY >= cut[due // _DAY, k]:
        due = (due // _DAY + 1) * _DAY
    return due


@inner(**BORROWS)
def stretch(sets: Sets, place: tuple[int, int, int], lag: int, due: int) -> int:
    """Hours from falling due to default if it stays unpaid; `place`: set, hour of the run.

    A call is late once it falls due, or from the venue's deadline where there is one, even where
    the account's cut-off lets it be paid on the next day only.
    """
    s, t, delay = place
    late = due
    if delay == 0 and sets.deadline[s] >= 0:
        late = t + max(lag, sets.deadline[s])
    return max(0, late + sets.grace[s] + 1 - due)


@inner(**BORROWS)
def pend(
    rings: Rings,
    plan: Plan,
    parts: tuple[float, float],
    hours: tuple[int, int],
    place: tuple[int, int, int, int],
) -> None:
    """Puts a call (or a return, negative) into the rings.

    Args:
        rings: Of the block.
        plan: Of the run.
        parts: Amount, and the initial margin in it.
        hours: When it falls due, and how long from there to default.
        place: Set, account, entity, path.
    """
    s, k, e, p = place
    amount, im = parts
    slot, at = hours[0] % RING, plan.posting.of_set[s]
    if amount > 0.0:
        rings.due[slot, k, p] += amount
        rings.owed[slot, plan.patience.stretch_of[hours[1]], e, p] += amount
        if at >= 0 and im > 0.0:
            rings.postable[slot, at, p] += min(amount, im)
    else:
        rings.back[slot, k, p] -= amount
    rings.net[slot, e, p] += amount
    rings.by_set[slot, s, p] += amount
    rings.touched[slot] = 1


@inner(**BORROWS)
def _send(
    state: State,
    tape: Tape,
    tables: tuple[Sets, Accounts, Plan, int],
    place: tuple[int, int, int, bool, int],
    parts: tuple[float, float, float],
) -> None:
    """Sends one call on one path: disputed or not, by its payment day.

    Args:
        state: Of the block.
        tape: Its recording.
        tables: Sets, accounts, the plan and the seed.
        place: Set, hour, path in the block, end of day or not, number of the path.
        parts: Amount, its variation margin, the rest: initial margin with what rounding adds.
    """
    sets, accounts, plan, seed = tables
    s, t, p, is_eod, path = place
    amount, vm, im = parts
    k = sets.account[s]
    where = (s, k, accounts.entity[k], p)
    lag = sets.eod_lag[s] if is_eod else sets.intraday_lag[s]
    due = payment_hour(t, lag, plan.cut, k)
    disputed = 0.0
    addon = state.margin.addon[s, p]
    likely = sets.dispute_probability[s]
    if likely > 0.0 and uniform(seed, s, t, path, DISPUTE) < likely:
        part = sets.dispute_share[s]
        disputed = part * amount
        delay = sets.dispute_delay[s]
        later = payment_hour(t, lag + delay, plan.cut, k)
        hours = later, stretch(sets, (s, t, delay), lag, later)
        pend(state.rings, plan, (disputed, part * im), hours, where)
        if tape.is_on and disputed != 0.0:
            facts = (disputed, part * vm, part * im, addon, abs(disputed))
            note(tape, p, (t, CALL if amount > 0.0 else RETURN, s, later), facts)
    if amount != disputed:
        part = (amount - disputed) / amount
        hours = due, stretch(sets, (s, t, 0), lag, due)
        pend(state.rings, plan, (amount - disputed, part * im), hours, where)
        if tape.is_on:
            facts = (amount - disputed, part * vm, part * im, addon, 0.0)
            note(tape, p, (t, CALL if amount > 0.0 else RETURN, s, due), facts)
    if amount > 0.0:
        state.tally.gross[p] += amount


@inner(**BORROWS)
def run_set(
    state: State,
    tape: Tape,
    tables: tuple[Platform, Plan, int],
    place: tuple[int, int, bool],
    paths: Int64Array,
) -> None:
    """One set's run on all paths; `place` is the set, the hour, end of day or intraday."""
    platform, plan, seed = tables
    s, t, is_eod = place
    sets, margin = platform.sets, state.margin
    strikes = is_eod or sets.restrikes[s]
    if strikes:
        restrike(state, platform, plan, (s, t // _DAY, False))
    mark(margin, state.market, platform.exposures, sets, s)
    for p in range(LANES):
        vm = variation(margin, sets, (s, p, is_eod))
        im = margin.charged[s, p] - margin.posted[s, p] if strikes else 0.0
        amount = rounded(vm + im, sets.rounding[s])
        if sets.gains[s] == GAINS_KEPT and vm < 0.0 and sets.kind[s] != BILATERAL:
            margin.kept[p] -= vm
            margin.settled[s, p] = margin.mark[p]
            vm, amount = 0.0, rounded(im, sets.rounding[s])
        if amount == 0.0 or abs(vm + im) < sets.mta[s]:
            continue
        _settle(margin, sets, s, p, vm)
        margin.posted[s, p] += amount - vm
        _send(
            state,
            tape,
            (sets, platform.accounts, plan, seed),
            (s, t, p, is_eod, paths[p]),
            (amount, vm, amount - vm),
        )


@inner(**BORROWS)
def restrike(state: State, platform: Platform, plan: Plan, place: tuple[int, int, bool]) -> None:
    """Strikes a set's initial margin anew and keeps the sum of all sets' up to date."""
    s = place[0]
    tally, margin = state.tally, state.margin
    for p in range(LANES):
        tally.charged[p] -= margin.charged[s, p]
    tables = (
        platform.sets,
        platform.groups,
        platform.cuts,
        platform.addons,
        platform.units,
        plan,
    )
    strike(margin, state.market, state.weather, tables, place)
    for p in range(LANES):
        tally.charged[p] += margin.charged[s, p]


@inner(**BORROWS)
def runs(
    state: State, tape: Tape, tables: tuple[Platform, Plan, int], t: int, paths: Int64Array
) -> None:
    """All runs of the hour: ends of day first, each set by its number."""
    plan = tables[1]
    hour, day = t % _DAY, t // _DAY
    for i in range(plan.eod[hour], plan.eod[hour + 1]):
        if not plan.closed[day, plan.eod_sets[i]]:
            run_set(state, tape, tables, (plan.eod_sets[i], t, True), paths)
    for i in range(plan.intraday[hour], plan.intraday[hour + 1]):
        if not plan.closed[day, plan.intraday_sets[i]]:
            run_set(state, tape, tables, (plan.intraday_sets[i], t, False), paths)
