"""Transactions and settlements of a grid point, as they move holdings and what is kept of them."""

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from margin_assets.kernels.corporate.dividends import Entry
from margin_assets.kernels.corporate.exercises import are_holders, leg_effects, share_legs
from margin_assets.kernels.intraday.intraday import levels
from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.numeric.money import MICRO
from margin_assets.kernels.rules.grid import rules_at
from margin_assets.live.books.intraday import reducing
from margin_assets.live.books.reg_t_entries import Firm, exercise_entries, noted
from margin_assets.live.firm.parts import Parts
from margin_assets.live.state.names import NOBODY, united
from margin_assets.live.state.ticks import Ticks

Rows = Mapping[str, pl.DataFrame]
"""The rows of one grid point, by feed."""


class Transactions:
    """Takes what moves positions and cash; each answer names the accounts that it moved."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._market, self._holdings = parts.market, parts.holdings
        self._valuation, self._intraday = parts.valuation, parts.intraday
        self.valued = NOBODY
        """Accounts that the last grid point's transactions valued, and did not move since."""

    def derive(self, point: int, effects: pl.DataFrame, accruals: Iterable[Entry]) -> Int64Array:
        """Takes what happens to positions beside trades; returns whose they are.

        It is no transaction: nothing is measured, and no memorandum account is entered.
        """
        moved = NOBODY
        if effects.height:
            market = self._market
            single = np.full(effects.height, MICRO, dtype=np.int64)
            moved = self._holdings.apply_effects(
                effects, market.symbols, market.class_group, single
            )
        return np.union1d(moved, self._parts.dividends.accrue(point, accruals)).astype(np.int64)

    def rework(self, point: int, changed: Rows) -> list[Int64Array]:
        """Takes opening balances, and what late rows change; returns whose they are."""
        accounts = []
        if "opening_cash" in changed:
            accounts.append(self._holdings.apply_cash(changed["opening_cash"]))
        if "derived" in changed:
            accounts.append(self.derive(point, changed["derived"], ()))
        if "accruals" in changed:
            told = changed["accruals"].select(Entry._fields).iter_rows()
            accounts.append(self._parts.dividends.accrue(point, (Entry(*row) for row in told)))
        return accounts

    def enter(self, point: int, changed: Rows, moved: Int64Array) -> list[Int64Array]:
        """Takes transactions, and enters them into special memorandum accounts."""
        self.valued = NOBODY
        take = self._transact if self._intraday.is_on(point) else self._take
        if not ("effects" in changed or "cash_movements" in changed):
            return take(point, changed, moved)
        series = self._market.series(point, rules_at(point))
        firm = Firm(self._holdings, series, self._market.symbols)
        found = noted(point, changed, firm, self._parts.reg_t.book.owed)
        before = self._valuation.mixed_excess(found.others, point)
        accounts = take(point, changed, moved)
        gained = self._valuation.mixed_excess(found.others, point) - before
        self._parts.reg_t.enter(point, found, gained, self._holdings.accounts)
        return accounts

    def _take(self, point: int, changed: Rows, _moved: Int64Array) -> list[Int64Array]:
        """Takes transactions all at once; returns whose they are."""
        market, holdings, accounts = self._market, self._holdings, []
        if "cash_movements" in changed:
            accounts.append(holdings.apply_cash(changed["cash_movements"]))
            if self._parts.actions.register:
                self._parts.dividends.pay(point, changed["cash_movements"])
        if "effects" in changed:
            effects = changed["effects"]
            accounts.append(
                holdings.apply_effects(
                    effects,
                    market.symbols,
                    market.class_group,
                    market.traded_multiplier(effects),
                )
            )
            holdings.remember_unsized(effects, market.symbols, market.is_known)
        return accounts

    def _transact(self, point: int, changed: Rows, moved: Int64Array) -> list[Int64Array]:
        """Takes transactions one at a time in each account and measures after each."""
        intraday, holdings, market = self._intraday, self._holdings, self._market
        steps = intraday.steps(changed, holdings, market.symbols, point)
        watched = intraday.watched(point, holdings.positions.holders(moved, len(market.symbols)))
        dealing = [step.accounts for step in steps]
        first = united(len(holdings.accounts), watched, *dealing)
        self.valued = NOBODY if steps else first
        found: list[Int64Array] = []
        if len(first):
            figures = self._valuation.revalue(first, point)
            quiet = np.zeros(len(watched), dtype=np.int64)
            seen = (watched, quiet.astype(np.bool_), quiet)
            found.append(intraday.enter(point, seen, holdings, figures))
        for step in steps:
            before = levels(holdings.account_type, figures, step.accounts)
            found += self._take(point, step.rows, moved)
            figures = self._valuation.revalue(step.accounts, point)
            after = levels(holdings.account_type, figures, step.accounts)
            seen = (step.accounts, reducing(step, before, after), step.net_deposit)
            found.append(intraday.enter(point, seen, holdings, figures))
        if "effects" in changed:
            holdings.remember_prices(changed["effects"], market.symbols, market.class_group)
        return found

    def settle(self, point: int, changed: Rows, ticks: Ticks | None) -> list[Int64Array]:
        """Takes what is exercised, assigned and expires: no trade of a day or an order.

        What an account's long options come to is entered into its SMA, and may reduce the level
        that intraday margin measures; an assignment does neither.
        """
        holdings, market, found = self._holdings, self._market, []
        ticked = NOBODY if ticks is None else ticks.place
        for rows, is_taken_back, told in self._parts.settling.steps(point, changed, ticked):
            effects = leg_effects(rows, np.full(rows.height, point, dtype=np.int64))
            if is_taken_back.any():
                undone = rows.filter(is_taken_back)
                effects = holdings.with_sales_undone(effects, undone, market.symbols)
            single = np.full(effects.height, MICRO, dtype=np.int64)
            accounts = np.unique(holdings.accounts.places(rows["account_id"]))
            is_measured = self._intraday.is_on(point)
            if is_measured:
                figures = self._valuation.revalue(accounts, point)
                before = levels(holdings.account_type, figures, accounts)
            self._enter_exercised(point, rows.filter(are_holders(rows, told)))
            holdings.apply_effects(effects, market.symbols, market.class_group, single)
            found.append(accounts)
            if is_measured:
                figures = self._valuation.revalue(accounts, point)
                falls = levels(holdings.account_type, figures, accounts) < before
                owners = holdings.accounts.places(
                    rows.filter(pl.col("contracts") < 0)["account_id"]
                )
                seen = accounts, falls & np.isin(accounts, owners), np.zeros_like(accounts)
                found.append(self._intraday.enter(point, seen, holdings, figures))
        return found

    def _enter_exercised(self, point: int, rows: pl.DataFrame) -> None:
        """Enters what exercised options buy and sell into special memorandum accounts."""
        if rows.height:
            legs = share_legs(rows, np.full(rows.height, point, dtype=np.int64))
            firm = Firm(
                self._holdings, self._market.series(point, rules_at(point)), self._market.symbols
            )
            self._parts.reg_t.book.enter(exercise_entries(point, legs, firm))
