"""What counts from a grid point beside transactions: terms, prices, limits, acts of people."""

from datetime import date

import numpy as np
import polars as pl

from margin_assets.kernels.enforcement.rungs import Ladder
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.grid import new_york_day
from margin_assets.kernels.rules.rules import Rules
from margin_assets.live.firm.parts import Parts
from margin_assets.live.firm.transactions import Rows
from margin_assets.live.state.names import carrying
from margin_assets.live.state.ticks import Ticks

TRADED = "traded"
"""Fills of all accounts, where `effects` are those of some: any of them may mark a symbol."""


class Intake:
    """Takes all but transactions, and says what it touches."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._market, self._holdings = parts.market, parts.holdings
        self.day: date | None = None
        """New York's day of the last grid point taken."""

    def make_room(self, events: Rows) -> int:
        """Gives new names in rows their places; returns how many accounts are new."""
        new = 0
        for frame in events.values():
            if "symbol" in frame.columns:
                self._market.add(frame["symbol"])
            if "account_id" in frame.columns:
                new += self._holdings.add(frame["account_id"])
        return new

    def carrying(self, events: Rows) -> Rows:
        """Rows that move holdings with the places of their names: asked for many times."""
        accounts = {"account_id": self._holdings.accounts}
        named = {"effects": accounts | {"symbol": self._market.symbols}, "cash_movements": accounts}
        moved = {n: carrying(events[n], names) for n, names in named.items() if n in events}
        return {**events, **moved}

    def take(
        self, point: int, changed: Rows, ticks: Ticks | None, rules: Rules
    ) -> tuple[list[Int64Array], list[Int64Array]]:
        """Takes all but transactions; returns the symbols and the accounts that it touches."""
        market, holdings = self._market, self._holdings
        symbols = [market.prices.age(point, rules), market.turn(point), self._turn_of_day(point)]
        accounts: list[Int64Array] = []
        if "instruments" in changed:
            symbols.append(market.apply_instruments(changed["instruments"]))
            holdings.positions.regroup(market.class_group)
            sized = holdings.size(market.symbols, market.multiplier, market.is_known)
            # Entered as single units: their multiplier was not known.
            self._parts.reg_t.book.forfeit(point, sized)
            accounts.append(sized)
        if "option_adjustments" in changed:
            symbols.append(market.apply_adjustments(changed["option_adjustments"]))
            holdings.positions.regroup(market.class_group)
        if "rates" in changed:
            symbols.append(market.apply_rates(changed["rates"]))
        if "betas" in changed:
            symbols.append(market.apply_betas(changed["betas"]))
        if "volatilities" in changed:
            symbols.append(market.apply_volatilities(changed["volatilities"]))
        if ticks is not None:
            symbols.append(market.prices.take(ticks, point, rules))
            symbols.append(self._parts.actions.land(symbols[-1], point, rules))
        traded = changed.get(TRADED, changed.get("effects"))
        if traded is not None:
            symbols.append(market.prices.take_fills(traded, point, rules))
        if "accounts" in changed:
            accounts.append(holdings.apply_accounts(changed["accounts"]))
        self._note(changed)
        return symbols, accounts

    def _note(self, changed: Rows) -> None:
        """Takes what no account's figure rests on: nobody is touched."""
        if "volumes" in changed:
            self._market.apply_volumes(changed["volumes"])
        if "limits" in changed:
            self._parts.whole.apply_limits(changed["limits"])

    def _turn_of_day(self, point: int) -> Int64Array:
        """Symbols whose last day has come nearer: all that have one, at a new day's first point."""
        day = new_york_day(point)
        if day == self.day:
            return np.zeros(0, dtype=np.int64)
        self.day = day
        return self._market.dated()

    def act(self, point: int, acts: pl.DataFrame, ladder: Ladder) -> Int64Array:
        """Does what people ask for; returns the accounts that it touches."""
        self._parts.whole.acknowledge(point, acts)
        self._parts.plans.act(point, acts, ladder)
        return self._parts.calls.act(point, acts, ladder, self._parts.reg_t)
