"""The last fill of each symbol that has no usable price, as it comes in the live day."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.last_fills import TRADE_COLUMNS, last_fills, trades_of
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.live.state.names import Names

_NO_FILL = -1


class LastFills:
    """Price and time of the last fill by symbol; the fills are kept, since it may be busted."""

    def __init__(self, symbols: Names) -> None:
        self._symbols = symbols
        self.price = np.zeros(0, dtype=np.int64)
        """Micro-dollars."""
        self.time = np.zeros(0, dtype=np.int64)
        """Event time in microseconds; negative where there is no fill."""
        self._tape: list[pl.DataFrame] = []

    def grow(self, symbols: int) -> None:
        """Makes room for new symbols, of which no fill is known."""
        self.price = np.concatenate([self.price, np.zeros(symbols, dtype=np.int64)])
        self.time = np.concatenate([self.time, np.full(symbols, _NO_FILL, dtype=np.int64)])

    def take(self, effects: pl.DataFrame) -> Int64Array:
        """Takes effects of fills, each with its original's place `landed`; returns of whom."""
        trades = trades_of(effects)
        self._tape.append(trades)
        if (trades["fill_id"] == trades["original"]).all():
            # Nothing is corrected: the last one not older than the one before stands.
            new = trades.sort("original_time", "landed").rename({"original_time": "time"})
            place = self._symbols.places(new["symbol"])
            newer = new["time"].to_numpy() >= self.time[place]
            self._put(place[newer], new.filter(pl.Series(newer)))
            return np.unique(place)
        symbols = trades["symbol"].unique()
        place, last = self._symbols.places(symbols), last_fills(self._of(symbols))
        self.price[place], self.time[place] = 0, _NO_FILL
        self._put(self._symbols.places(last["symbol"]), last)
        return np.unique(place)

    def _put(self, place: Int64Array, last: pl.DataFrame) -> None:
        self.price[place], self.time[place] = last["price"].to_numpy(), last["time"].to_numpy()

    def forget_others(self, symbols: pl.Series) -> None:
        """Forgets the fills of all but these: the others have a price for sessions to come."""
        if self._tape:
            self._tape = [self._of(symbols)]

    def _of(self, symbols: pl.Series) -> pl.DataFrame:
        self._tape = [pl.concat([pl.DataFrame(schema=TRADE_COLUMNS), *self._tape])]
        return self._tape[0].filter(pl.col("symbol").is_in(symbols.implode()))
