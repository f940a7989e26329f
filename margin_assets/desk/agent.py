"""The desk's agent: proposes plans for triggered liquidations, lets orders leave, takes them back.

What it does is landed like what people do. It remembers nothing: killed at any place and started
again it does what is left, and what it did before it finds done.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import polars as pl

from margin_assets.desk.acts import Act, Refused, Where, land_act, time_of_act
from margin_assets.desk.outgoing import Outgoing, order_file, recall_file
from margin_assets.desk.planning import plans_as_sealed
from margin_assets.desk.plans import Row, Scan, newest, orders, proposal, triggered
from margin_assets.kernels.liquidation.plan import Request
from margin_assets.kernels.liquidation.plan_states import PLANNER
from margin_assets.lake.landing.places import LandingPlace
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake

SEND, RECALL = "plan_send", "plan_recall"


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
        yield from self.send()
        yield from self.propose()

    def propose(self) -> Iterator[Done]:
        """Proposes a plan for each triggered liquidation that has none at work.

        Where a person rejected the last plan for the same decision, a person plans the next one.
        """
        sealed = Ledger(self.lake).last_sealed()
        if sealed is None or sealed.as_of is None:
            return
        due = _unanswered(SealedTables(self.lake, sealed).scan)
        found = plans_as_sealed(self.lake, sealed, list(due), Request())
        for account, plan in found.items():
            try:
                act = proposal(plan, due[account])
                yield Done(act.kind, account, act.subject, str(self._land(act, sealed)))
            except Refused as why:
                yield Done("plan_propose", account, None, str(why))

    def send(self) -> Iterator[Done]:
        """Writes what takes orders back, then the orders of each approved plan, and says so.

        Killed before it says so it writes the same file under the same name again. A plan whose
        business day is over by the clock stays, though no cycle has said so yet.
        """
        sealed = Ledger(self.lake).last_sealed()
        if sealed is None:
            return
        scan = SealedTables(self.lake, sealed).scan
        at = time_of_act(sealed.as_of, datetime.now(UTC))
        for plan in _at_work(scan):
            name = plan["plan_id"]
            if plan["ends_at"] <= at:
                if plan["state"] == "approved":
                    yield Done(SEND, plan["account_id"], name, "its business day is over")
            elif plan["state"] == "recalled":
                yield from self._take_back(scan, plan, sealed)
            elif plan["state"] == "approved" or self._outgoing.is_leaving(name):
                # One that ended while its orders were leaving: whether they are out the agent that
                # was killed knew. They are said to be, and recalled.
                yield Done(SEND, plan["account_id"], name, self._send(scan, plan, sealed))

    @property
    def _outgoing(self) -> Outgoing:
        return Outgoing(self.outgoing)

    def _send(self, scan: Scan, plan: Row, sealed: Sealed) -> str:
        """Writes the orders of one plan, says so, and returns where they are."""
        content = order_file(orders(scan, plan["plan_id"]))
        target = self._outgoing.orders_path(plan["plan_id"])
        if plan["state"] == "approved":
            self._outgoing.let_go(plan["plan_id"], content)
        faults.reach("orders_written")
        self._say(SEND, plan["plan_id"], (target, content), sealed)
        return str(target)

    def _take_back(self, scan: Scan, plan: Row, sealed: Sealed) -> Iterator[Done]:
        """Writes which orders of a recalled plan are taken back, once, and says so."""
        name = plan["plan_id"]
        content = recall_file(orders(scan, name, until=plan["changed_at"]))
        if not content or _is_said(scan, RECALL, name):
            return
        target = self._outgoing.take_back(name, content)
        faults.reach("recall_written")
        self._say(RECALL, name, (target, content), sealed)
        yield Done(RECALL, plan["account_id"], name, str(target))

    def _say(self, kind: str, plan_id: str, file: tuple[Path, bytes], sealed: Sealed) -> None:
        """Lands that a file of a plan is out."""
        path, content = file
        told = {"file": f"{path.parent.name}/{path.name}", "sha256": sha256(content).hexdigest()}
        self._land(Act(kind, plan_id, details=told), sealed)

    def _land(self, act: Act, sealed: Sealed) -> LandingPlace:
        at = time_of_act(sealed.as_of, datetime.now(UTC))
        return land_act(act, Where(self.landing, PLANNER), at)


def _at_work(scan: Scan) -> Iterator[Row]:
    """Plans whose orders have to leave, may have left unsaid, or are to be taken back."""
    is_due = (pl.col("state") == "approved") & pl.col("is_live")
    is_unsaid = pl.col("state").is_in(["cancelled", "rejected"]) & pl.col("sent_at").is_null()
    rows = newest(scan).filter(is_due | is_unsaid | (pl.col("state") == "recalled"))
    # What is to be taken back goes first.
    is_open = pl.col("state") == "approved"
    yield from rows.sort(is_open, "plan_id").collect().iter_rows(named=True)


def _is_said(scan: Scan, kind: str, subject: str) -> bool:
    """Whether an act of a kind about a subject is accepted."""
    named = (pl.col("kind") == kind) & (pl.col("subject") == subject)
    return not scan("desk_actions").filter(named).select("action_id").head(1).collect().is_empty()


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
