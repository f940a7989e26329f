"""The price that stands for each symbol, and in which state: as landed, else its last fill's."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.marks import (
    marked_by_fill,
    next_change,
    next_opening,
    price_states,
)
from margin_assets.kernels.book.series import FILL, MISSING, STALE
from margin_assets.kernels.numeric.arrays import Int8Array, Int64Array
from margin_assets.kernels.rules.expiry import SessionTimes
from margin_assets.kernels.rules.instants import NEVER
from margin_assets.kernels.rules.rules import Rules
from margin_assets.live.state.last_fills import LastFills
from margin_assets.live.state.names import Names
from margin_assets.live.state.ticks import Ticks

_UNKNOWN = -1


class Prices:
    """Arrays by symbol: prices in micro-dollars, instants in microseconds."""

    def __init__(self, symbols: Names, times: SessionTimes) -> None:
        self._symbols, self._opens = symbols, times.opens
        self.fills = LastFills(symbols)
        self.price: Int64Array = np.zeros(0, dtype=np.int64)
        """The last that landed."""
        self.time: Int64Array = np.zeros(0, dtype=np.int64)
        """Of that price; negative where there is none."""
        self.state: Int8Array = np.zeros(0, dtype=np.int8)
        self.change_at: Int64Array = np.zeros(0, dtype=np.int64)

    def grow(self, symbols: int) -> None:
        """Makes room for new symbols, which have no price."""
        self.fills.grow(symbols)
        self.price = np.append(self.price, np.zeros(symbols, dtype=np.int64))
        self.time = np.append(self.time, np.full(symbols, _UNKNOWN))
        self.state = np.append(self.state, np.full(symbols, MISSING, dtype=np.int8))
        self.change_at = np.append(self.change_at, np.full(symbols, NEVER))

    def take(self, ticks: Ticks, at: int, rules: Rules) -> Int64Array:
        """Takes the prices of a grid point, in order of time and landing; returns who moved."""
        newer = ticks.time >= self.time[ticks.place]
        place = ticks.place[newer]
        # Of repeated places the last assigned stands: the latest, and of equals the last landed.
        self.price[place] = ticks.price[newer]
        self.time[place] = ticks.time[newer]
        moved = np.unique(place)
        self._age(moved, at, rules)
        return moved

    def put(self, ticks: Ticks, at: int, rules: Rules) -> None:
        """Puts prices in the place of those that stand, whatever times they have."""
        self.price[ticks.place], self.time[ticks.place] = ticks.price, ticks.time
        self._age(ticks.place, at, rules)

    def age(self, at: int, rules: Rules) -> Int64Array:
        """Takes the opening of a session; returns whose price state changed."""
        due = np.flatnonzero(self.change_at <= at)
        self._age(due, at, rules)
        if len(due):
            self.fills.forget_others(self.unpriced())
        return due

    def _age(self, places: Int64Array, at: int, rules: Rules) -> None:
        made = self.time[places]
        state = price_states(made, at, self._opens, rules)
        change = next_change(made, at, self._opens, rules)
        is_filled = marked_by_fill(state, self.fills.time[places], at, self._opens)
        change[is_filled] = next_opening(at, self._opens)
        self.state[places] = np.where(is_filled, FILL, state)
        self.change_at[places] = change

    def take_fills(self, effects: pl.DataFrame, at: int, rules: Rules) -> Int64Array:
        """Takes the fills of a grid point, after its prices; returns whose mark they may change.

        Each has the place of its original among all fills, `landed`.
        """
        lacks_price = self.state[self._symbols.of(effects, "symbol")] > STALE
        moved = np.zeros(0, dtype=np.int64)
        if lacks_price.any():
            moved = self.fills.take(effects.filter(pl.Series(lacks_price)))
            self._age(moved, at, rules)
        return moved

    def unpriced(self) -> pl.Series:
        """Symbols whose last price is not usable, or that have none."""
        names = pl.Series(self._symbols.all, dtype=pl.String)
        return names.filter(pl.Series(self.state > STALE, dtype=pl.Boolean))

    def mark(self) -> Int64Array:
        """Price that stands for each symbol: the last one, or the last fill's in its session."""
        return np.where(self.state == FILL, self.fills.price, self.price)

    def marked_at(self) -> Int64Array:
        """When the price was made that stands; negative where there is none."""
        return np.where(self.state == FILL, self.fills.time, self.time)

    def next_opening(self) -> int:
        """Next instant at which a price goes stale or unusable."""
        return int(self.change_at.min(initial=NEVER))
