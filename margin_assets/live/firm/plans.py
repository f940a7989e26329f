"""Liquidation plans in the live day: the book of plans, fed from acts, fills and the ladder."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from margin_assets.kernels.calls.call_rules import day_end
from margin_assets.kernels.enforcement.rungs import Ladder
from margin_assets.kernels.liquidation.plan_life import PlanBook
from margin_assets.kernels.liquidation.plan_states import By, Fill, Order
from margin_assets.kernels.liquidation.proposals import (
    ProposedOrder,
    Unreadable,
    proposal_of,
)
from margin_assets.kernels.rules.timelines import BusinessDays
from margin_assets.live.firm.holdings import Holdings
from margin_assets.live.firm.market import Market
from margin_assets.live.firm.outcomes import Outcomes

PROPOSE, APPROVE, REJECT, SEND = "plan_propose", "plan_approve", "plan_reject", "plan_send"
ACTS = (PROPOSE, APPROVE, REJECT, SEND)
"""Kinds of acts that count here."""
_BY = ("actor", "action_id", "reason")
_EFFECT = ("account_id", "symbol", "quantity", "price", "undone_quantity", "undone_price")


class PlanMonitor:
    """Every account's liquidation plans, once a cycle's plan knows of them."""

    def __init__(
        self, days: BusinessDays, holdings: Holdings, market: Market, outcomes: Outcomes
    ) -> None:
        self.book = PlanBook()
        self.is_on = False
        """Whether the plan at work has them: one from before them has none."""
        self._days = days
        self._holdings = holdings
        self._market = market
        self._outcomes = outcomes
        self._order_of: dict[str, str] = {}
        """Order that each fill names."""
        self._fills: dict[int, list[Fill]] = {}
        """What the run at work changes of orders, by grid point."""

    def link(self, order_fills: pl.DataFrame) -> None:
        """Takes which fills name which orders, before what they change is told."""
        self._order_of |= dict(order_fills.select("fill_id", "order_id").iter_rows())

    def begin(self, events: Mapping[str, pl.DataFrame]) -> None:
        """Takes what the effects of a run change of orders."""
        self._fills = {}
        if not (self.is_on and self._order_of and "effects" in events):
            return
        effects = events["effects"]
        named = effects.filter(effects["original"].is_in(list(self._order_of)))
        for point, original, *effect in named.select("point", "original", *_EFFECT).iter_rows():
            account, symbol, quantity, price, undone, undone_price = effect
            versions = (undone, undone_price), (quantity + undone, price)
            fill = Fill(self._order_of[original], account, symbol, *versions)
            self._fills.setdefault(point, []).append(fill)

    def act(self, point: int, acts: pl.DataFrame, ladder: Ladder) -> None:
        """Does what people ask for, in order."""
        if self.is_on:
            for act in acts.filter(pl.col("kind").is_in(ACTS)).iter_rows(named=True):
                self._outcomes.note(point, act, self._done(point, act, ladder))

    def _done(self, point: int, act: Mapping[str, Any], ladder: Ladder) -> str | None:
        """Does one act; returns why not, where it is refused."""
        plan_id, by = act["subject"], By(*(act[name] for name in _BY))
        match act["kind"]:
            case "plan_propose":
                return self._propose(point, act, by, ladder)
            case "plan_approve":
                return self._beyond(plan_id) or self.book.approve(point, plan_id, by)
            case "plan_reject":
                return self.book.reject(point, plan_id, by)
            case _:
                return self.book.send(point, plan_id, by)

    def _propose(self, point: int, act: Mapping[str, Any], by: By, ladder: Ladder) -> str | None:
        try:
            asked = proposal_of(act["subject"], act["details"])
        except Unreadable as why:
            return str(why)
        accounts = self._holdings.accounts
        if asked.account_id not in accounts:
            return "no such account"
        if beyond := self._beyond_held(asked.account_id, asked.orders):
            return beyond
        is_liquidating = bool(ladder.is_liquidating[accounts.place(asked.account_id)])
        ends_at = day_end(self._days, point, 0)
        return self.book.propose(point, ends_at, by, asked, is_of_liquidation=is_liquidating)

    def _beyond(self, plan_id: str) -> str | None:
        orders = self.book.orders(plan_id)
        return self._beyond_held(orders[0].account_id, orders) if orders else None

    def _beyond_held(self, account: str, orders: tuple[ProposedOrder | Order, ...]) -> str | None:
        """Why orders do more than reduce what an account holds; None if they do not."""
        place = np.array([self._holdings.accounts.place(account)], dtype=np.int64)
        at = self._holdings.places(place)
        names = [self._market.symbols.all[series] for series in self._holdings.series[at].tolist()]
        held = dict(zip(names, self._holdings.quantity[at].tolist(), strict=True))
        for order in orders:
            quantity = held.get(order.symbol, 0)
            if order.quantity > (quantity if order.side == "sell" else -quantity):
                return f"{order.symbol}: more than is held to {order.side}"
        return None

    def fill(self, point: int) -> None:
        """Takes what the fills of a grid point change of orders."""
        if point in self._fills:
            self.book.fill(point, self._fills[point])

    def lapse(self, point: int, ladder: Ladder) -> None:
        """Cancels what waits for a liquidation that the ladder has ended."""
        place = self._holdings.accounts.place
        self.book.lapse(point, lambda account: not ladder.is_liquidating[place(account)])
