"""Positions of every account as columns in book order: by account, class group and symbol."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from margin_assets.kernels.book.book import offsets_of
from margin_assets.kernels.book.sales import average_prices, take_sales
from margin_assets.kernels.numeric.arrays import Int32Array, Int64Array
from margin_assets.kernels.numeric.money import units
from margin_assets.live.state.columns import Columns
from margin_assets.live.state.names import united

# A position's key: account, class group and symbol in one integer, so that one sorted array
# finds it and keeps the book in order.
_GROUP_BITS = 20
_SYMBOL_BITS = 20
_LIMIT = 1 << 20
_NONE: Int64Array = np.zeros(0, dtype=np.int64)
_MANY = 1000
"""From so many positions on all offsets are counted at once."""


class Taken(NamedTuple):
    """Positions at their places, each once, and which of them each row of a list is of."""

    place: Int64Array
    inverse: Int64Array


class Positions:
    """What is held, position by position, and where each account's begin.

    A change costs what it changes, and a move of a part of the columns where a position comes or
    goes: what looks at them, a book among it, does so up to then.
    """

    def __init__(self) -> None:
        self._columns = Columns(_COLUMNS)
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
        owners = united(len(self.offsets) - 1, of)
        first, count = self.offsets[owners], self.sizes(owners)
        starts = np.repeat(first - offsets_of(count)[:-1], count)
        return starts + np.arange(len(starts), dtype=np.int64)

    def sizes(self, accounts: Int64Array) -> Int64Array:
        """How many positions each of some accounts has."""
        found: Int64Array = self.offsets[accounts + 1] - self.offsets[accounts]
        return found

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
            self._units[:] = units(self.quantity, multiplier, self.series)
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
        self._key[:] = keys
        self._columns.sort(np.argsort(keys, kind="stable"))

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
        self._columns.insert(place, made)
        self._look(owner, 1)

    def _drop(self, flat: Int64Array) -> None:
        if not len(flat):
            return
        owners = self.account[flat]
        self._columns.delete(flat)
        self._look(owners, -1)

    def _look(self, owners: Int64Array, each: int) -> None:
        """Looks at the columns after positions of accounts, in order, came (1) or went (-1)."""
        vars(self).update(self._columns.views())
        if len(owners) > _MANY:
            more = each * np.bincount(owners, minlength=len(self.offsets) - 1)
            self.offsets[1:] += np.cumsum(more)
            return
        for n, (owner, following) in enumerate(pairwise([*owners.tolist(), None]), start=1):
            self.offsets[owner + 1 : None if following is None else following + 1] += each * n


_COLUMNS = dict.fromkeys(
    ("_key", "account", "quantity", "last_fill_price", "sold", "proceeds", "sale_price", "_units"),
    np.int64,
) | {"series": np.int32}


def without_group(account: Int64Array, symbol: Int64Array) -> Int64Array:
    """Name of a position that stays when its class group changes."""
    return (account << _SYMBOL_BITS) | symbol
