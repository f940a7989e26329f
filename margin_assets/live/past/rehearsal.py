"""Cycles run again without writing a table: state in memory, history read where it was sealed.

What a rehearsed cycle wrote is known by its frames and its hash; that the lake's append tables
hold the same is what a replay compares. So a rehearsal costs what computing costs.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from margin_assets.lake.ledger.cycles import Plan, Sealed, seal_hash
from margin_assets.lake.ledger.ledger import FIRST_PREVIOUS_HASH, Ledger
from margin_assets.lake.store import declared
from margin_assets.lake.store.scans import Scan
from margin_assets.lake.store.shards import Shards, shards_of
from margin_assets.lake.store.store import ONE_SHARD, Lake
from margin_assets.lake.upkeep.caretaker import Caretaker
from margin_assets.live.session.session import CycleResult, Session
from schemas import TABLES, Mode

_BEFORE = Sealed(0, {}, None, {}, {}, {}, "", FIRST_PREVIOUS_HASH)


@dataclass(frozen=True)
class Start:
    """A sealed cycle from which to go on, and the state tables as it left them."""

    sealed: Sealed
    states: Mapping[str, pl.DataFrame]
    """Those that a cycle had written by then."""


class RehearsalLake(Lake):
    """A lake that keeps what cycles write in memory, over the history of another."""

    def __init__(self, origin: Lake, start: Start | None) -> None:
        super().__init__(origin.uri, origin.storage_options)
        self._origin = origin
        self.cycle = start.sealed.cycle if start else 0
        """Last cycle whose rows are history."""
        self.states = dict(start.states) if start else {}
        appended = (t.name for t in TABLES.values() if t.mode is Mode.APPEND)
        self._younger = {name for name in appended if not self.has_table(name)}
        """Tables declared after the lake was made, and not made since."""
        self._opened: dict[str, Scan] = {}
        self._whole_to = -1
        """Last cycle whose rows are in them all."""

    def scan(self, name: str, version: int | None = None) -> pl.LazyFrame:
        """State as the last cycle left it; of an append table the rows up to that cycle."""
        del version
        if declared.table_of(name).mode is Mode.STATE:
            return self.states.get(name, TABLES[name].schema.create_empty()).lazy()
        if name in self._younger:
            return TABLES[name].schema.create_empty(lazy=True)
        return self._history(name).rows.filter(pl.col("cycle") <= self.cycle)

    def _history(self, name: str) -> Scan:
        """All of an append table, opened once while every cycle that runs again is in it."""
        if self.cycle > self._whole_to:
            last = Ledger(self._origin).last_sealed()
            self._whole_to = 0 if last is None else last.cycle
            self._opened.clear()
        if name not in self._opened:
            self._opened[name] = self.opened(name)
        return self._opened[name]

    def has_rows(self, name: str, version: int) -> bool:
        """Whether the lake has rows, be they of cycles that have yet to run again."""
        del version
        if declared.table_of(name).mode is Mode.STATE:
            return name in self.states
        return name not in self._younger and self._history(name).files > 0

    def version(self, name: str) -> int:
        """No version is ever made."""
        del name
        return 0

    def was_written(self, name: str, version: int) -> bool:
        """Whether a cycle has written a state table."""
        del version
        return name in self.states

    def write_all(
        self,
        frames: Mapping[str, pl.DataFrame],
        cycle: int,
        shards: Shards = ONE_SHARD,
    ) -> dict[str, int]:
        """Keeps state frames: whole, or in the chosen shards."""
        for name, frame in frames.items():
            if declared.table_of(name).mode is Mode.STATE:
                rows = declared.conform(name, frame)
                self.states[name] = pl.concat([self._others(name, shards), rows])
        return dict.fromkeys(frames, cycle)

    def write_parts(
        self,
        parts: Iterable[Mapping[str, pl.DataFrame]],
        cycle: int,
        shards: Shards,
        wanted: Callable[[], Collection[str]] | None = None,
    ) -> dict[str, int]:
        """Keeps state frames that come in parts."""
        found: dict[str, list[pl.DataFrame]] = {}
        for part in parts:
            for name, frame in part.items():
                found.setdefault(name, []).append(frame)
        names = found.keys() if wanted is None else wanted()
        return self.write_all({n: pl.concat(found[n]) for n in names}, cycle, shards)

    def _others(self, name: str, shards: Shards) -> pl.DataFrame:
        """Rows of the shards that are not replaced."""
        chosen = None if declared.table_of(name).is_whole else shards.chosen
        if chosen is None or name not in self.states:
            return declared.conform(name, TABLES[name].schema.create_empty())
        held = self.states[name]
        return held.filter(~shards_of(held["account_id"], shards.count).is_in(chosen))


class RehearsalLedger(Ledger):
    """The chain of hashes of rehearsed cycles, in memory."""

    def __init__(self, lake: RehearsalLake, start: Start | None) -> None:
        super().__init__(lake)
        self._rehearsed = lake
        self._newest = start.sealed if start else _BEFORE

    def refresh(self) -> None:
        """Nobody else writes here."""

    def last_sealed(self) -> Sealed | None:
        """The newest rehearsed cycle; None before the first."""
        # Every table counts as one that a cycle left at some version.
        versions = {table.name: 0 for table in TABLES.values() if table.in_cycle}
        last = self._newest
        return _with(last, versions) if last.cycle else None

    def open_plan(self) -> Plan | None:
        """A rehearsal that dies leaves nothing."""
        return None

    def plan(self, manifest: dict[str, Any]) -> Plan:
        """The plan of the next cycle."""
        return Plan(self._newest.cycle + 1, manifest, self._newest.hash)

    def seal(
        self,
        plan: Plan,
        as_of: datetime | None,
        table_versions: dict[str, int],
        digests: dict[str, str],
        counts: dict[str, int],
    ) -> Sealed:
        """Remembers a cycle; from now on its rows are history."""
        found = seal_hash(plan, as_of, digests, counts)
        self._newest = Sealed(
            plan.cycle,
            plan.manifest,
            as_of,
            table_versions,
            digests,
            counts,
            plan.previous_hash,
            found,
        )
        self._rehearsed.cycle = plan.cycle
        return self._newest


def _with(sealed: Sealed, versions: dict[str, int]) -> Sealed:
    kept = {name: getattr(sealed, name) for name in sealed.__dataclass_fields__}
    return Sealed(**kept | {"table_versions": versions})


class _Resting(Caretaker):
    """Nothing is stored, so nothing is kept up."""

    def after(self, sealed: Sealed) -> None:
        del sealed


class Rehearsal:
    """Runs the plans of a lake again, from a start or from nothing."""

    def __init__(self, origin: Lake, start: Start | None = None) -> None:
        self.lake = RehearsalLake(origin, start)
        self._session = Session(self.lake, open_archive=origin)
        self._session.ledger = RehearsalLedger(self.lake, start)
        self._session.caretaker = _Resting(self.lake)
        self._session.recover()

    def run(self, sealed: Sealed) -> CycleResult:
        """Runs the cycle after the last again."""
        return self._session.run_plan(self._session.ledger.plan(sealed.manifest))
