"""Prices that landed before a corporate action, carried over it for as long as they stand."""

import numpy as np

from margin_assets.kernels.corporate.actions import Action
from margin_assets.kernels.corporate.carried import NO_QUOTE, Quote, carried
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.rules import Rules
from margin_assets.live.state.market import Market
from margin_assets.live.state.names import NOBODY
from margin_assets.live.state.ticks import Ticks


class CarriedPrices:
    """Prices of symbols that actions name, as they landed, and what the market has for them."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._actions: list[Action] = []
        self._landed: dict[int, Quote] = {}
        """By place, as long as the market has another price there or may have."""

    def act(self, actions: list[Action], at: int, rules: Rules) -> Int64Array:
        """Takes the actions that have acted by now; returns whose prices are others."""
        self._actions = actions
        for action in actions:
            for name in (action.symbol, action.other):
                if name is not None:
                    place = self._market.symbols.place(name)
                    self._landed.setdefault(place, self._quote(place))
        return self._carry(at, rules)

    def land(self, moved: Int64Array, at: int, rules: Rules) -> Int64Array:
        """Takes prices that have landed, as the market has them; returns whose are others."""
        named = [place for place in moved.tolist() if place in self._landed]
        for place in named:
            self._landed[place] = self._quote(place)
        return self._carry(at, rules) if named else NOBODY

    def _quote(self, place: int) -> Quote:
        prices = self._market.prices
        return Quote(int(prices.price[place]), int(prices.time[place]))

    def _carry(self, at: int, rules: Rules) -> Int64Array:
        names, found = self._market.symbols, []
        for place in sorted(self._landed):
            quote = carried(names.all[place], self._of, self._actions)
            if quote != self._quote(place):
                found.append((place, quote.time, quote.price))
        if not found:
            return NOBODY
        ticks = Ticks(*np.array(found, dtype=np.int64).T)
        self._market.prices.put(ticks, at, rules)
        return ticks.place

    def _of(self, symbol: str) -> Quote:
        return self._landed.get(self._market.symbols.place(symbol), NO_QUOTE)
