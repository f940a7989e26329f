"""Liquidation plans in the live day: the book of plans, fed from acts, fills and the ladder.

Between cycles only open plans are in memory. What a cycle says of one that is over (a late fill of
its orders, the bust of one, an act) is told of it as the tables have it.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import polars as pl

from margin_assets.kernels.calls.call_rules import day_end
from margin_assets.kernels.enforcement.rungs import Ladder
from margin_assets.kernels.liquidation.plan_life import PlanBook
from margin_assets.kernels.liquidation.plan_states import By, Fill, Order, Plan
from margin_assets.kernels.liquidation.proposals import (
    Proposal,
    ProposedOrder,
    Unreadable,
    proposal_of,
)
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.live.books.calls import CallMonitor
from margin_assets.live.state.holdings import Holdings
from margin_assets.live.state.market import Market

PROPOSE, APPROVE, REJECT, SEND = "plan_propose", "plan_approve", "plan_reject", "plan_send"
RECALL = "plan_recall"
ACTS = (PROPOSE, APPROVE, REJECT, SEND, RECALL)
"""Kinds of acts that count here."""
PLANS = "plans"
"""In a manifest: how plans end. Without it one that was sent goes on, whatever it answers."""
WITH_RECALLS = 2
Tables = Callable[[], SealedTables]
"""Tables as of the last sealed cycle."""
NO_ACCOUNT = "no such account"
_CALL_OVER = "the call that it answers is over"
_LIQUIDATION_OVER = "the liquidation that it answers has ended"
_BY = ("actor", "action_id", "reason")
_EFFECT = ("account_id", "symbol", "quantity", "price", "undone_quantity", "undone_price")


class PlanMonitor:
    """Every account's liquidation plans, once a cycle's plan knows of them."""

    def __init__(
        self, calls: CallMonitor, holdings: Holdings, market: Market, tables: Tables
    ) -> None:
        self.book = PlanBook()
        self.is_on = False
        """Whether the plan at work has them: one from before them has none."""
        self._calls = calls
        self._holdings = holdings
        self._market = market
        self._tables = tables
        self._order_of: dict[str, str] = {}
        """Order that each fill names which is accepted and not evaluated yet."""
        self._fills: dict[int, list[Fill]] = {}
        """What the run at work changes of orders, by grid point."""

    def load(self) -> None:
        """Takes the plans that the last sealed cycle left open."""
        columns = ("plan_id", "version", "is_live")
        versions = self._tables()("liquidation_plans", columns=columns).sort(columns[:2])
        newest = versions.unique("plan_id", keep="last")
        self._fetch(newest.filter("is_live")["plan_id"].to_list())

    def _fetch(self, plan_ids: Collection[str]) -> None:
        """Takes plans as the tables have them."""
        if plan_ids:
            tables, is_asked = self._tables(), pl.col("plan_id").is_in(list(plan_ids))
            names = ("liquidation_plans", "liquidation_orders")
            self.book.load(*(tables(name, is_asked) for name in names))

    def take(self) -> dict[str, pl.DataFrame]:
        """Versions since they were taken last, by table; plans that are over are forgotten."""
        self.book.forget()
        return self.book.take()

    def link(self, order_fills: pl.DataFrame) -> None:
        """Takes which fills name which orders, before what they change is told."""
        self._order_of |= dict(order_fills.select("fill_id", "order_id").iter_rows())

    def begin(self, events: Mapping[str, pl.DataFrame]) -> None:
        """Takes what the effects of a run change of orders."""
        self._fills = {}
        order_of, self._order_of = self._order_of, {}
        if not self.is_on:
            return
        effects = events.get("effects")
        if effects is not None:
            corrected = effects.filter(pl.col("traded") < pl.col("point"))["original"]
            order_of = self._linked(set(corrected) - order_of.keys()) | order_of
        self._remember(events, set(order_of.values()))
        if effects is None or not order_of:
            return
        named = effects.filter(effects["original"].is_in(list(order_of)))
        for point, original, *effect in named.select("point", "original", *_EFFECT).iter_rows():
            account, symbol, quantity, price, undone, undone_price = effect
            versions = (undone, undone_price), (quantity + undone, price)
            fill = Fill(order_of[original], account, symbol, *versions)
            self._fills.setdefault(point, []).append(fill)

    def _linked(self, fills: Collection[str]) -> dict[str, str]:
        """Orders that fills of earlier cycles name."""
        if not fills:
            return {}
        rows = self._tables()("order_fills", pl.col("fill_id").is_in(list(fills)))
        return dict(rows.select("fill_id", "order_id").iter_rows())

    def _remember(self, events: Mapping[str, pl.DataFrame], orders: Collection[str]) -> None:
        """Takes the plans that acts and orders of a run are about, where they are over."""
        asked: set[str] = set()
        if "desk_actions" in events:
            acts = events["desk_actions"].filter(pl.col("kind").is_in(ACTS))
            asked.update(acts["subject"])
        if unknown := [order for order in orders if not self.book.knows_order(order)]:
            is_named = pl.col("order_id").is_in(unknown)
            found = self._tables()("liquidation_orders", is_named, columns=("plan_id",))
            asked.update(found["plan_id"])
        self._fetch([plan_id for plan_id in sorted(asked) if plan_id not in self.book])

    def act(self, point: int, acts: pl.DataFrame, ladder: Ladder) -> None:
        """Does what people ask for, in order."""
        if self.is_on:
            for act in acts.filter(pl.col("kind").is_in(ACTS)).iter_rows(named=True):
                self._calls.outcomes.note(point, act, self._done(point, act, ladder))

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
            case "plan_recall":
                return self.book.refuse_recall(plan_id)
            case _:
                return self.book.send(point, plan_id, by)

    def _propose(self, point: int, act: Mapping[str, Any], by: By, ladder: Ladder) -> str | None:
        try:
            asked = proposal_of(act["subject"], act["details"])
        except Unreadable as why:
            return str(why)
        accounts = self._holdings.accounts
        if asked.account_id not in accounts:
            return NO_ACCOUNT
        is_liquidating = bool(ladder.is_liquidating[accounts.place(asked.account_id)])
        refusal = self._beyond_held(asked.account_id, asked.orders)
        if not (refusal or is_liquidating or self._is_owed(asked)):
            refusal = "what it answers is over"
        if refusal:
            return refusal
        ends_at = day_end(self._calls.book.days, point, 0)
        return self.book.propose(point, ends_at, by, asked, is_of_liquidation=is_liquidating)

    def _is_owed(self, asked: Proposal) -> bool:
        """Whether the call that a plan answers is open; one that answers none is of its day."""
        if not self.book.has_recalls or asked.answers is None:
            return True
        return asked.answers in self._calls.book

    def _beyond(self, plan_id: str) -> str | None:
        orders = self.book.orders(plan_id)
        return self._beyond_held(orders[0].account_id, orders) if orders else None

    def _beyond_held(self, account: str, orders: tuple[ProposedOrder | Order, ...]) -> str | None:
        """Why orders do more than reduce what an account holds; None if they do not."""
        place = np.array([self._holdings.accounts.place(account)], dtype=np.int64)
        positions = self._holdings.positions
        at = positions.places(place)
        names = [self._market.symbols.all[series] for series in positions.series[at].tolist()]
        held = dict(zip(names, positions.quantity[at].tolist(), strict=True))
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
        """Ends plans of liquidations that the ladder has ended, and of calls that are over."""

        def why_over(plan: Plan) -> str | None:
            if plan.is_of_liquidation:
                place = self._holdings.accounts.place(plan.terms.account_id)
                return None if ladder.is_liquidating[place] else _LIQUIDATION_OVER
            return None if self._is_owed(plan.terms) else _CALL_OVER

        self.book.lapse(point, why_over)
