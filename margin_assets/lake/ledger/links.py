"""Links of the chain of seals: each over its own plan, digests and counts, and the one before."""

import json
import threading
from dataclasses import dataclass
from typing import Any

import polars as pl

from margin_assets.lake.ledger.cycles import Plan, seal_hash
from margin_assets.lake.ledger.ledger import FIRST_PREVIOUS_HASH
from margin_assets.lake.store.store import Lake

_LINKS_AT_ONCE = 1_000


@dataclass(frozen=True, order=True)
class Break:
    """The cycle that no longer holds, and what differs."""

    cycle: int
    what: str


class Walk:
    """Walks the chain of a lake from its first link on, a piece at each look.

    Tables and archive are not read: `audit.verify` holds them against the digests of each seal.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._cycle, self._hash = 0, FIRST_PREVIOUS_HASH
        self._broken: Break | None = None

    def step(self) -> tuple[int, Break | None]:
        """To which cycle every link holds by now, and what is broken after it."""
        with self._lock:
            if self._broken is None:
                self._broken = self._follow()
            return self._cycle, self._broken

    def _follow(self) -> Break | None:
        near = pl.col("cycle").is_between(self._cycle + 1, self._cycle + _LINKS_AT_ONCE)
        rows = self._lake.read("cycles", lambda: self._lake.scan("cycles").filter(near))
        plans = {row["cycle"]: row for row in rows.filter(state="planned").to_dicts()}
        sealed = rows.filter(state="sealed").sort("cycle").to_dicts()
        for number, row in enumerate(sealed, self._cycle + 1):
            problem = link_problem(row, plans.get(row["cycle"]), number, self._hash)
            if problem:
                return Break(min(number, row["cycle"]), problem)
            self._cycle, self._hash = number, row["hash"]
        return None


def link_problem(
    row: dict[str, Any], plan: dict[str, Any] | None, number: int, previous: str
) -> str:
    """Why a seal is no link after so many and the hash of the last; empty if it is one."""
    if row["cycle"] != number:
        return "is missing from the ledger" if row["cycle"] > number else "is sealed twice"
    if plan is None:
        return "has no plan in the ledger"
    if (plan["manifest"], plan["previous_hash"]) != (row["manifest"], row["previous_hash"]):
        return "its plan differs from its seal"
    if row["previous_hash"] != previous:
        return f"its previous hash is not the hash of cycle {number - 1}"
    parsed = parsed_texts(row)
    planned = Plan(number, parsed["manifest"], previous)
    if seal_hash(planned, row["as_of"], parsed["digests"], parsed["counts"]) != row["hash"]:
        return "its hash does not follow from its plan, digests and counts"
    return ""


def parsed_texts(row: dict[str, Any]) -> dict[str, Any]:
    """What a row of the ledger holds as JSON."""
    return {n: json.loads(row[n]) for n in ("manifest", "table_versions", "digests", "counts")}
