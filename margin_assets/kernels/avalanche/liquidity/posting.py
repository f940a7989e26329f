"""Securities given for cash, or posted as they are where a venue takes them (section 6, row 3).

A posted security meets initial margin as it falls due, whatever the hour of its repo window; it
counts for what a repo of it would bring. Variation margin is cash.
"""

from margin_assets.kernels.avalanche.liquidity.outlook import receive, relieve, shortage
from margin_assets.kernels.avalanche.paths.plan import Plan
from margin_assets.kernels.avalanche.paths.ring import RING
from margin_assets.kernels.avalanche.paths.state import State
from margin_assets.kernels.avalanche.paths.tape import Tape, note
from margin_assets.kernels.avalanche.results import TURNED
from margin_assets.kernels.numeric.arrays import FloatArray
from margin_assets.kernels.numeric.compiled import BORROWS, inner

_CENT = 0.01


@inner(**BORROWS)
def look_for_room(state: State, place: tuple[int, int, int]) -> None:
    """Fills `room` with the initial margin still called; `place`: hour, path, hours ahead."""
    t, p, ahead = place
    room = state.liquid.room
    for tau in range(ahead + 1):
        for i in range(room.shape[1]):
            room[tau, i] = state.rings.postable[(t + tau) % RING, i, p]


@inner(**BORROWS)
def post(
    outlook: FloatArray, room: FloatArray, plan: Plan, place: tuple[int, int, int], worth: float
) -> float:
    """Posts an asset against calls as they fall due, as far as it helps; what is left of its worth.

    `place` is the asset, the path, and the hours ahead.
    """
    a, p, ahead = place
    takes = plan.posting.takes
    for i in range(room.shape[1]):
        if not takes[a, i]:
            continue
        for tau in range(ahead + 1):
            amount = min(worth, room[tau, i])
            if amount <= 0.0:
                continue
            amount = min(amount, shortage(outlook, tau, ahead, p))
            if amount <= _CENT:
                continue
            relieve(outlook, tau, ahead, p, amount)
            room[tau, i] -= amount
            worth -= amount
    return worth


@inner(**BORROWS)
def post_called(
    state: State, tape: Tape, plan: Plan, place: tuple[int, int, int, int, int], share: float
) -> None:
    """Posts an asset for good; `place`: asset, entity, hour, path, hours ahead."""
    a, e, t, p, ahead = place
    liquid, rings = state.liquid, state.rings
    look_for_room(state, (t, p, ahead))
    post(liquid.outlook, liquid.room, plan, (a, p, ahead), share * liquid.hqla[a, p])
    for tau in range(ahead + 1):
        slot = (t + tau) % RING
        for i in range(liquid.room.shape[1]):
            amount = rings.postable[slot, i, p] - liquid.room[tau, i]
            if amount > 0.0:
                rings.postable[slot, i, p] = liquid.room[tau, i]
                receive(rings, (plan.posting.account[i], e, p, t + tau), amount)
                give(state, tape, (a, t, p, t + tau), amount, share)


@inner(**BORROWS)
def give(
    state: State, tape: Tape, place: tuple[int, int, int, int], amount: float, share: float
) -> None:
    """Takes an amount's worth off an asset; `place`: asset, hour, path, hour when it pays."""
    a, t, p, arrival = place
    hqla = state.liquid.hqla
    hqla[a, p] = max(0.0, hqla[a, p] - amount / share)
    state.tally.turned[p] += amount
    if tape.is_on:
        note(tape, p, (t, TURNED, a, arrival), (amount, 0.0, 0.0, 0.0, 0.0))
