"""Liquidation plans as a sealed cycle left them, and what people do about them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import polars as pl

from margin_assets.desk.acts import Act, Refused, act_of
from margin_assets.desk.found import named
from margin_assets.kernels.liquidation.proposals import order_id, plan_id

Row = dict[str, Any]
Scan = Callable[[str], pl.LazyFrame]
"""Tables as of one sealed cycle."""
PROPOSE, APPROVE, REJECT = "plan_propose", "plan_approve", "plan_reject"
_AMOUNTS = ("deficiency", "cost", "buffer")


@dataclass(frozen=True)
class Choice:
    """Which plans are asked for."""

    account: str | None = None
    ended_too: bool = False
    at: datetime | None = None
    """Until when recalled plans of the day count as not ended: their orders may be out."""


def newest(scan: Scan) -> pl.LazyFrame:
    """The newest version of every plan."""
    versions = scan("liquidation_plans").sort("plan_id", "version")
    return versions.unique("plan_id", keep="last", maintain_order=True)


def plans(scan: Scan, choice: Choice) -> pl.DataFrame:
    """The newest version of the plans asked for, the first proposed first."""
    rows = newest(scan)
    if not choice.ended_too:
        is_recalled = pl.col("state") == "recalled"
        is_out = pl.lit(value=False) if choice.at is None else pl.col("ends_at") > choice.at
        rows = rows.filter(pl.col("is_live") | (is_recalled & is_out))
    if choice.account is not None:
        rows = rows.filter(pl.col("account_id") == choice.account)
    return rows.sort("proposed_at", "account_id", "plan_id").collect()


def versions(scan: Scan, start: str) -> pl.DataFrame:
    """Every version of the one plan whose id starts so, the oldest first.

    Raises:
        Refused: no plan's id starts so, or several do.
    """
    return named(scan("liquidation_plans"), "plan_id", start, ("plan", "plans")).sort("version")


def orders(scan: Scan, plan: str, until: datetime | None = None) -> pl.DataFrame:
    """The newest version of a plan's orders, or that of an instant, by symbol."""
    rows = scan("liquidation_orders").filter(pl.col("plan_id") == plan).sort("order_id", "version")
    if until is not None:
        rows = rows.filter(pl.col("changed_at") <= until)
    return rows.unique("order_id", keep="last").sort("symbol").collect()


def answered(scan: Scan, account: str) -> str | None:
    """What a plan of an account answers: its triggered liquidation, else its most urgent call."""
    if decision := triggered(scan, pl.col("account_id") == account).get(account):
        return decision
    mine = scan("margin_calls").filter(pl.col("account_id") == account).sort("call_id", "version")
    calls = mine.unique("call_id", keep="last", maintain_order=True).filter("is_open")
    ids = calls.sort("house_due_at", "call_id", nulls_last=True).select("call_id").collect()
    return str(ids["call_id"][0]) if ids.height else None


def triggered(scan: Scan, *chosen: pl.Expr) -> dict[str, str]:
    """Accounts whose liquidation is triggered, each with the decision that did it; sorted."""
    state = scan("enforcement_state").filter(pl.col("liquidation") == "triggered", *chosen)
    names = state.select("account_id").collect().to_series()
    if names.is_empty():
        return {}
    decisions = scan("enforcement_decisions").filter(
        pl.col("account_id").is_in(names.implode()),
        pl.col("dimension") == "liquidation",
        pl.col("to_state") == "triggered",
    )
    rows = decisions.sort("account_id", "cycle", "decision_number")
    return dict(rows.select("account_id", "decision_id").collect().iter_rows())


def proposal(found: Row, answers: str | None, reason: str | None = None) -> Act:
    """The act that proposes a plan, as `margin liquidate` tells it.

    Raises:
        Refused: it orders nothing.
    """
    if not found["orders"]:
        raise Refused(f"{found['account_id']}: {found['status'].replace('_', ' ')}, no orders")
    asked = sorted((_order(order) for order in found["orders"]), key=lambda row: row["symbol"])
    name = plan_id(found["account_id"], found["cycle"], found["policy"], asked)
    bound = found["lower_bound"]
    details = {
        **{key: found[key] for key in ("account_id", "policy", "proof")},
        **{key: _text(found[key]) for key in _AMOUNTS},
        "planned_from": found["cycle"],
        "answers": answers,
        "target_excess": _text(found["target"]),
        "expected_excess": _text(found["after"]["excess"]),
        "cost_lower_bound": None if bound is None else _text(max(bound, Decimal(0))),
        "orders": [row | {"order_id": order_id(name, row["symbol"])} for row in asked],
    }
    return Act(PROPOSE, name, reason, details)


def _order(order: Row) -> Row:
    amounts = {name: _text(order[name]) for name in ("quantity", "price", "cost")}
    return {"symbol": order["symbol"], "side": order["side"], **amounts}


def _text(amount: Decimal) -> str:
    """An amount as the cycle reads it: exact digits, no exponent."""
    return f"{amount:f}"


def decision(scan: Scan, kind: str, plan: Row, by: tuple[str, str | None]) -> Act:
    """The act that approves or rejects a plan, its newest version given; who does it, and why.

    Raises:
        Refused: it is over, has been decided about, or who proposed it approves; the cycle would
            refuse it.
    """
    (who, reason), name = by, plan["plan_id"]
    due = ("proposed",) if kind == APPROVE else ("proposed", "approved")
    if not plan["is_live"] or plan["state"] not in due:
        raise Refused(f"plan {name[:12]} is {plan['state']}, not {' or '.join(due)}")
    if kind == APPROVE and who.casefold() == plan["proposed_by"].casefold():
        raise Refused(f"{who} proposed plan {name[:12]}: another approves it")
    return act_of(kind, name, who, reason, refusals(scan("desk_outcomes"), kind, name))


def refusals(outcomes: pl.LazyFrame, kind: str, subject: str) -> int:
    """How many acts of a kind on a subject were refused."""
    is_such = (pl.col("kind") == kind) & (pl.col("subject") == subject)
    found = outcomes.filter(is_such, pl.col("outcome") == "refused")
    return int(found.select(pl.len()).collect().item())
