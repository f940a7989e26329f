"""What the loops of intraday margin read and write: entries, the register of deficits, changes."""

from typing import Any, NamedTuple

import numpy as np

from margin_assets.kernels.intraday.intraday import IntradayRules
from margin_assets.kernels.numeric.arrays import BoolArray, Int8Array, Int64Array
from margin_assets.kernels.rules.instants import UNSET

UNKNOWN = np.iinfo(np.int64).min
CHANGES = ("opened", "enlarged", "satisfied", "expired", "failed", "frozen", "released")
OPENED, ENLARGED, SATISFIED, EXPIRED, FAILED, FROZEN, RELEASED = range(len(CHANGES))


class Entries(NamedTuple):
    """What an account shows after each step, in order of application; one entry a step."""

    point: Int64Array
    """Microseconds, ascending."""
    account: Int64Array
    level: Int64Array
    """Intraday margin level (a)(17): equity less maintenance requirement, cents."""
    equity: Int64Array
    net_deposit: Int64Array
    """Deposits less withdrawals of the step, cents."""
    is_reducing: BoolArray
    """Whether the step is an IML-reducing transaction (a)(18)."""
    rule: Int8Array
    is_known: BoolArray
    """Whether all inputs were there; else the level is a bound, and relaxes nothing."""


class Register(NamedTuple):
    """Accounts (the first three, by place) and their deficits (the rest; the first `used`)."""

    reduced_on: Int64Array
    """Business day of the last IML-reducing transaction."""
    newest: Int64Array
    live: Int64Array
    """Deficits that are outstanding or freeze."""
    used: Int64Array
    account: Int64Array
    day: Int64Array
    due: Int64Array
    fifth: Int64Array
    fifteenth: Int64Array
    rule: Int8Array
    amount: Int64Array
    at_transactions: Int64Array
    first_at: Int64Array
    measured_at: Int64Array
    equity: Int64Array
    is_known: BoolArray
    is_de_minimis: BoolArray
    base: Int64Array
    """Level at the end of the day, the first known one from then on."""
    level: Int64Array
    deposits: Int64Array
    satisfied_at: Int64Array
    expired_at: Int64Array
    failed_at: Int64Array
    freeze_from: Int64Array
    freeze_until: Int64Array
    is_frozen: BoolArray
    previous: Int64Array


_OF_ACCOUNTS = ("reduced_on", "newest", "live")
_FLAGS = ("is_known", "is_de_minimis", "is_frozen")


def empty_register(accounts: int, room: int) -> Register:
    """Accounts without deficits, and room for some."""
    made: dict[str, Any] = {
        name: np.zeros(room, np.bool_ if name in _FLAGS else np.int64) for name in Register._fields
    }
    made["rule"] = np.zeros(room, dtype=np.int8)
    made["used"] = np.zeros(1, dtype=np.int64)
    made |= {name: np.full(accounts, UNSET, dtype=np.int64) for name in _OF_ACCOUNTS}
    made["live"] = np.zeros(accounts, dtype=np.int64)
    return Register(**made)


def grown(register: Register, accounts: int, room: int) -> Register:
    """The same register with more accounts and more room."""
    more = empty_register(accounts, room)
    longer = {
        name: np.concatenate([getattr(register, name), new])
        for name, new in more._asdict().items()
        if name != "used" and len(new)
    }
    return register._replace(**longer)


class Today(NamedTuple):
    """A business day, by its index, and the numbers in force on it."""

    day: int
    rules: IntradayRules


class Moment(NamedTuple):
    """An instant at which time alone may decide, and the deficits that are live at it."""

    day: int
    """The business day that holds it, by its index."""
    at: int
    free_at: int
    """When a freeze that starts at this day's end is over."""
    window_from: int
    """First business day whose failures make a practice, by its index."""
    live: Int64Array


class Changes(NamedTuple):
    """What became of deficits, in order: one entry a change."""

    account: Int64Array
    day: Int64Array
    """Business day of the deficit, by its index."""
    kind: Int64Array
    """Index of `CHANGES`."""
    at: Int64Array
    amount: Int64Array
    """Of the deficit, cents."""
    taken: Int64Array
    """Number of entries, in an array of one."""


def empty_changes(room: int) -> Changes:
    """Room for so many changes."""
    account, day, kind, at, amount = (np.empty(room, dtype=np.int64) for _ in range(5))
    return Changes(account, day, kind, at, amount, np.zeros(1, dtype=np.int64))
