"""The desk's agent: proposes plans for triggered liquidations, and lets approved orders leave.

What it does is landed like what people do. It remembers nothing: killed at any place and started
again it does what is left, and what it did before it finds done.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import polars as pl

from margin_assets.desk.acts import Act, Refused, Where, land_act, time_of_act
from margin_assets.desk.planning import plans_as_sealed
from margin_assets.desk.plans import Row, Scan, newest, orders, proposal, triggered
from margin_assets.kernels.liquidation.plan import Request
from margin_assets.kernels.liquidation.plan_states import PLANNER
from margin_assets.lake.landing.places import LandingPlace, put_new
from margin_assets.lake.ledger.ledger import Ledger, Sealed
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake

SEND = "plan_send"
_ORDERS = "orders"
_OF_ORDER = ("order_id", "plan_id", "account_id", "symbol", "side")


class Done(NamedTuple):
    """One thing that the agent did, or could not do and why."""

    kind: str
    account_id: str
    plan_id: str | None
    note: str
    """The file that it wrote, or why it wrote none."""


@dataclass(frozen=True)
class Agent:
    """Works on a lake: acts go to the landing folder, orders to the outgoing one."""

    lake: Lake
    landing: LandingPlace
    outgoing: Path

    def work(self) -> Iterator[Done]:
        """Does all that the last sealed cycle asks for."""
        yield from self.propose()
        yield from self.send()

    def propose(self) -> Iterator[Done]:
        """Proposes a plan for each triggered liquidation that has none at work.

        Where a person rejected the last plan for the same decision, a person plans the next one.
        """
        sealed = Ledger(self.lake).last_sealed()
        if sealed is None or sealed.as_of is None:
            return
        due = _unanswered(SealedTables(self.lake, sealed.table_versions).scan)
        found = plans_as_sealed(self.lake, sealed, list(due), Request())
        for account, plan in found.items():
            try:
                act = proposal(plan, due[account])
                yield Done(act.kind, account, act.subject, str(self._land(act, sealed)))
            except Refused as why:
                yield Done("plan_propose", account, None, str(why))

    def send(self) -> Iterator[Done]:
        """Writes the orders of each approved plan, then says so.

        Killed between the two it writes the same file under the same name again. A plan whose
        business day is over by the clock stays, though no cycle has said so yet.
        """
        sealed = Ledger(self.lake).last_sealed()
        if sealed is None:
            return
        scan = SealedTables(self.lake, sealed.table_versions).scan
        is_due = (pl.col("state") == "approved") & pl.col("is_live")
        for plan in newest(scan).filter(is_due).collect().iter_rows(named=True):
            is_over = time_of_act(sealed.as_of, datetime.now(UTC)) >= plan["ends_at"]
            note = "its business day is over" if is_over else self._send(scan, plan, sealed)
            yield Done(SEND, plan["account_id"], plan["plan_id"], note)

    def _send(self, scan: Scan, plan: Row, sealed: Sealed) -> str:
        """Writes the orders of one plan, says so, and returns where they are."""
        content = order_file(orders(scan, plan["plan_id"]))
        target = self._write(f"{plan['plan_id']}.ndjson", content)
        faults.reach("orders_written")
        details = {"file": f"{_ORDERS}/{target.name}", "sha256": sha256(content).hexdigest()}
        self._land(Act(SEND, plan["plan_id"], details=details), sealed)
        return str(target)

    def _land(self, act: Act, sealed: Sealed) -> LandingPlace:
        at = time_of_act(sealed.as_of, datetime.now(UTC))
        return land_act(act, Where(self.landing, PLANNER), at)

    def _write(self, name: str, content: bytes) -> Path:
        """A file of the outgoing folder, whole or not at all."""
        put_new(self.outgoing, f"{_ORDERS}/{name}", content)
        return self.outgoing / _ORDERS / name


def _unanswered(scan: Scan) -> dict[str, str]:
    """Accounts to plan for, each with the decision that triggered its liquidation."""
    due = triggered(scan)
    if not due:
        return {}
    made = newest(scan).filter(pl.col("account_id").is_in(list(due))).sort("proposed_at", "plan_id")
    last = {plan["account_id"]: plan for plan in made.collect().iter_rows(named=True)}
    busy = set(made.filter("is_live").select("account_id").collect().to_series())
    return {
        account: decision
        for account, decision in due.items()
        if account not in busy and not _is_rejected(last.get(account), decision)
    }


def _is_rejected(plan: Row | None, decision: str) -> bool:
    """Whether a person has rejected a plan for a decision."""
    return plan is not None and (plan["state"], plan["answers"]) == ("rejected", decision)


def order_file(rows: pl.DataFrame) -> bytes:
    """The orders of a plan as NDJSON, one a line by symbol: day orders, each with its own id."""
    return "".join(map(_line, rows.sort("symbol").iter_rows(named=True))).encode()


def _line(order: Row) -> str:
    told = {name: order[name] for name in _OF_ORDER}
    told |= {name: f"{order[name].normalize():f}" for name in ("quantity", "price")}
    return json.dumps(told | {"time_in_force": "day"}) + "\n"
