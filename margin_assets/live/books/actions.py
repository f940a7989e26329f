"""Corporate actions in the live day: what acts at a grid point, and on whose positions."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import polars as pl

from margin_assets.kernels.book.fills import EFFECT_COLUMNS, Effect
from margin_assets.kernels.corporate.actions import Action, Register, Version, versions_of
from margin_assets.kernels.corporate.balances import Balance, Books, act
from margin_assets.kernels.corporate.dividends import Entry
from margin_assets.kernels.corporate.tapes import NO_EFFECTS, effects_between
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import BEYOND
from margin_assets.kernels.rules.rules import Rules
from margin_assets.kernels.rules.timelines import Calendar
from margin_assets.live.state.carried_prices import CarriedPrices
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market
from margin_assets.live.state.positions import Positions
from schemas.books import DUE


class ActionMonitor:
    """What is announced, and what of it has acted on the firm's positions and prices."""

    def __init__(self, calendar: Calendar, holdings: Holdings, market: Market) -> None:
        self.register = Register()
        self._calendar = calendar
        self._holdings = holdings
        self._market = market
        self._prices = CarriedPrices(market)

    def versions_of(self, rows: pl.DataFrame) -> list[Version]:
        """Landed actions, each with the grid `point` that it counts from, as versions."""
        return versions_of(rows, rows["point"].to_numpy(), self._calendar.opens)

    def learn(self, rows: pl.DataFrame) -> None:
        """Takes landed actions, each with the grid `point` that it counts from."""
        self.register.learn(self.versions_of(rows))
        self._market.add(pl.concat([rows["symbol"], rows["to_symbol"].drop_nulls()]))

    def next_due(self, after: int) -> int:
        """Next grid point at which an action acts, or one is known that should have."""
        return self.register.next_due(after)

    def act(self, point: int) -> tuple[pl.DataFrame, list[Entry]]:
        """What the actions of a grid point change of what is held before it: effects, dividends."""
        due = self.register.due(point) if self.register.may_act(point) else []
        effects: list[Effect] = []
        accruals: list[Entry] = []
        for account, books in self._books(due).items() if due else ():
            changed, accrued = _acted(account, books, due, point)
            effects += changed
            accruals += accrued
        frame = (
            pl.DataFrame(effects, schema=EFFECT_COLUMNS, orient="row") if effects else NO_EFFECTS
        )
        return frame, accruals

    def _books(self, due: list[Action]) -> dict[str, Books]:
        """Positions in the symbols that actions name, of those who hold what they happen to."""
        market, holdings = self._market, self._holdings
        named = {name for action in due for name in (action.symbol, action.other) if name}
        places = [market.symbols.place(name) for name in sorted(named)]
        found: dict[str, Books] = defaultdict(dict)
        held = holdings.positions
        for n in np.flatnonzero(np.isin(held.series, places)).tolist():
            if abs(held.quantity[n]) < BEYOND:
                account = holdings.accounts.all[held.account[n]]
                symbol = market.symbols.all[held.series[n]]
                found[account][symbol] = Balance(*(int(column[n]) for column in _columns(held)))
        struck = {action.symbol for action in due}
        return {name: books for name, books in found.items() if struck & books.keys()}

    def carry(self, point: int, rules: Rules) -> Int64Array:
        """Carries prices and contracts over what has acted by a point; returns whose change."""
        if not self.register.may_act(point):
            return np.zeros(0, dtype=np.int64)
        acted = self.register.acted(point)
        contracts = self._market.act_on_contracts(acted)
        if len(contracts):
            self._holdings.positions.regroup(self._market.class_group)
        return np.union1d(contracts, self._prices.act(acted, point, rules))

    def land(self, moved: Int64Array, point: int, rules: Rules) -> Int64Array:
        """Carries prices that have landed; returns whose are others than these."""
        return self._prices.land(moved, point, rules)

    def load(self, rows: pl.DataFrame, point: int, rules: Rules) -> None:
        """Takes the actions of sealed cycles as of a grid point; prices must be known."""
        if rows.height:
            self.learn(rows)
            acted = self.register.acted(point)
            self._market.act_on_contracts(acted)
            self._prices.act(acted, point, rules)


def _columns(held: Positions) -> tuple[Int64Array, Int64Array, Int64Array, Int64Array]:
    return held.quantity, held.last_fill_price, held.sold, held.proceeds


def _acted(
    account: str, books: Books, due: list[Action], point: int
) -> tuple[list[Effect], list[Entry]]:
    """Effects and dividends of actions on one account, one action after the other."""
    effects: list[Effect] = []
    accruals = []
    for action in due:
        before = {symbol: replace(balance) for symbol, balance in books.items()}
        paid = act(action, books)
        at = point, action.at, action.action_id
        effects += effects_between(account, before, books, at, (action.symbol, paid.at_once))
        if paid.owed:
            told = action.action_id, action.symbol, paid.owed, action.at
            accruals.append(Entry(account, DUE, *told))
    return effects, accruals
