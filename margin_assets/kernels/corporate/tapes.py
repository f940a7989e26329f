"""Positions worked out again from all that moved them, and effects of what comes late."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from margin_assets.kernels.book.fills import EFFECT_COLUMNS, Effect, FillRow, standing
from margin_assets.kernels.book.sales import sales_after
from margin_assets.kernels.corporate.actions import Action, Register
from margin_assets.kernels.corporate.balances import Balance, Books, act
from margin_assets.kernels.corporate.dividends import Entry as DividendEntry
from margin_assets.kernels.corporate.dividends import Owed, due_entries


class Entry(NamedTuple):
    """One thing that moved a position: a fill as it stands, an opening balance, a leg."""

    time: int
    """Event time of its original: an action at or before it has acted on what it moves."""
    point: int
    name: str
    symbol: str
    quantity: int
    price: int


class Walked(NamedTuple):
    """An account's positions after all of its entries and actions."""

    books: Books
    cash: int
    """Cents that actions paid at once; what entries moved is not in it."""
    owed: dict[str, Owed]
    """By dividend."""


def walked(entries: Iterable[Entry], actions: list[Action]) -> Walked:
    """Positions of one account: entries between the actions, as event time has them."""
    times = [action.at for action in actions]
    placed = sorted((bisect_right(times, e.time), e.point, e.time, e.name, e) for e in entries)
    found = Walked({}, 0, {})
    done = 0
    cash = 0
    for segment, _, _, _, entry in placed:
        cash += sum(_acted(action, found) for action in actions[done:segment])
        done = segment
        enter(found.books, entry)
    cash += sum(_acted(action, found) for action in actions[done:])
    return found._replace(cash=cash)


def _acted(action: Action, found: Walked) -> int:
    paid = act(action, found.books)
    if paid.owed:
        found.owed[action.action_id] = Owed(action.symbol, paid.owed, action.at)
    return paid.at_once


def enter(books: Books, entry: Entry) -> None:
    """Takes an entry into the positions of its account."""
    held = books.setdefault(entry.symbol, Balance())
    after = sales_after(held.quantity, held.sold, held.proceeds, entry.quantity, entry.price)
    held.quantity, held.sold, held.proceeds = (int(value) for value in after)
    held.price = entry.price
    if not held.quantity:
        del books[entry.symbol]


def entries_of(rows: Iterable[FillRow], known: int) -> list[Entry]:
    """Fills as they stand by what is known at a point, each in its original's place."""
    children: dict[str, list[FillRow]] = {}
    roots = []
    for row in rows:
        if row.corrects is None:
            roots.append(row)
        else:
            children.setdefault(row.corrects, []).append(row)
    found = []
    for root in roots:
        now = standing(root, children, known)
        if now is not None:
            place = root.event_time, root.point, root.fill_id, root.symbol
            found.append(Entry(*place, now.quantity, now.price))
    return found


def effects_between(
    account: str, before: Books, after: Books, at: tuple[int, int, str], paid: tuple[str, int]
) -> list[Effect]:
    """What brings positions from one state to another; `at`: point, event time and name.

    `paid`: cents that come with it, under their symbol. Positions that stay are left out.
    """
    point, event_time, name = at
    found = []
    for symbol in sorted({*before, *after, paid[0]}):
        old, new = before.get(symbol, Balance()), after.get(symbol, Balance())
        cash = paid[1] if symbol == paid[0] else 0
        if old != new or cash:
            quantity = new.quantity - old.quantity
            row = Effect(point, event_time, name, account, symbol, quantity, cash, new.price, point)
            row = row._replace(sale_quantity=new.sold, sale_proceeds=new.proceeds)
            found.append(row._replace(original=name, original_time=event_time))
    return found


class Late(NamedTuple):
    """Positions to be worked out again at a point: symbols that actions tie together."""

    account: str
    symbols: frozenset[str]
    point: int


Tape = tuple[list[FillRow], list[Entry]]
"""Fills of an account in some symbols, with all corrections, and what else moved them."""


class Change(NamedTuple):
    """What late rows change: positions and cash, and what dividends are due."""

    effects: list[Effect]
    accruals: list[DividendEntry]


def late_effects(late: Late, tape: Tape, register: Register, traded: dict[str, int]) -> Change:
    """What late rows change beside the fills of the point themselves.

    `traded`: quantity by symbol that the fills of the point change.
    """
    point = late.point
    before = walked(_known(tape, point - 1), _tied(register.acted_before(point), late))
    after = walked(_known(tape, point), _tied(register.acted(point), late))
    held = {symbol: replace(balance) for symbol, balance in before.books.items()}
    for symbol, quantity in traded.items():
        # Its price is not one that it can have: what is told of it is told anew.
        was = held.get(symbol, Balance()).quantity
        held[symbol] = Balance(was + quantity, price=-1)
    paid = min(late.symbols), after.cash - before.cash
    at = point, point, "late"
    effects = effects_between(late.account, held, after.books, at, paid)
    return Change(effects, due_entries(late.account, before.owed, after.owed))


def _known(tape: Tape, point: int) -> list[Entry]:
    fills, others = tape
    return entries_of(fills, point) + [entry for entry in others if entry.point <= point]


def _tied(actions: list[Action], late: Late) -> list[Action]:
    return [action for action in actions if action.symbol in late.symbols]


NO_EFFECTS = pl.DataFrame(schema=EFFECT_COLUMNS)
