"""The newest figure of each symbol, of those that land once a day or so."""

from typing import Any

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import Int64Array

_LONG_AGO = np.iinfo(np.int64).min


class Newest:
    """One figure by symbol, and when it was made."""

    def __init__(self, unknown: float) -> None:
        self._unknown = np.array([unknown])
        self.value: npt.NDArray[Any] = self._unknown[:0]
        self.time: Int64Array = np.zeros(0, dtype=np.int64)
        """Microseconds; before any instant where no figure is known."""

    def grow(self, symbols: int) -> None:
        """Makes room for new symbols, of which nothing is known."""
        self.value = np.concatenate([self.value, np.repeat(self._unknown, symbols)])
        self.time = np.append(self.time, np.full(symbols, _LONG_AGO))

    def take(self, place: Int64Array, time: Int64Array, value: npt.NDArray[Any]) -> Int64Array:
        """Takes figures in order of time and landing; returns whose is another."""
        newer = time >= self.time[place]
        place = place[newer]
        self.value[place], self.time[place] = value[newer], time[newer]
        return np.unique(place)
