"""Options that have ended and wait: the values that decide them, as they become known."""

import numpy as np
import polars as pl

from margin_assets.kernels.book.deciding import UNDECIDED
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.instants import NEVER
from margin_assets.live.books.settlement_inputs import SettlementInputs
from margin_assets.live.state.market import Market
from margin_assets.live.state.names import NOBODY
from margin_assets.live.state.ticks import Ticks


class DecidingValues:
    """Keeps the market's `deciding` what the rule would go by if it settled now."""

    def __init__(self, market: Market, inputs: SettlementInputs) -> None:
        self._market = market
        self._inputs = inputs
        self._waiting = NOBODY
        self._terms: pl.DataFrame | None = None

    def take(self, point: int, passed: int, ticks: Ticks | None) -> Int64Array:
        """Places of options that another value decides from a grid point on.

        `passed`: instant up to which the rule has settled what is due: what it has left waits for
        a report or a value, and is judged by the price now.
        """
        market, windows = self._market, self._inputs.windows()
        is_over = (windows.over >= 0) & (windows.over <= point)
        waiting = np.flatnonzero(is_over & (windows.due > passed) & (windows.due < NEVER))
        if not len(waiting) and not len(self._waiting):
            return NOBODY
        asked = waiting
        if self._terms is market.static_terms:
            is_new = ~np.isin(waiting, self._waiting)
            asked = waiting[is_new | np.isin(market.underlying[waiting], self._priced(ticks))]
        self._waiting, self._terms = waiting, market.static_terms
        before = market.deciding.copy()
        market.deciding[np.setdiff1d(np.flatnonzero(before >= 0), waiting)] = UNDECIDED
        market.deciding[asked] = self._inputs.values(asked, point)
        return np.flatnonzero(before != market.deciding).astype(np.int64)

    def _priced(self, ticks: Ticks | None) -> Int64Array:
        """Underlyings with a price that may decide: of the sessions that are asked for."""
        if ticks is None:
            return NOBODY
        windows, waiting = self._inputs.windows(), self._waiting
        first = windows.starts[waiting].min(initial=NEVER)
        last = windows.ends[waiting].max(initial=0)
        found: Int64Array = ticks.place[(ticks.time >= first) & (ticks.time <= last)]
        return found
