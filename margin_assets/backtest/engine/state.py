"""Where a book stands between two sessions: all that the next one needs, and nothing else."""

from typing import NamedTuple

import numpy as np

from margin_assets.backtest.book.plan import Plan
from margin_assets.backtest.methods import METHODS
from margin_assets.kernels.backtest.days import NO_DAY
from margin_assets.kernels.book.book import REG_T, Book, offsets_of
from margin_assets.kernels.enforcement.rungs import Ladder, empty_ladder
from margin_assets.kernels.numeric.arrays import Int8Array, Int64Array

NOBODY = -1
TALLIES = (
    "sessions",
    "called_sessions",
    "warnings",
    "calls",
    "cured",
    "restrictions",
    "liquidations",
    "missed_sessions",
    "false_calls",
    "uncovered_sessions",
    "paid_in",
    "required",
    "lost",
    "avoided",
)
"""What is counted of a life; the last four are cents."""
MARKET, OWNER, FIRM = range(3)
"""What ended a call: prices alone, what its owner did, or the firm's sale."""
_LARGEST = 50_000_000


class State(NamedTuple):
    """One entry a seat; moved in place."""

    quantity: Int64Array
    """[seat, security], micro-units."""
    cash: Int64Array
    life: Int64Array
    """Place in the plan's lives; `NOBODY` where the seat is empty."""
    account_type: Int8Array
    ladder: Ladder
    mornings: Int64Array
    """Mornings on which a call was open."""
    pocket: Int64Array
    called_on: Int64Array
    """Session on which the call that is open was made."""
    lowest: Int64Array
    """Lowest equity that the account would have come to, had it been left alone since its call."""
    met_by: Int8Array
    """Who moved it since: nobody, the owner, or the firm by selling it out."""
    tally: Int64Array
    """[tally, seat]"""
    before: Int8Array
    """[horizon, method, seat]: what the day before was."""


def empty_state(plan: Plan, securities: int, horizons: int) -> State:
    """Seats that nobody has taken.

    Raises:
        ValueError: So many seats and securities do not fit in memory.
    """
    seats = plan.seats
    if seats * securities > _LARGEST:
        msg = f"{seats} accounts in {securities} securities are more than {_LARGEST:,} positions"
        raise ValueError(msg)
    column = np.zeros(seats, dtype=np.int64)
    return State(
        quantity=np.zeros((seats, securities), dtype=np.int64),
        cash=column.copy(),
        life=np.full(seats, NOBODY, dtype=np.int64),
        account_type=np.full(seats, REG_T, dtype=np.int8),
        ladder=empty_ladder(seats),
        mornings=column.copy(),
        pocket=column.copy(),
        called_on=column.copy(),
        lowest=column.copy(),
        met_by=np.zeros(seats, dtype=np.int8),
        tally=np.zeros((len(TALLIES), seats), dtype=np.int64),
        before=np.full((horizons, len(METHODS), seats), NO_DAY, dtype=np.int8),
    )


def book_of(state: State, order: Int64Array) -> Book:
    """What is held, as the kernels take it; securities in an order."""
    quantity = state.quantity[:, order]
    held = quantity != 0
    seat, place = np.nonzero(held)
    security, count = order[place], len(state.cash)
    return Book(
        offsets=offsets_of(np.bincount(seat, minlength=count)),
        series=security.astype(np.int32),
        quantity=quantity[held],
        last_fill_price=np.full(len(seat), -1, dtype=np.int64),
        sale_price=np.zeros(len(seat), dtype=np.int64),
        account_type=state.account_type,
        is_registered=np.ones(count, dtype=np.bool_),
        is_exempt=np.zeros(count, dtype=np.bool_),
        cash=state.cash,
    )


def flattened(state: State) -> dict[str, np.ndarray]:
    """Arrays of a state by name, as they are kept in a file."""
    own = {name: getattr(state, name) for name in State._fields if name != "ladder"}
    return own | {f"ladder_{name}": getattr(state.ladder, name) for name in Ladder._fields}


def unflattened(arrays: dict[str, np.ndarray]) -> State:
    """The state that a file holds."""
    ladder = Ladder._make(arrays[f"ladder_{name}"] for name in Ladder._fields)
    return State(
        **{name: arrays[name] for name in State._fields if name != "ladder"}, ladder=ladder
    )
