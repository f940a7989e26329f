"""Open margin calls as columns, what is asked of accounts, and where each call stands."""

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.calls.call_rules import MINIMUM_EQUITY, PORTFOLIO_MARGIN
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.rules.instants import NEVER, UNSET
from schemas.desk.calls import CALL_STATES, CHANGES, CONSEQUENCES

OPEN, PART_MET, EXTENDED, OVERDUE, EXPIRED, MET = range(len(CALL_STATES))
CHANGE = {name: code for code, name in enumerate(CHANGES)}
CONSEQUENCE = {name: code for code, name in enumerate(CONSEQUENCES)}
_PPM = 1_000_000


class Demand(NamedTuple):
    """What one rule asks of accounts at an instant: one entry an account, amounts in cents."""

    account: Int64Array
    owed: Int64Array
    """0 where nothing is asked any more."""
    opened_at: Int64Array
    house_due: Int64Array
    legal_due: Int64Array
    consequence: Int64Array
    """Index of `CONSEQUENCES`."""
    consequence_until: Int64Array
    is_known: BoolArray
    """Where not, a call is neither met nor lowered."""
    is_unmet: BoolArray
    """Whether a demand that ends here ends without having been met."""
    deposits: Int64Array
    """Deposits less withdrawals since the account was asked last."""
    has_moved: BoolArray
    """Whether the account traded or moved cash since."""
    has_traded: BoolArray

    def take(self, rows: Int64Array | BoolArray) -> Self:
        """What is asked of some of the accounts."""
        return type(self)._make(column[rows] for column in self)


def demand(account: Int64Array, owed: Int64Array, opened_at: Int64Array) -> Demand:
    """A demand of known figures without deadlines, consequence and transactions."""
    nothing, never = np.zeros(len(account), dtype=np.int64), np.zeros(len(account), dtype=np.bool_)
    return Demand(
        account,
        owed,
        opened_at,
        house_due=nothing + UNSET,
        legal_due=nothing + UNSET,
        consequence=nothing,
        consequence_until=nothing + UNSET,
        is_known=~never,
        is_unmet=never,
        deposits=nothing,
        has_moved=never,
        has_traded=never,
    )


class OpenCalls(NamedTuple):
    """One entry an open call; instants in microseconds, amounts in cents, `UNSET` for none."""

    account: Int64Array
    kind: Int64Array
    opened_at: Int64Array
    version: Int64Array
    state: Int64Array
    is_open: Int64Array
    first: Int64Array
    struck: Int64Array
    """Owed as of the newest version."""
    now: Int64Array
    """Owed as of the last grid point that touched the account."""
    by_deposits: Int64Array
    by_trades: Int64Array
    """By prices it became less by the rest: `first` - `now` less these two."""
    house_due: Int64Array
    legal_due: Int64Array
    extended_until: Int64Array
    consequence: Int64Array
    consequence_until: Int64Array

    def take(self, rows: Int64Array | BoolArray) -> Self:
        """Some of the calls."""
        return type(self)(*(column[rows] for column in self))

    def with_new(self, kind: int, asked: Demand) -> Self:
        """These calls and one an entry of what is asked, each in its first version."""
        zero = np.zeros(len(asked.account), dtype=np.int64)
        new = OpenCalls(
            account=asked.account,
            kind=zero + kind,
            opened_at=asked.opened_at,
            version=zero,
            state=zero + OPEN,
            is_open=zero + 1,
            first=asked.owed,
            struck=asked.owed,
            now=asked.owed,
            by_deposits=zero,
            by_trades=zero,
            house_due=asked.house_due,
            legal_due=asked.legal_due,
            extended_until=zero + UNSET,
            consequence=asked.consequence,
            consequence_until=asked.consequence_until,
        )
        return type(self)(*(np.concatenate(both) for both in zip(self, new, strict=True)))


def no_calls() -> OpenCalls:
    """No calls."""
    return OpenCalls(*(np.zeros(0, dtype=np.int64) for _ in OpenCalls._fields))


def due_at(calls: OpenCalls) -> Int64Array:
    """The firm's deadline of each call as extended; `UNSET` where it has none."""
    return np.maximum(calls.house_due, calls.extended_until)


def consequences(calls: OpenCalls) -> Int64Array:
    """What each call brings on its account: what was asked, and what its deadline adds.

    Source: 4210(g)(10)(A), orders that reduce the requirement alone once a portfolio margin call
    is past its day; a minimum that is not restored in the firm's time alike.
    """
    is_late = (calls.kind == PORTFOLIO_MARGIN) & (calls.state == EXPIRED)
    is_late |= (calls.kind == MINIMUM_EQUITY) & (calls.state == OVERDUE)
    nothing = calls.consequence == CONSEQUENCE["none"]
    return np.where(nothing & is_late, CONSEQUENCE["reduce_only"], calls.consequence)


def states_at(calls: OpenCalls, at: int) -> npt.NDArray[np.int64]:
    """Where open calls stand at an instant: what is past its deadline before what is part met.

    A call is part met while less is owed, as struck, than was called at first.
    """
    due = due_at(calls)
    return np.select(
        [
            (calls.legal_due != UNSET) & (at >= calls.legal_due),
            (due != UNSET) & (at >= due),
            calls.extended_until > at,
            calls.struck < calls.first,
        ],
        [EXPIRED, OVERDUE, EXTENDED, PART_MET],
        OPEN,
    ).astype(np.int64)


def has_moved_by(calls: OpenCalls, share: int) -> BoolArray:
    """Whether what is owed has moved by more than a share (ppm) since it was struck."""
    struck = calls.struck.astype(object)
    # Python's integers: the product of an exact amount may not fit 64 bits.
    moved = abs(calls.now - struck) * _PPM > struck * share
    found: BoolArray = moved.astype(np.bool_)
    return found


def next_changes(calls: OpenCalls, strikes_at: int) -> Int64Array:
    """Next instant at which time alone changes each call; `NEVER` if none.

    At `strikes_at` what is owed otherwise than struck is struck.
    """
    due = due_at(calls)
    has_house = (due != UNSET) & (calls.state < OVERDUE)
    has_legal = (calls.legal_due != UNSET) & (calls.state < EXPIRED)
    return np.minimum.reduce(
        [
            np.where(has_house, due, NEVER),
            np.where(has_legal, calls.legal_due, NEVER),
            np.where(calls.now != calls.struck, strikes_at, NEVER),
        ]
    )
