"""What happens to a book whatever the policy: lives of accounts, their trades and their money."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import Int8Array, Int64Array


class Lives(NamedTuple):
    """Accounts in the order of their opening; one entry a life. A seat holds one at a time."""

    account_id: tuple[str, ...]
    seat: Int64Array
    temper: Int64Array
    account_type: Int8Array
    opened: Int64Array
    """Session at whose close it opens."""
    closes: Int64Array
    """Session at whose close all is sold and paid out; beyond the last for none."""
    patience: Int64Array
    """Morning of a call on which the owner answers, from 1; 0 for never."""
    pays: Int64Array
    """1 where by money as long as there is some, 0 by closing positions."""
    pocket: Int64Array
    """Cents that the owner can still bring in."""


class Trades(NamedTuple):
    """Trades in order of their sessions."""

    place: Int64Array
    seat: Int64Array
    security: Int64Array
    quantity: Int64Array
    """Micro-units, signed."""
    cash: Int64Array
    """Cents into the account, signed."""


class Movements(NamedTuple):
    """Money in and out, in order of its sessions."""

    place: Int64Array
    seat: Int64Array
    cash: Int64Array


class Plan(NamedTuple):
    """A book over the sessions of a history, from one session to another."""

    book_id: str
    title: str
    seats: int
    tempers: tuple[str, ...]
    lives: Lives
    trades: Trades
    movements: Movements
    debit_spread: float
    """A year, over the yield of the day."""


def on(place: Int64Array, session: int) -> slice:
    """Entries of one session in a column that is in their order."""
    first, end = np.searchsorted(place, [session, session + 1])
    return slice(int(first), int(end))
