"""A lake whose sealed cycles are written by hand: decisions, versions of calls, acts of people."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from schemas import TABLES
from tests.support.empty_lake import created

Row = dict[str, Any]
NOON = datetime(2020, 3, 9, 16, 0, tzinfo=UTC)
"""A Monday, at noon in New York."""


def at(minutes: float = 0, **more: float) -> datetime:
    return NOON + timedelta(minutes=minutes, **more)


def name_of(*what: object) -> str:
    """An id of 32 hexadecimal digits."""
    return hashlib.sha256(repr(what).encode()).hexdigest()[:32]


def decision(account: str = "A", reason: str = "stress", when: datetime = NOON, **more: Any) -> Row:
    row = {
        "decision_id": name_of(account, reason, when, more),
        "account_id": account,
        "dimension": "restriction",
        "from_state": "none",
        "to_state": "close_only",
        "reason": reason,
        "direction": "up",
        "decided_at": when,
        "account_type": "reg_t",
        "equity": Decimal("9000.00"),
        "requirement": Decimal("12250.00"),
        "excess": Decimal("-3250.00"),
        "gross_market_value": Decimal("49000.00"),
        "stress_move": -0.05,
        "stress_excess": Decimal("-4000.00"),
        "status": "determinate",
        "input_reasons": "",
        "call_opened_at": None,
        "rulebooks": "{}",
        "decision_number": 0,
    }
    return row | more


def call(account: str = "A", change: str = "opened", when: datetime = NOON, **more: Any) -> Row:
    """A maintenance call made at noon, in the version that began at an instant."""
    row = {
        "call_id": name_of(account),
        "version": 1,
        "account_id": account,
        "call_type": "maintenance",
        "rule": "FINRA Rule 4210(c), (f)(6)",
        "state": "open",
        "is_open": True,
        "change": change,
        "opened_at": NOON,
        "changed_at": when,
        "first_amount": Decimal("2500.00"),
        "amount": Decimal("2500.00"),
        "met_by_deposits": None,
        "met_by_trades": None,
        "met_by_market": None,
        "house_due_at": at(30),
        "legal_due_at": datetime(2020, 3, 31, tzinfo=UTC),
        "extended_until": None,
        "extended_by": None,
        "action_id": None,
        "consequence": "none",
        "consequence_until": None,
    }
    return row | more


def plan(state: str = "recalled", when: datetime = NOON, **more: Any) -> Row:
    """A version of a liquidation plan whose orders left before noon."""
    row: Row = {
        "plan_id": name_of("plan"),
        "version": 3,
        "account_id": "A",
        "state": state,
        "is_live": False,
        "answers": None,
        "is_of_liquidation": True,
        "planned_from": 1,
        "policy": "least_cost",
        "proof": "not_proven",
        "cost_lower_bound": None,
        "buffer": Decimal(0),
        "target_excess": Decimal(0),
        "proposed_at": at(-30),
        "proposed_by": "planner",
        "ends_at": at(hours=8),
        "sent_at": at(-5),
        "changed_at": when,
        "actor": None,
        "action_id": None,
        "reason": "the call that it answers is over; out are sell 280 X",
    }
    row |= dict.fromkeys(("deficiency", "cost", "expected_excess"), Decimal("9.00"))
    return row | more


def acknowledgement(message_id: str, actor: str = "mary", when: datetime = NOON) -> Row:
    return {
        "action_id": f"ack-{message_id}",
        "kind": "notice_acknowledge",
        "subject": message_id,
        "actor": actor,
        "event_time": when,
    }


class ToldLake:
    """One lake, and cycles sealed on it without any engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lake = created(Lake(str(folder / "lake")))

    def seal(
        self,
        as_of: datetime = NOON,
        decisions: Sequence[Row] = (),
        calls: Sequence[Row] = (),
        acts: Sequence[Row] = (),
    ) -> int:
        ledger = Ledger(self.lake)
        plan = ledger.plan({"rulebooks": {}})
        rows = {
            "enforcement_decisions": decisions,
            "margin_calls": calls,
            "desk_actions": [_landed(act) for act in acts],
        }
        frames = {name: _frame(name, given, plan.cycle) for name, given in rows.items()}
        versions = self.lake.write_all(frames, plan.cycle)
        ledger.seal(plan, as_of, versions, {}, {})
        return plan.cycle

    def fates(self) -> list[Row]:
        rows = self.lake.scan("notifications").collect()
        return rows.sort("created_at", "message_id", "version").to_dicts()


def _landed(act: Row) -> Row:
    where = {"file_id": "0" * 64, "file_row": 1, "landed_at": act["event_time"], "is_late": False}
    return {"reason": None, "details": None} | act | where


def _frame(name: str, rows: Sequence[Row], cycle: int) -> pl.DataFrame:
    schema = pl.Schema(TABLES[name].schema)
    return pl.DataFrame([row | {"cycle": cycle} for row in rows], schema=schema)
