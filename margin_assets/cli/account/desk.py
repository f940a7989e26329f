"""What the desk did about one account: calls, plans, notices, and the acts about each."""

import polars as pl

from margin_assets.cli.account.rows import WHERE, Document, Tables, dicts

_ACT = ("kind", "actor", "reason", "details", "event_time")


def calls(tables: Tables, mine: pl.Expr) -> list[Document]:
    """Margin calls, the newest first, each with every version of its life and the acts about it."""
    lives = tables.rows("margin_calls", mine).sort("opened_at", "call_type", "version")
    acts = _acts(tables, lives["call_id"])
    found = []
    for life in lives.partition_by("call_id", maintain_order=True):
        versions = dicts(life.drop("call_id", "call_type", "rule", "opened_at"))
        head = life.select("call_id", "call_type", "rule", "opened_at", "first_amount")
        about = acts.filter(subject=life["call_id"][0]).drop("subject").to_dicts()
        found.append(head.row(0, named=True) | {"versions": versions, "acts": about})
    return found[::-1]


def plans(tables: Tables, mine: pl.Expr) -> list[Document]:
    """Liquidation plans, the newest first, each with its versions, orders and the acts about it."""
    lives = tables.rows("liquidation_plans", mine).sort("proposed_at", "plan_id", "version")
    orders = tables.rows("liquidation_orders", mine).sort("symbol", "version")
    acts = _acts(tables, lives["plan_id"]).drop("details")
    found = []
    for life in lives.partition_by("plan_id", maintain_order=True):
        plan = life["plan_id"][0]
        asked = dicts(orders.filter(plan_id=plan).drop("plan_id"))
        about = acts.filter(subject=plan).drop("subject").to_dicts()
        versions = dicts(life.drop("plan_id"))
        found.append({"plan_id": plan, "versions": versions, "orders": asked, "acts": about})
    return found[::-1]


def notices(tables: Tables, mine: pl.Expr) -> list[Document]:
    """Messages about the account, the newest happening first, each with its fate as it is now.

    Of happenings that the cycle knew of; what became of a message belongs to no cycle.
    """
    if not tables.has("notifications"):
        return []
    versions = tables.rows("notifications", mine).sort("created_at", "message_id", "version")
    newest = versions.unique("message_id", keep="last", maintain_order=True)
    acts = _acts(tables, newest["message_id"]).drop("details")
    return [
        row | {"acts": acts.filter(subject=row["message_id"]).drop("subject").to_dicts()}
        for row in dicts(newest.reverse())
    ]


def _acts(tables: Tables, subjects: pl.Series) -> pl.DataFrame:
    """Acts about these, what became of each, and where it landed."""
    about = pl.col("subject").is_in(subjects.unique().implode())
    outcomes = tables.rows("desk_outcomes", about).select("action_id", "outcome", "reason")
    acts = tables.landed("desk_actions", about)
    done = acts.join(outcomes.rename({"reason": "refusal"}), on="action_id", how="left")
    return done.select("subject", "action_id", *_ACT, "outcome", "refusal", *WHERE)
