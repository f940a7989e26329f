"""The life of liquidation plans: proposed, decided about by people, sent, filled, ended.

One plan an account is live at a time. What people and time decide makes a version of the plan and
of each order that it changes; so do fills that name an order, their corrections and busts. A plan
lives as long as the business day it was proposed in: it rests on that day's prices and volumes.
It ends before that with what it answers: unsent it is cancelled, and orders that are out are
recalled, which names them and lets what is filled of them count.

Of the plans that are over the book need know none: who asks about one lets it `load` it first.
"""

from collections.abc import Callable, Iterable

import polars as pl

from margin_assets.kernels.liquidation.plan_frames import frames_of, orders_of, plans_of
from margin_assets.kernels.liquidation.plan_states import (
    ANOTHER_DAY,
    NO_PLAN,
    NOBODY,
    PLANNER,
    RECALLED,
    By,
    Fill,
    Order,
    Plan,
    Version,
    filled_by,
    plan_state,
    standing_as,
    still_out,
)
from margin_assets.kernels.liquidation.proposals import Proposal


class PlanBook:
    """Plans and their orders by id, and the versions that came since they were taken."""

    def __init__(self) -> None:
        self.has_recalls = True
        """Whether orders that are out can be recalled: not in cycles from before that."""
        self._plans: dict[str, Plan] = {}
        self._orders: dict[str, tuple[Order, ...]] = {}
        """Orders of each plan."""
        self._plan_of: dict[str, str] = {}
        """Plan of each order."""
        self._live: dict[str, str] = {}
        """The live plan of each account that has one."""
        self._versions: list[Version] = []

    def __contains__(self, plan_id: str) -> bool:
        return plan_id in self._plans

    def orders(self, plan_id: str) -> tuple[Order, ...]:
        """Orders of a plan; none of one that is not known."""
        return self._orders.get(plan_id, ())

    def propose(
        self, at: int, ends_at: int, by: By, asked: Proposal, *, is_of_liquidation: bool
    ) -> str | None:
        """Takes a proposal; returns why not, where it is refused."""
        if asked.plan_id in self._plans:
            return "the plan has been proposed before"
        if asked.account_id in self._live:
            return f"plan {self._live[asked.account_id]} of the account is at work"
        plan = Plan(asked, is_of_liquidation, at, ends_at, str(by.actor))
        orders = tuple(Order(asked.plan_id, asked.account_id, *order) for order in asked.orders)
        self._plan_of |= dict.fromkeys((order.order_id for order in orders), asked.plan_id)
        self._put(at, by, plan, orders)
        return None

    def approve(self, at: int, plan_id: str, by: By) -> str | None:
        """Lets a proposed plan's orders go; returns why not."""
        plan = self._plans.get(plan_id)
        if plan is None or not plan.is_live or plan.decided != "proposed":
            return _not_at(plan, "proposed")
        actor = str(by.actor).casefold()
        if actor == PLANNER:
            return "a person approves, not the planner"
        if actor == plan.proposed_by.casefold():
            return f"{by.actor} proposed it: another approves"
        self._put(at, by, plan._replace(decided="approved"), self._orders[plan_id])
        return None

    def reject(self, at: int, plan_id: str, by: By) -> str | None:
        """Ends a plan whose orders have not left; returns why not."""
        plan = self._plans.get(plan_id)
        if plan is None or not plan.is_live or plan.state not in ("proposed", "approved"):
            return _not_at(plan, "proposed or approved")
        if by.reason is None:
            return "a rejection gives a reason"
        self._put(at, by, plan._replace(decided="rejected"), self._orders[plan_id])
        return None

    def send(self, at: int, plan_id: str, by: By) -> str | None:
        """The orders of an approved plan have left; returns why they should not have.

        Of one that ended meanwhile they are out all the same: they are recalled.
        """
        plan = self._plans.get(plan_id)
        if plan is not None and self.has_recalls and plan.decided in ("cancelled", "rejected"):
            late = by._replace(reason=f"they left before it was {plan.decided}")
            self._recall(at, late, plan._replace(sent_at=at))
            return None
        if plan is None or plan.decided != "approved":
            return _not_at(plan, "approved")
        sent = plan._replace(decided="sent", sent_at=at)
        self._put(at, by, sent, self._orders[plan_id])
        return None

    def refuse_recall(self, plan_id: str) -> str | None:
        """Why nobody should have taken back the orders of a plan; None if it is recalled.

        That they were changes nothing of it: what the broker fills all the same still counts.
        """
        plan = self._plans.get(plan_id)
        is_recalled = plan is not None and plan.decided == RECALLED
        return None if is_recalled else _not_at(plan, RECALLED)

    def _recall(self, at: int, by: By, plan: Plan) -> None:
        """Ends a plan whose orders are out; the version's reason names what of them is open."""
        orders = self._orders[plan.terms.plan_id]
        named = by._replace(reason=f"{by.reason}; out are {still_out(orders)}")
        self._put(at, named, plan._replace(decided=RECALLED), orders)

    def fill(self, at: int, fills: Iterable[Fill]) -> None:
        """Takes what fills and their corrections change of the orders that they name."""
        changed: dict[str, tuple[Order, ...]] = {}
        for fill in fills:
            plan_id = self._plan_of.get(fill.order_id)
            if plan_id is not None:
                orders = changed.get(plan_id, self._orders[plan_id])
                changed[plan_id] = tuple(filled_by(order, fill) for order in orders)
        for plan_id, orders in changed.items():
            if orders != self._orders[plan_id]:
                self._put(at, NOBODY, self._plans[plan_id], orders)

    def lapse(self, at: int, why_over: Callable[[Plan], str | None]) -> None:
        """Ends live plans of which `why_over` says why what they answer is over; None if it is not.

        Those that are not sent are cancelled, orders that are out recalled.
        """
        for _, plan_id in sorted(self._live.items()):
            plan = self._plans[plan_id]
            if (reason := why_over(plan)) is None:
                continue
            why = NOBODY._replace(reason=reason)
            if plan.is_unsent:
                self._put(at, why, plan._replace(decided="cancelled"), self._orders[plan_id])
            elif self.has_recalls:
                self._recall(at, why, plan)

    def pass_time(self, until: int) -> None:
        """Ends plans whose business day has ended, up to and including an instant."""
        live = (self._plans[plan_id] for plan_id in self._live.values())
        ended = sorted((p.ends_at, p.terms.plan_id) for p in live if p.ends_at <= until)
        for at, plan_id in ended:
            plan = self._plans[plan_id]
            if plan.is_unsent:
                plan = plan._replace(decided="cancelled")
            self._put(at, ANOTHER_DAY, plan, self._orders[plan_id])

    def take(self) -> dict[str, pl.DataFrame]:
        """Versions since they were taken last, as the tables of plans and orders without cycle."""
        versions, self._versions = self._versions, []
        return frames_of(versions) if versions else {}

    def load(self, plans: pl.DataFrame, orders: pl.DataFrame) -> None:
        """Takes plans that it does not know: saved versions of them and of their orders."""
        for plan in plans_of(plans, orders):
            self._plans[plan.terms.plan_id] = plan
            if plan.is_live:
                self._live[plan.terms.account_id] = plan.terms.plan_id
        for plan_id, held in orders_of(orders).items():
            self._orders[plan_id] = held
            self._plan_of |= dict.fromkeys((order.order_id for order in held), plan_id)

    def forget(self) -> None:
        """Forgets the plans that are over."""
        for plan_id in self._plans.keys() - self._live.values():
            del self._plans[plan_id]
            for order in self._orders.pop(plan_id):
                del self._plan_of[order.order_id]

    def knows_order(self, order_id: str) -> bool:
        """Whether it knows the plan of an order."""
        return order_id in self._plan_of

    def _put(self, at: int, by: By, plan: Plan, orders: tuple[Order, ...]) -> None:
        """Takes a plan and its orders as they are from an instant on: a version of what is new."""
        plan_id, account = plan.terms.plan_id, plan.terms.account_id
        has_ended, is_other = at >= plan.ends_at, self._live.get(account, plan_id) != plan_id
        before: dict[str, Order] = {o.order_id: o for o in self._orders.get(plan_id, ())}
        standing = [standing_as(order, plan.decided, has_ended=has_ended) for order in orders]
        changed = tuple(o.next() for o in standing if before.get(o.order_id) != o)
        now = {o.order_id: o for o in (*standing, *changed)}
        state = plan_state(now.values(), plan.decided, has_ended=has_ended)
        is_live = plan.may_live and not (has_ended or is_other or state == "filled")
        plan = plan._replace(state=state, is_live=is_live)
        is_new = plan != self._plans.get(plan_id)
        plan = plan.next() if is_new else plan
        self._plans[plan_id], self._orders[plan_id] = plan, tuple(now.values())
        if is_live:
            self._live[account] = plan_id
        elif not is_other:
            self._live.pop(account, None)
        self._versions.append(Version(at, by, plan if is_new else None, changed))


def _not_at(plan: Plan | None, due: str) -> str:
    """Why an act does not fit a plan, which has to be `due`."""
    if plan is None:
        return NO_PLAN
    return f"the plan is {plan.state}{'' if plan.is_live else ' and over'}, not {due}"
