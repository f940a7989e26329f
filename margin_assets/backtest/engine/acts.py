"""What happens to accounts between two evaluations: owners answer, the firm sells, lives end."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from margin_assets.backtest.book.plan import Plan, on
from margin_assets.backtest.engine.settling import close_ended
from margin_assets.backtest.engine.state import FIRM, NOBODY, OWNER, TALLIES, State
from margin_assets.kernels.book.figures import Figures
from margin_assets.kernels.book.series import UNUSABLE, USABLE, Series
from margin_assets.kernels.enforcement.rungs import CALL, Ladder, empty_ladder
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO, PPM, value_cents

_ANSWER = (6, 5)
"""A fifth more than the call, as the demo's owners have it: the next tick calls no more."""
_HUNDRED = 10_000  # cents
_MONTHS = 12
_T = {name: place for place, name in enumerate(TALLIES)}


class Session(NamedTuple):
    """Where acts find prices: those of the close that they happen at."""

    place: int
    series: Series


def values_of(quantity: Int64Array, price: Int64Array) -> Int64Array:
    """Value of each position, cents."""
    pairs = zip(quantity.tolist(), price.tolist(), strict=True)
    return np.array([value_cents(held, each) for held, each in pairs], dtype=np.int64)


def close_out(state: State, seats: Int64Array, at: Session) -> Int64Array:
    """Closes all that has a usable price; returns which seats hold nothing any more."""
    return _close(state, seats, at, _trades(at.series))


def _trades(series: Series) -> npt.NDArray[np.bool_]:
    """What may be sold or bought: not an option that has ended and waits to be settled."""
    found: npt.NDArray[np.bool_] = (series.price_state <= USABLE) & ~series.is_ended
    return found


def _close(
    state: State, seats: Int64Array, at: Session, chosen: npt.NDArray[np.bool_]
) -> Int64Array:
    row, security = np.nonzero((state.quantity[seats] != 0) & chosen)
    seat = seats[row]
    got = values_of(state.quantity[seat, security], at.series.price[security])
    np.add.at(state.cash, seat, got)
    state.quantity[seat, security] = 0
    empty: Int64Array = seats[~(state.quantity[seats] != 0).any(axis=1)]
    return empty


def write_off(state: State, seats: Int64Array) -> Int64Array:
    """Loses the firm what empty accounts owe; returns it, cents, by seat given."""
    owed = np.maximum(-state.cash[seats], 0)
    state.cash[seats] += owed
    state.tally[_T["lost"], seats] += owed
    return owed


def sell_liquidated(state: State, at: Session) -> tuple[Int64Array, Int64Array]:
    """Sells out who is to be liquidated; seats that hold nothing now, and what they lost."""
    due = np.flatnonzero(state.ladder.is_liquidating & (state.quantity != 0).any(axis=1))
    empty = close_out(state, due, at)
    lost = write_off(state, empty)
    state.met_by[due] = FIRM
    left_alone = np.maximum(-state.lowest[empty], 0)
    state.tally[_T["avoided"], empty] += left_alone - lost
    return empty, lost


def answer_calls(state: State, plan: Plan, figures: Figures, at: Session) -> bool:
    """Owners whose patience is over pay or reduce; whether any position moved.

    They know the figures of the last evaluation, and act at the prices of this close.
    """
    is_called = (state.ladder.margin_status == CALL) & (state.life >= 0)
    state.mornings[:] = np.where(is_called, state.mornings + 1, 0)
    called = np.flatnonzero(is_called & ~state.ladder.is_liquidating)
    patience = plan.lives.patience[state.life[called]]
    called = called[(patience > 0) & (state.mornings[called] >= patience)]
    lacking = figures.governing[called] - figures.equity[called]
    called, lacking = called[lacking > 0], lacking[lacking > 0]
    if not len(called):
        return False
    more, of = _ANSWER
    asked = -(-lacking * more // (of * _HUNDRED)) * _HUNDRED
    pays = (plan.lives.pays[state.life[called]] == 1) & (asked <= state.pocket[called])
    state.cash[called[pays]] += asked[pays]
    state.pocket[called[pays]] -= asked[pays]
    state.tally[_T["paid_in"], called[pays]] += asked[pays]
    state.met_by[called] = OWNER
    required = np.maximum(figures.governing[called[~pays]], 1)
    share = np.minimum(1.0, lacking[~pays] * more / (of * required))
    _reduce(state, called[~pays], share, at)
    return bool((~pays).any())


def _reduce(state: State, seats: Int64Array, share: npt.NDArray[np.float64], at: Session) -> None:
    """Closes a part of every position, in whole units rounded up: equity stays as it is."""
    row, security = np.nonzero((state.quantity[seats] != 0) & _trades(at.series))
    seat = seats[row]
    held, unit = state.quantity[seat, security], at.series.multiplier[security]
    whole = np.ceil(np.abs(held) / unit * share[row]).astype(np.int64) * unit
    closed = np.sign(held) * np.minimum(whole, np.abs(held))
    np.add.at(state.cash, seat, values_of(closed, at.series.price[security]))
    state.quantity[seat, security] = held - closed


def charge_interest(state: State, rate: float) -> None:
    """A month's interest on debits, to the cent; by a yearly rate."""
    owes = (state.cash < 0) & (state.life >= 0)
    state.cash[owes] -= np.floor(-state.cash[owes] * (rate / _MONTHS) + 0.5).astype(np.int64)


def pay_dividends(state: State, securities: Int64Array, paid: Int64Array) -> None:
    """Micro-dollars a share to who holds, from who is short."""
    for security, each in zip(securities.tolist(), paid.tolist(), strict=True):
        seats = np.flatnonzero(state.quantity[:, security])
        held = state.quantity[seats, security]
        state.cash[seats] += values_of(held, np.full(len(seats), each, dtype=np.int64))


def split(state: State, securities: Int64Array, ratios: Int64Array, price: Int64Array) -> None:
    """So many new shares for old ones (ppm); what is no whole share is paid at the price."""
    for security, ratio in zip(securities.tolist(), ratios.tolist(), strict=True):
        seats = np.flatnonzero(state.quantity[:, security])
        new = [int(held) * ratio // PPM for held in state.quantity[seats, security].tolist()]
        units = np.array(new, dtype=np.int64)
        whole = np.sign(units) * (np.abs(units) // MICRO) * MICRO
        state.quantity[seats, security] = whole
        state.cash[seats] += values_of(units - whole, np.full(len(seats), price[security]))


def settle(state: State, securities: Int64Array, worth: Int64Array) -> None:
    """Holders of securities that ended get what they were worth; who is short pays it."""
    for security in securities.tolist():
        seats = np.flatnonzero(state.quantity[:, security])
        held = state.quantity[seats, security]
        state.cash[seats] += values_of(held, np.full(len(seats), worth[security]))
        state.quantity[seats, security] = 0


def end_lives(state: State, seats: Int64Array, at: Session) -> Int64Array:
    """Closes accounts and pays them out; returns what each left the firm to lose, cents.

    What has no usable price is worth nothing where it is held and its last price where it is owed;
    an option that has ended what it is in the money by.
    """
    close_out(state, seats, at)
    close_ended(state, seats, at.series)
    lost_value = np.where(at.series.price_state >= UNUSABLE, at.series.price, 0)
    owed = state.quantity[seats] < 0
    row, security = np.nonzero(owed)
    np.add.at(
        state.cash,
        seats[row],
        values_of(state.quantity[seats[row], security], lost_value[security]),
    )
    state.quantity[seats] = 0
    return write_off(state, seats)


def take_seats(state: State, plan: Plan, place: int) -> None:
    """Accounts that open at a session take their seats; their trades and money come after."""
    chosen = np.arange(len(plan.lives.seat))[on(plan.lives.opened, place)]
    seats = plan.lives.seat[chosen]
    vacate(state, seats)
    state.life[seats] = chosen
    state.account_type[seats] = plan.lives.account_type[chosen]
    state.pocket[seats] = plan.lives.pocket[chosen]


def vacate(state: State, seats: Int64Array) -> None:
    """Seats as if nobody had sat in them."""
    fresh = empty_ladder(len(seats))
    for name in Ladder._fields:
        getattr(state.ladder, name)[seats] = getattr(fresh, name)
    for column in (state.cash, state.mornings, state.called_on, state.lowest, state.met_by):
        column[seats] = 0
    state.life[seats] = NOBODY
    state.tally[:, seats] = 0
    state.before[:, :, seats] = 0


def trade(state: State, plan: Plan, place: int) -> bool:
    """What the plan has for a session; whether any position moved."""
    chosen, paid = on(plan.trades.place, place), on(plan.movements.place, place)
    trades, moved = plan.trades, plan.movements
    np.add.at(
        state.quantity, (trades.seat[chosen], trades.security[chosen]), trades.quantity[chosen]
    )
    np.add.at(state.cash, trades.seat[chosen], trades.cash[chosen])
    np.add.at(state.cash, moved.seat[paid], moved.cash[paid])
    return bool(chosen.stop > chosen.start)
