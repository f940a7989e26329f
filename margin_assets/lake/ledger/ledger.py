"""The ledger: which cycles were planned, which are sealed, and the chain of their hashes.

A cycle has two rows in `cycles`. Each is one commit that carries the application transaction
`ledger`: number 2n plans cycle n, number 2n + 1 seals it. So of two sessions that want the same
step only one gets it, and a sealed cycle is sealed once.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import polars as pl

from margin_assets.lake.ledger.cycles import (
    Plan,
    Sealed,
    plain,
    planned_of,
    planned_row,
    seal_hash,
    sealed_of,
    sealed_row,
)
from margin_assets.lake.store.steps import Fence, Overtaken
from margin_assets.lake.store.store import Lake
from schemas import TABLES

FIRST_PREVIOUS_HASH = "0" * 64
_APP_ID = "ledger"
_LEASE = "lease"
_TABLE = "cycles"
_AT_ONCE = 500
_NEVER = 1 << 62
ACCOUNTS_WRITTEN = "accounts_written"
"""Count that a seal carries when its state tables hold only some accounts' new rows."""


class AnotherSession(RuntimeError):
    """Another session took the step first: the caller steps aside."""


class SealMismatch(RuntimeError):
    """The cycle is sealed already, with other contents: one of the two computed wrongly."""


class Ledger:
    """The ledger of one lake. Reads once, then remembers: a cycle costs two commits."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._held = lake.held(_TABLE)
        self._is_read = False
        self._last: Sealed | None = None
        self._open: Plan | None = None
        self._ends: dict[int, datetime | None] = {}
        """Of sealed cycles that were asked for or sealed here: they never change."""

    def refresh(self) -> None:
        """Forget what was read, so that the next question sees what others wrote."""
        self._held.forget()
        self._is_read = False

    def last_sealed(self) -> Sealed | None:
        """The newest sealed cycle; None before the first."""
        self._read()
        return self._last

    def open_plan(self) -> Plan | None:
        """The plan that is not sealed, left by a session that died or is at work."""
        self._read()
        return self._open

    def planned(self, cycle: int) -> Plan | None:
        """The plan of a cycle, sealed or not; None before it is planned."""
        found = self._rows(pl.col("cycle") == cycle, pl.col("state") == "planned")
        return planned_of(found[0]) if found else None

    def sealed(self, cycle: int) -> Sealed:
        """One sealed cycle.

        Raises:
            LookupError: it is not sealed.
        """
        found = self._rows(pl.col("cycle") == cycle, pl.col("state") == "sealed")
        if not found:
            raise LookupError(f"cycle {cycle} is not sealed")
        return sealed_of(found[0])

    def last_before(self, instant: datetime) -> int:
        """Number of the last cycle sealed as of an instant or before.

        Raises:
            LookupError: none was.
        """
        is_it = (pl.col("state") == "sealed") & (pl.col("as_of") <= instant)
        rows = self._lake.scan(_TABLE).filter(is_it).select(pl.col("cycle").max())
        found = rows.collect().item()
        if found is None:
            raise LookupError(f"no cycle was sealed as of {instant.isoformat()} or before")
        return int(found)

    def all_sealed(self) -> list[Sealed]:
        """Every sealed cycle, oldest first."""
        return [sealed_of(row) for row in self._rows(pl.col("state") == "sealed")]

    def ends(self, cycles: Iterable[int]) -> dict[int, datetime | None]:
        """Last grid point evaluated by the end of each of some sealed cycles, UTC."""
        asked = {cycle for cycle in cycles if cycle > 0}
        unknown = asked - self._ends.keys()
        if unknown:
            chosen = pl.col("cycle").is_in(list(unknown)) & (pl.col("state") == "sealed")
            rows = self._lake.scan(_TABLE).filter(chosen).select("cycle", "as_of").collect()
            self._ends |= dict(rows.iter_rows())
        return {cycle: self._ends[cycle] for cycle in asked & self._ends.keys()}

    def sealed_from(self, first: int, last: int | None = None) -> Iterator[Sealed]:
        """Sealed cycles from one on, oldest first, without holding all of them at once."""
        newest = self.last_sealed()
        end = min(last or _NEVER, 0 if newest is None else newest.cycle)
        for start in range(first, end + 1, _AT_ONCE):
            among = pl.col("cycle").is_between(start, min(start + _AT_ONCE - 1, end))
            yield from map(sealed_of, self._rows(among, pl.col("state") == "sealed"))

    def claim(self, epoch: int) -> None:
        """From here on this ledger's commits are of an epoch; those of an older one are refused.

        Raises:
            AnotherSession: a later epoch is there, or another has claimed this one.
        """
        self._held.fence = None
        self.refresh()
        no_rows = pl.DataFrame(schema=pl.Schema(TABLES[_TABLE].schema))
        if not self._held.commit(no_rows, _LEASE, epoch).is_new:
            raise AnotherSession(f"epoch {epoch} is over")
        self._held.fence = Fence(_LEASE, epoch)

    def plan(self, manifest: dict[str, Any]) -> Plan:
        """Append the plan of the next cycle.

        Raises:
            AnotherSession: another session planned it first, or claimed a later epoch.
            ValueError: a planned cycle is not sealed yet.
        """
        self._read()
        if self._open is not None:
            raise ValueError(f"cycle {self._open.cycle} is planned and not sealed")
        cycle, previous = 1, FIRST_PREVIOUS_HASH
        if self._last is not None:
            cycle, previous = self._last.cycle + 1, self._last.hash
        plan = Plan(cycle, plain(manifest), previous)
        if not self._append(planned_row(plan), 2 * cycle):
            self.refresh()
            raise AnotherSession(f"another session planned cycle {cycle}")
        self._open = plan
        return plan

    def seal(
        self,
        plan: Plan,
        as_of: datetime | None,
        table_versions: dict[str, int],
        digests: dict[str, str],
        counts: dict[str, int],
    ) -> Sealed:
        """Append the seal of a planned cycle, whose tables are all written.

        A table not in `table_versions` keeps the version that the cycle before has.

        Raises:
            AnotherSession: a later epoch was claimed.
            SealMismatch: it is sealed already, and differs.
        """
        self._read()
        sealed = Sealed(
            plan.cycle,
            plan.manifest,
            as_of,
            self._every_version(table_versions),
            digests,
            counts,
            plan.previous_hash,
            seal_hash(plan, as_of, digests, counts),
        )
        if not self._append(sealed_row(sealed), 2 * plan.cycle + 1):
            return self._already_sealed(sealed)
        self._last, self._open = sealed, None
        self._ends[sealed.cycle] = as_of
        return sealed

    def _already_sealed(self, ours: Sealed) -> Sealed:
        self.refresh()
        theirs = self.sealed(ours.cycle)
        if theirs.hash != ours.hash:
            raise SealMismatch(f"cycle {ours.cycle} is sealed as {theirs.hash}, not {ours.hash}")
        return theirs

    def _every_version(self, written: dict[str, int]) -> dict[str, int]:
        known = {**(self._last.table_versions if self._last else {}), **written}
        tables = [table.name for table in TABLES.values() if table.in_cycle]
        # Never written by a sealed cycle: so whatever version it has holds no rows.
        return {name: known[name] if name in known else self._lake.version(name) for name in tables}

    def _read(self) -> None:
        if self._is_read:
            return
        # Transaction 2n or 2n + 1 was the last: the rows of n - 1 and n tell all.
        newest = self._held.number(_APP_ID) // 2
        rows = self._rows(pl.col("cycle") >= newest - 1)
        sealed = [sealed_of(row) for row in rows if row["state"] == "sealed"]
        plans = [planned_of(row) for row in rows if row["state"] == "planned"]
        self._last = sealed[-1] if sealed else None
        is_open = bool(plans) and (not sealed or plans[-1].cycle > sealed[-1].cycle)
        self._open = plans[-1] if is_open else None
        self._is_read = True

    def _rows(self, *conditions: pl.Expr) -> list[dict[str, Any]]:
        return self._lake.read(
            _TABLE, lambda: self._lake.scan(_TABLE).filter(*conditions).sort("cycle", "state")
        ).to_dicts()

    def _append(self, row: dict[str, Any], number: int) -> bool:
        frame = pl.DataFrame([row], schema=pl.Schema(TABLES[_TABLE].schema))
        try:
            return self._held.commit(frame, _APP_ID, number).is_new
        except Overtaken as overtaken:
            self.refresh()
            raise AnotherSession(str(overtaken)) from overtaken
