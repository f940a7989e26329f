"""Dividends between their ex date and their payment: what accounts are due, and what they owe.

A holder at the opening of the ex session is due the dividend, a short seller owes it. A movement of
kind `dividend` meets what is open with its sign, oldest ex date first; what is paid before
anything is open waits for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.books import AHEAD, DUE, MET


class Entry(NamedTuple):
    """One change of what an account is due (positive) or owes, cents."""

    account: str
    kind: str
    action_id: str
    symbol: str | None
    amount: int
    happened_at: int


class Owed(NamedTuple):
    """What one dividend comes to for one account: cents, positive where the account is due them."""

    symbol: str
    cents: int
    at: int
    """Opening of its ex session, microseconds."""


@dataclass
class _Open:
    """What is left of one dividend, or of one payment ahead, cents."""

    action_id: str
    symbol: str | None
    amount: int
    happened_at: int


class Dividends:
    """What is open in every account, by account."""

    def __init__(self) -> None:
        self._due: dict[str, list[_Open]] = defaultdict(list)
        self._ahead: dict[str, list[_Open]] = defaultdict(list)

    def load(self, entries: Iterable[Entry]) -> None:
        """Takes saved entries, in the order in which they were made."""
        for entry in entries:
            side = self._ahead if entry.kind == AHEAD else self._due
            _add(side[entry.account], entry)

    def accrue(self, entry: Entry) -> list[Entry]:
        """Takes a change of what is due; returns it, with what payments ahead meet of it."""
        _add(self._due[entry.account], entry)
        return [entry, *self._settled(entry.account)]

    def pay(self, account: str, movement_id: str, amount: int, time: int) -> list[Entry]:
        """Takes a payment, into the account positive; returns what it meets and what is left."""
        ahead = Entry(account, AHEAD, movement_id, None, amount, time)
        _add(self._ahead[account], ahead)
        met = self._settled(account)
        used = sum(entry.amount for entry in met if entry.kind == AHEAD)
        rest = ahead._replace(amount=amount + used)
        found = [entry for entry in met if entry.kind != AHEAD]
        return [*found, rest] if rest.amount else found

    def open(self, account: str) -> tuple[int, int]:
        """Cents that an account is due, and that it owes (not above 0)."""
        amounts = [one.amount for one in self._due.get(account, ())]
        return sum(a for a in amounts if a > 0), sum(a for a in amounts if a < 0)

    def _settled(self, account: str) -> list[Entry]:
        """Meets what is open by what was paid from its ex date on, oldest first."""
        found = []
        for due in self._due[account]:
            for paid in self._ahead[account]:
                is_for_it = paid.happened_at >= due.happened_at and paid.amount * due.amount > 0
                if is_for_it:
                    part = min(abs(due.amount), abs(paid.amount))
                    part = part if due.amount > 0 else -part
                    due.amount -= part
                    paid.amount -= part
                    found += [
                        Entry(account, MET, due.action_id, due.symbol, -part, due.happened_at),
                        Entry(account, AHEAD, paid.action_id, None, -part, paid.happened_at),
                    ]
        for side in (self._due, self._ahead):
            side[account] = [one for one in side[account] if one.amount]
        return found


def _add(side: list[_Open], entry: Entry) -> None:
    """Adds to what is open of a dividend, in order of (time, id)."""
    for one in side:
        if one.action_id == entry.action_id:
            one.amount += entry.amount
            break
    else:
        side.append(_Open(entry.action_id, entry.symbol, entry.amount, entry.happened_at))
        side.sort(key=lambda one: (one.happened_at, one.action_id))
    side[:] = [one for one in side if one.amount]


def due_entries(account: str, before: Mapping[str, Owed], after: Mapping[str, Owed]) -> list[Entry]:
    """Changes of what is due, by dividend, from what it was to what it is."""
    found = []
    for action_id in sorted(before.keys() | after.keys()):
        then, now = before.get(action_id), after.get(action_id)
        change = (now.cents if now else 0) - (then.cents if then else 0)
        told = now or then
        if change and told:
            found.append(Entry(account, DUE, action_id, told.symbol, change, told.at))
    return found
