"""Positions of every account as columns in book order: by account, class group and symbol."""

from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import offsets_of
from margin_assets.kernels.book.sales import average_prices, take_sales
from margin_assets.kernels.numeric.arrays import Int32Array, Int64Array
from margin_assets.kernels.numeric.money import units
from margin_assets.live.state.names import united

# A position's key: account, class group and symbol in one integer, so that one sorted array
# finds it and keeps the book in order.
_GROUP_BITS = 20
_SYMBOL_BITS = 20
_LIMIT = 1 << 20
_NONE: Int64Array = np.zeros(0, dtype=np.int64)
_SHARE = 64
"""From so small a share of the accounts on, a flag for each is cheaper than sorting."""


class Taken(NamedTuple):
    """Positions at their places, each once, and which of them each row of a list is of."""

    place: Int64Array
    inverse: Int64Array


class Positions:
    """What is held, position by position, and where each account's begin.

    A change costs what it changes, and one move of the columns where a position comes or goes.
    """

    def __init__(self) -> None:
        self._key = _NONE
        self.account = _NONE
        self.series: Int32Array = np.zeros(0, dtype=np.int32)
        self.quantity = _NONE
        self.last_fill_price = _NONE
        self.sold = _NONE
        """Opening sales of a short position, micro-units; what they brought, micro-dollars."""
        self.proceeds = _NONE
        self.sale_price = _NONE
        """What a unit of them brought, see `average_prices`."""
        self._units = _NONE
        """Quantities in units, by the multipliers that they were asked for with last."""
        self._multiplier = _NONE
        self.offsets: Int64Array = np.zeros(1, dtype=np.int64)

    def grow(self, accounts: int) -> None:
        """Gives new accounts their place behind the others: they hold nothing."""
        new = np.full(accounts, len(self._key), dtype=np.int64)
        self.offsets = np.concatenate([self.offsets, new])

    def places(self, of: Int64Array | None = None) -> Int64Array:
        """Places of positions (of some accounts), in order."""
        if of is None:
            return np.arange(len(self.account), dtype=np.int64)
        owners = owners_of(of, len(self.offsets) - 1)
        first, count = self.offsets[owners], np.diff(self.offsets)[owners]
        starts = np.repeat(first - offsets_of(count)[:-1], count)
        return starts + np.arange(len(starts), dtype=np.int64)

    def holders(self, symbols: Int64Array, count: int) -> Int64Array:
        """Accounts that hold any of the symbols, of `count` in all."""
        if not len(symbols):
            return symbols
        chosen = np.zeros(count, dtype=np.bool_)
        chosen[symbols] = True
        held = np.zeros(len(self.offsets) - 1, dtype=np.bool_)
        held[self.account[chosen[self.series]]] = True
        return np.flatnonzero(held)

    def units(self, multiplier: Int64Array) -> Int64Array:
        """Quantities of all positions in micro-units of what their symbols deliver."""
        # A book is asked for several times a grid point; a walk over a million positions each.
        if not np.array_equal(self._multiplier, multiplier):
            self._units = units(self.quantity, multiplier, self.series).copy()
            self._multiplier = multiplier.copy()
        return self._units

    def taken(self, account: Int64Array, symbol: Int64Array, group: np.ndarray) -> Taken:
        """Where positions are, each made where there is none: flat ones go by `close`."""
        keys, inverse = np.unique(self._keys(account, symbol, group), return_inverse=True)
        self._insert(keys)
        return Taken(np.searchsorted(self._key, keys), inverse.astype(np.int64))

    def sell(
        self,
        at: Taken,
        trades: tuple[Int64Array, Int64Array],
        told: tuple[Int64Array, Int64Array],
    ) -> None:
        """Takes the opening sales of trades, while quantities are as they were before them."""
        sales = self.sold[at.place], self.proceeds[at.place]
        take_sales(at.inverse, trades, told, self.quantity[at.place], sales)
        self.sold[at.place], self.proceeds[at.place] = sales

    def close(self, at: Taken) -> None:
        """Ends a change of positions: what follows from them is worked out, flat ones go."""
        place = at.place
        self.sale_price[place] = average_prices(self.sold[place], self.proceeds[place])
        series = self.series[place]
        if series.max(initial=-1) < len(self._multiplier):
            self._units[place] = units(self.quantity[place], self._multiplier, series)
        else:
            # Of a symbol that is new since: all are worked out when they are asked for.
            self._multiplier = _NONE
        self._drop(place[self.quantity[place] == 0])

    def found(
        self, account: Int64Array, symbol: Int64Array, group: np.ndarray
    ) -> tuple[Int64Array, np.ndarray]:
        """Where positions are or would be, and whether they are there."""
        return self._find(self._keys(account, symbol, group))

    def regroup(self, group: np.ndarray) -> None:
        """Puts the positions in order again after class groups changed."""
        keys = self._keys(self.account, self.series.astype(np.int64), group)
        order = np.argsort(keys, kind="stable")
        self._key = keys
        for name in _COLUMNS:
            setattr(self, name, getattr(self, name)[order])

    def _keys(self, account: Int64Array, symbol: Int64Array, group: np.ndarray) -> Int64Array:
        if len(group) >= _LIMIT:
            msg = f"more than {_LIMIT} symbols in one session"
            raise OverflowError(msg)
        ranked = group[symbol].astype(np.int64)
        keys: Int64Array = (account << (_GROUP_BITS + _SYMBOL_BITS)) | (ranked << _SYMBOL_BITS)
        return keys | symbol

    def _find(self, keys: Int64Array) -> tuple[Int64Array, np.ndarray]:
        place = np.searchsorted(self._key, keys)
        there = place < len(self._key)
        there[there] = self._key[place[there]] == keys[there]
        return place, there

    def _insert(self, keys: Int64Array) -> None:
        place, there = self._find(keys)
        new, place = keys[~there], place[~there]
        if not len(new):
            return
        owner = new >> (_GROUP_BITS + _SYMBOL_BITS)
        made = {"_key": new, "account": owner, "series": new & ((1 << _SYMBOL_BITS) - 1)}
        for name in _COLUMNS:
            setattr(self, name, np.insert(getattr(self, name), place, made.get(name, 0)))
        self._count(owner, 1)

    def _drop(self, flat: Int64Array) -> None:
        if not len(flat):
            return
        self._count(self.account[flat], -1)
        for name in _COLUMNS:
            setattr(self, name, np.delete(getattr(self, name), flat))

    def _count(self, owners: Int64Array, each: int) -> None:
        """Positions of accounts came (`each` 1) or went (-1): those behind them move."""
        more = each * np.bincount(owners, minlength=len(self.offsets) - 1)
        self.offsets = self.offsets + np.concatenate([[0], np.cumsum(more)])


_COLUMNS = (
    "_key",
    "account",
    "series",
    "quantity",
    "last_fill_price",
    "sold",
    "proceeds",
    "sale_price",
    "_units",
)


def owners_of(places: Int64Array, count: int) -> Int64Array:
    """Accounts, of `count` in all, that are named, in order and each once."""
    # Of a first load's trades sorting takes seconds, and of one trade a flag an account is dear.
    return united(count, places) if len(places) * _SHARE > count else np.unique(places)


def without_group(account: Int64Array, symbol: Int64Array) -> Int64Array:
    """Name of a position that stays when its class group changes."""
    return (account << _SYMBOL_BITS) | symbol
