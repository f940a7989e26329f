"""Corporate actions: which version of each stands, what it does to a unit, and when it acts."""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import polars as pl

from margin_assets.kernels.book.counting import counting_from
from margin_assets.kernels.book.terms import first_instant
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import instants, to_scaled, whole
from margin_assets.kernels.rules.grid import grid_point, rules_at
from margin_assets.kernels.rules.instants import NEVER
from schemas.books import (
    CASH_DIVIDEND,
    CORPORATE_KINDS,
    DELISTING,
    KEPT,
    MERGER,
    SPLIT,
    STOCK_DIVIDEND,
    SYMBOL_CHANGE,
    WITHDRAWN,
)


class Ratio(NamedTuple):
    """So many units for so many held, both in micro-units."""

    units: int
    per: int


SAME, NONE = Ratio(1, 1), Ratio(0, 1)


class Action(NamedTuple):
    """What one action does to each unit of a symbol. Cash in micro-dollars a unit."""

    action_id: str
    """Of the original, whatever version of it stands."""
    kind: str
    symbol: str
    at: int
    """Opening of its ex session, microseconds."""
    own: Ratio
    """What a unit becomes of the same symbol."""
    other: str | None
    given: Ratio
    """What a unit is given of the other symbol."""
    paid: int
    """Paid at once."""
    owed: int
    """Owed from the ex date on: a dividend."""
    fractions: str
    fraction_price: int
    given_value: int
    """Stated value of a unit given, micro-dollars; 0 where none is."""
    pay_on: int
    """Days since 1970; negative where it is not told."""


class Version(NamedTuple):
    """One landed row of an action."""

    action: Action
    row_id: str
    corrects: str | None
    event_time: int
    known: int
    """Point that the row counts from."""


def ex_opening(effective_on: pl.Series, opens: Int64Array) -> Int64Array:
    """Opening of the first session on or after each day, of those of all sessions."""
    place = np.searchsorted(opens, instants(first_instant(effective_on)))
    return opens[np.minimum(place, len(opens) - 1)]


def versions_of(rows: pl.DataFrame, known: Int64Array, opens: Int64Array) -> list[Version]:
    """Landed `corporate_actions`, each with the point that it counts from."""
    at = ex_opening(rows["effective_on"], opens).tolist()
    names = ("cash_amount", "fraction_price", "to_price")
    amounts = {name: to_scaled(rows[name]).tolist() for name in names}
    units = {
        name: to_scaled(rows[name].fill_null(1)).tolist() for name in ("new_units", "per_units")
    }
    days, times = whole(rows["pay_on"], -1).tolist(), whole(rows["event_time"], 0).tolist()
    found = []
    for n, row in enumerate(rows.iter_rows(named=True)):
        ratio = Ratio(units["new_units"][n], units["per_units"][n])
        own, given = _ratios(row["kind"], ratio, row["to_symbol"], row["cash_amount"])
        is_dividend = row["kind"] == CASH_DIVIDEND
        action = Action(
            action_id=row["action_id"],
            kind=row["kind"],
            symbol=row["symbol"],
            at=at[n],
            own=own,
            other=row["to_symbol"],
            given=given,
            paid=0 if is_dividend else amounts["cash_amount"][n],
            owed=amounts["cash_amount"][n] if is_dividend else 0,
            fractions=row["fractions"] or KEPT,
            fraction_price=amounts["fraction_price"][n],
            given_value=amounts["to_price"][n],
            pay_on=days[n],
        )
        landed = row["action_id"], row["corrects_action_id"], times[n], int(known[n])
        found.append(Version(action, *landed))
    return found


def _ratios(kind: str, told: Ratio, other: str | None, cash: object) -> tuple[Ratio, Ratio]:
    """What a unit becomes of its own symbol and of the other one."""
    given = NONE if other is None else told
    if kind == SPLIT:
        return told, NONE
    if kind == STOCK_DIVIDEND:
        return Ratio(told.per + told.units, told.per), NONE
    is_gone = kind in (MERGER, SYMBOL_CHANGE) or (kind == DELISTING and cash is not None)
    return NONE if is_gone else SAME, given


class Register:
    """Every landed version of every action, and what of it acts at which grid point."""

    def __init__(self) -> None:
        self._versions: list[Version] = []
        self._children: dict[str, list[Version]] = defaultdict(list)
        self._roots: dict[str, Version] = {}
        self._near: dict[str, set[str]] = defaultdict(set)
        self._points: list[int] = []
        """Grid points at which something may act or be known, in order."""

    def __bool__(self) -> bool:
        return bool(self._versions)

    def learn(self, versions: Iterable[Version]) -> None:
        """Takes landed versions; those of an id that is known have been refused before."""
        for version in versions:
            self._versions.append(version)
            insort(self._points, version.known)
            insort(self._points, acts_at(version.action))
            if version.corrects is None:
                self._roots[version.row_id] = version
            else:
                self._children[version.corrects].append(version)
            if version.action.other is not None:
                self._near[version.action.symbol].add(version.action.other)
                self._near[version.action.other].add(version.action.symbol)

    def standing(self, known: int) -> list[Action]:
        """Actions as they stand by what is known at a grid point, in order of acting."""
        found = []
        for root in self._roots.values():
            version = _last(root, self._children, known)
            if version is not None and version.action.kind != WITHDRAWN:
                found.append(version.action._replace(action_id=root.row_id))
        return sorted(found, key=in_order)

    def acted(self, point: int) -> list[Action]:
        """Those that have acted by a grid point, by what is known there."""
        return [action for action in self.standing(point) if acts_at(action) <= point]

    def acted_before(self, point: int) -> list[Action]:
        """Those that have acted by a grid point but for what is known too late for it there."""
        earlier = [action for action in self.standing(point - 1) if acts_at(action) < point]
        return sorted(earlier + self.due(point), key=in_order)

    def due(self, point: int) -> list[Action]:
        """Those whose ex session opens at a grid point, and that were known by then."""
        return [action for action in self.standing(point) if acts_at(action) == point]

    def points(self) -> list[int]:
        """Grid points at which something may act or be known, in order."""
        return self._points

    def next_due(self, after: int) -> int:
        """Next grid point at which an action acts or a late one is known, or never."""
        place = bisect_right(self._points, after)
        return self._points[place] if place < len(self._points) else NEVER

    def may_act(self, point: int) -> bool:
        """Whether anything may act or be known at a grid point."""
        place = bisect_left(self._points, point)
        return place < len(self._points) and self._points[place] == point

    def connected(self, symbol: str) -> frozenset[str]:
        """The symbol with all that actions tie it to."""
        found, left = {symbol}, [symbol]
        while left:
            for other in self._near.get(left.pop(), ()):
                if other not in found:
                    found.add(other)
                    left.append(other)
        return frozenset(found)

    def late(self, since: int) -> list[Version]:
        """Versions known at points after one that come after what they change."""
        return [
            version
            for version in self._versions
            if since < version.known and self._first_acts_at(version) < version.known
        ]

    def root_of(self, row_id: str) -> str:
        """The original at the end of a chain of corrections; the row itself where it is one."""
        above = {v.row_id: v.corrects for v in self._versions if v.corrects is not None}
        seen = {row_id}
        while row_id in above and above[row_id] not in seen:
            row_id = above[row_id]
            seen.add(row_id)
        return row_id

    def symbol_of(self) -> dict[str, str]:
        """Symbol of each landed row, by its id."""
        return {version.row_id: version.action.symbol for version in self._versions}

    def last_at(self) -> dict[str, int]:
        """By symbol the latest opening of an ex session that any version ties it to."""
        found: dict[str, int] = {}
        for version in self._versions:
            for symbol in self.connected(version.action.symbol):
                found[symbol] = max(version.action.at, found.get(symbol, 0))
        return found

    def _first_acts_at(self, version: Version) -> int:
        """First grid point at which it, or what it replaces, acts."""
        at = acts_at(version.action)
        above = {v.row_id: v for v in self._versions}
        while version.corrects in above:
            version = above[version.corrects]
            at = min(at, acts_at(version.action))
        return at


def register_of(rows: pl.DataFrame, opens: Int64Array) -> Register:
    """Landed `corporate_actions`, each from the instant or grid `point` that it counts from."""
    register = Register()
    register.learn(versions_of(rows, counting_from(rows), opens))
    return register


def in_order(action: Action) -> tuple[int, str, int, str]:
    """What actions are sorted by: time, symbol, kind, id."""
    return action.at, action.symbol, CORPORATE_KINDS.index(action.kind), action.action_id


def acts_at(action: Action) -> int:
    """Grid point of the opening of its ex session."""
    return grid_point(action.at, rules_at(action.at).grid_interval)


def _last(root: Version, children: dict[str, list[Version]], known: int) -> Version | None:
    """The version that stands: of several corrections of a row the last by (time, id)."""
    if root.known > known:
        return None
    version, seen = root, {root.row_id}
    while True:
        below = [
            v
            for v in children.get(version.row_id, ())
            if v.known <= known and v.row_id not in seen and v.action.symbol == root.action.symbol
        ]
        if not below:
            return version
        version = max(below, key=lambda v: (v.event_time, v.row_id))
        seen.add(version.row_id)
