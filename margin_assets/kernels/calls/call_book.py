"""The book of margin calls: every account's open calls, moved on by demands, acts and time.

One call of a type an account is open at a time. What changes it makes a version: that it opens or
ends, that its account trades or moves cash, a deadline, an extension, a consequence, or prices that
move what is owed by more than the firm's share since it was struck. At each end of a business day
what is owed is struck as it is. A version depends on what was asked when, never on how the work was
cut into calls of these methods.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.calls.call_frames import (
    Extension,
    Key,
    Version,
    call_ids,
    calls_of,
    version_frame,
)
from margin_assets.kernels.calls.call_rules import (
    CALLERS,
    NO_CALL,
    PAYMENTS,
    call_rules,
    day_end,
    day_of,
    latest_extension,
)
from margin_assets.kernels.calls.open_calls import (
    CHANGE,
    EXPIRED,
    EXTENDED,
    MET,
    OVERDUE,
    PART_MET,
    Demand,
    due_at,
    has_moved_by,
    next_changes,
    no_calls,
    states_at,
)
from margin_assets.kernels.numeric.arrays import BoolArray, Int64Array
from margin_assets.kernels.numeric.money import to_instants
from margin_assets.kernels.rules.instants import NEVER, UNSET
from margin_assets.kernels.rules.timelines import BusinessDays

_OF_STATE = {PART_MET: "part_met", EXTENDED: "extended", OVERDUE: "overdue", EXPIRED: "expired"}


class Found(NamedTuple):
    """An open call. `due` is the firm's deadline as extended."""

    account: int
    kind: int
    opened_at: int
    due: int


class CallBook:
    """Open calls of all accounts, by place, and the versions that came since they were taken."""

    def __init__(self, days: BusinessDays, names: Sequence[str]) -> None:
        self.days = days
        self.calls = no_calls()
        self._names = names
        self._row = np.zeros((len(CALLERS), 0), dtype=np.int64)
        """Place among the calls of an account's open call of a kind; `UNSET` if none."""
        self._keys: dict[str, Key] = {}
        self._extended: dict[Key, Extension] = {}
        self._versions: list[Version] = []
        self._passed = UNSET

    def grow(self, accounts: int) -> None:
        """Gives so many new accounts their places."""
        new = np.full((len(CALLERS), accounts), UNSET, dtype=np.int64)
        self._row = np.concatenate([self._row, new], axis=1)

    def is_open(self, kind: int, accounts: Int64Array) -> BoolArray:
        """Whether accounts have an open call of a kind."""
        found: BoolArray = self._row[kind, accounts] != UNSET
        return found

    def opened_at(self, kind: int, accounts: Int64Array, otherwise: int | Int64Array) -> Int64Array:
        """When accounts' open calls of a kind were made; `otherwise` where there is none."""
        rows = self._row[kind, accounts]
        found = np.broadcast_to(np.int64(otherwise), rows.shape).copy()
        found[rows != UNSET] = self.calls.opened_at[rows[rows != UNSET]]
        return found

    def extended(self, kind: int, accounts: Int64Array) -> Int64Array:
        """To when accounts' calls of a kind are extended; `UNSET` where they are not."""
        rows = self._row[kind, accounts]
        found = np.full(len(accounts), UNSET, dtype=np.int64)
        found[rows != UNSET] = self.calls.extended_until[rows[rows != UNSET]]
        return found

    def has_open(self, kinds: Sequence[int], accounts: Int64Array) -> BoolArray:
        """Whether accounts have an open call of one of these kinds."""
        has = np.zeros(self._row.shape[1], dtype=np.bool_)
        # Of all accounts few are called: they are looked up, not the others.
        has[self.calls.account[np.isin(self.calls.kind, kinds)]] = True
        return has[accounts]

    def who(self, *kinds: int) -> Int64Array:
        """Accounts with an open call of one of these kinds, sorted."""
        return np.unique(self.calls.account[np.isin(self.calls.kind, kinds)])

    def held_until(self, kinds: Sequence[int], accounts: Int64Array) -> Int64Array:
        """To when all of accounts' calls of these kinds are extended; `UNSET` if one is not."""
        found = np.full(len(accounts), NEVER, dtype=np.int64)
        for kind in kinds:
            extended = self.extended(kind, accounts)
            found = np.where(self.is_open(kind, accounts), np.minimum(found, extended), found)
        return np.where(found == NEVER, UNSET, found)

    def __contains__(self, identity: str) -> bool:
        """Whether a call of this id is open."""
        return identity in self._keys

    def find(self, identity: str) -> Found | None:
        """An open call by its id; None where none is open."""
        if identity not in self._keys:
            return None
        account, kind = self._keys[identity]
        row = int(self._row[kind, account])
        due = int(due_at(self.calls)[row])
        return Found(account, kind, int(self.calls.opened_at[row]), due)

    def strike(self, kind: int, at: int, asked: Demand) -> None:
        """Takes what a rule asks of accounts at an instant; who is not named is as before."""
        rows = self._row[kind, asked.account]
        is_new = (rows == UNSET) & (asked.owed > 0)
        if is_new.any():
            self._open(kind, at, asked.take(is_new))
        held = np.flatnonzero(rows != UNSET)
        if len(held):
            self._restrike(at, rows[held], asked.take(held))

    def refresh(self, kind: int, asked: Demand) -> None:
        """Takes what is owed without striking it: as of the grid point of a saved state."""
        rows = self._row[kind, asked.account]
        held = np.flatnonzero(rows != UNSET)
        self.calls.now[rows[held]] = self._owed(rows[held], asked.take(held))

    def extend(self, identity: str, at: int, until: int, extension: Extension) -> str | None:
        """Extends an open call; returns why not, where the rule or the firm does not allow it."""
        found = self.find(identity)
        if found is None:
            return NO_CALL
        latest = latest_extension(self.days, found.kind, found.opened_at)
        if latest == UNSET:
            return f"calls of type {CALLERS[found.kind].call_type} know no extension"
        if until > latest:
            return f"after {_text(latest)}, the latest that its rule allows"
        if found.kind in PAYMENTS:
            until = day_end(self.days, until, 0)
        if until <= max(found.due, at):
            return f"not after {_text(max(found.due, at))}, its deadline or the act"
        rows = self._row[found.kind, [found.account]]
        self.calls.extended_until[rows] = until
        if found.kind in PAYMENTS:
            self.calls.legal_due[rows] = np.maximum(self.calls.legal_due[rows], until)
        self._extended[found.account, found.kind] = extension
        self._settle(at, rows, np.array([CHANGE["extended"]]), np.array([UNSET]))
        return None

    def next_event(self) -> int:
        """Next instant at which time alone changes a call; `NEVER` if none."""
        return int(self._events().min(initial=NEVER))

    def pass_time(self, until: int) -> None:
        """Deadlines and ends of days, up to and including an instant."""
        while (at := self.next_event()) <= until:
            rows = np.flatnonzero(self._events() == at)
            self._passed = at
            is_moved = self.calls.struck[rows] != self.calls.now[rows]
            change = np.where(is_moved, CHANGE["restruck"], UNSET)
            self._settle(at, rows, change, np.full(len(rows), UNSET))
        self._passed = max(self._passed, until)

    def take(self) -> pl.DataFrame:
        """The versions since they were taken last, as `margin_calls` without cycle."""
        versions, self._versions = self._versions, []
        return version_frame(versions, self._names)

    def load(
        self, saved: pl.DataFrame, place: Callable[[pl.Series], Int64Array], point: int
    ) -> None:
        """Takes the versions saved up to a grid point; the names must have their places."""
        self.calls, self._extended = calls_of(saved, place)
        self._passed = point
        self._index(0)

    def _open(self, kind: int, at: int, asked: Demand) -> None:
        first = len(self.calls.account)
        self.calls = self.calls.with_new(kind, asked)
        self._index(first)
        rows = np.arange(first, len(self.calls.account))
        change = np.full(len(rows), CHANGE["opened"])
        self._settle(at, rows, change, np.full(len(rows), UNSET))

    def _owed(self, rows: Int64Array, asked: Demand) -> Int64Array:
        """What is owed now: what is not known lowers no call."""
        least = np.where(asked.is_known, 0, self.calls.struck[rows])
        return np.maximum(asked.owed, least)

    def _restrike(self, at: int, rows: Int64Array, asked: Demand) -> None:
        """Moves open calls to what is asked now; those that changed are settled."""
        calls, owed = self.calls, self._owed(rows, asked)
        fallen = calls.now[rows] - owed
        paid = np.clip(asked.deposits, np.minimum(fallen, 0), np.maximum(fallen, 0))
        calls.by_deposits[rows] += paid
        calls.by_trades[rows] += np.where(asked.has_traded, fallen - paid, 0)
        calls.now[rows] = owed
        change = np.full(len(rows), UNSET)
        change[self._is_restruck(at, rows)] = CHANGE["restruck"]
        change[asked.has_moved & (fallen != 0)] = CHANGE["transacted"]
        change[calls.legal_due[rows] != asked.legal_due] = CHANGE["due_moved"]
        calls.house_due[rows], calls.legal_due[rows] = asked.house_due, asked.legal_due
        for held, new in (
            (calls.consequence, asked.consequence),
            (calls.consequence_until, asked.consequence_until),
        ):
            change[held[rows] != new] = CHANGE["consequence"]
            held[rows] = new
        over = np.where(asked.is_unmet, EXPIRED, MET)
        ending = np.where(asked.is_unmet, CHANGE["expired"], CHANGE["met"])
        change, over = np.where(owed > 0, change, ending), np.where(owed > 0, UNSET, over)
        changed = change != UNSET
        self._settle(at, rows[changed], change[changed], over[changed])

    def _settle(self, at: int, rows: Int64Array, change: Int64Array, over: Int64Array) -> None:
        """Makes a version of calls as they are now, for the gravest change; ends those `over`."""
        if not len(rows):
            return
        calls, was = self.calls, self.calls.state[rows]
        calls.struck[rows] = calls.now[rows]
        states = np.where(over == UNSET, states_at(calls.take(rows), at), over)
        for state, name in _OF_STATE.items():
            is_new = (states == state) & (was != state) & (change != CHANGE["opened"])
            change = np.where(is_new, np.maximum(change, CHANGE[name]), change)
        calls.state[rows], calls.is_open[rows] = states, over == UNSET
        calls.version[rows] += 1
        version = calls.take(rows)
        keys = zip(version.account.tolist(), version.kind.tolist(), strict=True)
        extended = [self._extended.get(key) for key in keys]
        self._versions.append(Version(at, version, change, extended))
        if (over != UNSET).any():
            self._close(rows[over != UNSET])

    def _close(self, rows: Int64Array) -> None:
        """Forgets calls that have ended."""
        ended = self.calls.take(rows)
        self._row[ended.kind, ended.account] = UNSET
        for identity in call_ids(ended, self._names):
            self._extended.pop(self._keys.pop(identity), None)
        is_kept = np.ones(len(self.calls.account), dtype=np.bool_)
        is_kept[rows] = False
        self.calls = self.calls.take(is_kept)
        self._row[self.calls.kind, self.calls.account] = np.arange(len(self.calls.account))

    def _index(self, first: int) -> None:
        """Makes the calls from a place on findable."""
        new = self.calls.take(np.arange(first, len(self.calls.account)))
        self._row[new.kind, new.account] = np.arange(first, len(self.calls.account))
        keys = zip(new.account.tolist(), new.kind.tolist(), strict=True)
        self._keys |= dict(zip(call_ids(new, self._names), keys, strict=True))

    def _is_restruck(self, at: int, rows: Int64Array) -> BoolArray:
        """Whether what is owed has moved by more than the firm's share since it was struck."""
        share = call_rules(self.days.date_of(day_of(self.days, at))).restruck_share
        return has_moved_by(self.calls.take(rows), share)

    def _events(self) -> Int64Array:
        """Next instant at which time alone changes each call."""
        # What is owed otherwise than struck is struck at the end of the business day.
        end = self.days.ends[np.searchsorted(self.days.ends, self._passed, side="right")]
        return next_changes(self.calls, int(end))


def _text(at: int) -> str:
    """An instant for a person."""
    return str(to_instants(np.array([at], dtype=np.int64))[0].isoformat())
