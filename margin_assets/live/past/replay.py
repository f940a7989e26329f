"""Replay: history recomputed from the landed bytes, and held against what is stored and sealed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import NamedTuple

import polars as pl

from margin_assets.engines import Engine
from margin_assets.lake.landing.archive import copied
from margin_assets.lake.ledger import adoptions, bases
from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.large_digest import large_digest
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake
from margin_assets.live.past.rehearsal import Rehearsal, Start
from margin_assets.live.session.session import CycleResult, Session
from schemas import TABLES, Mode, Table

# Rows and cycles whose stored tables are held in memory at once.
_ROWS, _CYCLES = 500_000, 200
_APPENDED = tuple(t for t in TABLES.values() if t.in_cycle and t.mode is Mode.APPEND)
_STATES = tuple(t for t in TABLES.values() if t.in_cycle and t.mode is Mode.STATE)

OnCycle = Callable[[Sealed, int], None]


@dataclass(frozen=True)
class ReplayReport:
    """How many cycles were computed, and the first difference found, if any."""

    cycles: int
    difference: str | None


def replay(
    lake: Lake, from_cycle: int = 1, on_cycle: OnCycle = lambda _cycle, _last: None
) -> ReplayReport:
    """Recomputes sealed cycles and compares each, from `from_cycle` on, as it comes.

    Its hash with the one sealed, its rows with those stored; after the last, every state table.
    All in canonical form. Starts from the newest base before `from_cycle`, or from nothing, and
    writes nothing. `on_cycle` is told each cycle and the number of the last.
    """
    last = Ledger(lake).last_sealed()
    if last is None:
        return ReplayReport(0, None)
    begun = _base_before(lake, from_cycle)
    return _between(lake, _Part(begun, last.cycle, last.cycle), from_cycle, on_cycle)


def replay_on(
    engine: Engine,
    lake: Lake,
    from_cycle: int = 1,
    on_cycle: OnCycle = lambda _cycle, _last: None,
) -> ReplayReport:
    """What `replay` finds, with the cycles from one kept base to the next as a part of its own.

    A part starts from a base and must come to the next one, row by row: so what the parts find is
    what one walk through all of them would. `on_cycle` is told the last cycle of each part.
    """
    ledger = Ledger(lake)
    last = ledger.last_sealed()
    if last is None:
        return ReplayReport(0, None)
    begun, done = _base_before(lake, from_cycle), 0
    ends = [base for base in bases.kept(lake) if begun < base < last.cycle]
    parts = [_Part(*pair, last.cycle) for pair in pairwise([begun, *ends, last.cycle])]
    shared = (lake.uri, lake.storage_options, from_cycle)
    for part, found in zip(parts, engine.over(_replayed, shared, parts), strict=True):
        done += found.cycles
        if found.difference is not None:
            return ReplayReport(done, found.difference)
        on_cycle(ledger.sealed(part.to), last.cycle)
    return ReplayReport(done, None)


class _Part(NamedTuple):
    """Cycles after one, of which a base is kept or which is 0, to another."""

    after: int
    to: int
    last: int
    """The last sealed cycle when the replay began."""


def _replayed(shared: tuple[str, Mapping[str, str] | None, int], part: _Part) -> ReplayReport:
    uri, options, from_cycle = shared
    return _between(Lake(uri, options), part, from_cycle, lambda _cycle, _last: None)


def _between(lake: Lake, part: _Part, from_cycle: int, on_cycle: OnCycle) -> ReplayReport:
    ledger, done = Ledger(lake), 0
    last = ledger.sealed(part.last)
    rehearsal = Rehearsal(lake, _start_at(lake, part.after))
    for sealed, stored in _with_rows(lake, last, part.after, part.to):
        again = rehearsal.run(sealed)
        done += 1
        on_cycle(again.sealed, last.cycle)
        if sealed.cycle >= from_cycle:
            difference = _difference(sealed, again, stored)
            if difference is not None:
                return ReplayReport(done, f"cycle {sealed.cycle}: {difference}")
    if part.to < last.cycle:
        return ReplayReport(done, _base_difference(lake, ledger.sealed(part.to), rehearsal))
    return ReplayReport(done, _state_difference(lake, last, rehearsal) or _strays(lake, last))


def start_before(lake: Lake, cycle: int) -> Start | None:
    """The newest kept base before a cycle; None if there is none."""
    return _start_at(lake, _base_before(lake, cycle))


def _base_before(lake: Lake, cycle: int) -> int:
    return max((kept for kept in bases.kept(lake) if kept < cycle), default=0)


def _start_at(lake: Lake, base: int) -> Start | None:
    if not base:
        return None
    sealed = Ledger(lake).sealed(base)
    return Start(sealed, bases.tables_of(lake, sealed))


def replay_into(
    lake: Lake, scratch: Lake, from_cycle: int = 1, on_cycle: OnCycle = lambda _cycle, _last: None
) -> ReplayReport:
    """Recomputes every sealed cycle of `lake` into `scratch`, a fresh lake, table by table.

    Slower than `replay` by what writing costs; what it leaves is a lake that can be asked.
    """
    adoptions.copy(lake, scratch)
    session, ledger = Session(scratch), Ledger(lake)
    session.recover()
    last, done = ledger.last_sealed(), 0
    for sealed in ledger.sealed_from(1):
        copied(lake, scratch, sealed.manifest["archive"])
        again = session.run_plan(session.ledger.plan(sealed.manifest)).sealed
        done += 1
        on_cycle(again, last.cycle if last else 0)
        if sealed.cycle >= from_cycle and again.hash != sealed.hash:
            return ReplayReport(done, f"cycle {sealed.cycle}: {_unlike(sealed, again)}")
    session.caretaker.settle()
    return ReplayReport(done, _first_difference(lake, scratch))


def _with_rows(
    lake: Lake, last: Sealed, after: int, to: int
) -> Iterator[tuple[Sealed, dict[str, pl.DataFrame]]]:
    """Sealed cycles after one to another, each with the rows it appended, read many at a time."""
    cycles = Ledger(lake).sealed_from(after + 1)
    for run in _runs(takewhile(lambda sealed: sealed.cycle <= to, cycles)):
        among = pl.col("cycle").is_between(run[0].cycle, run[-1].cycle)
        # A table younger than the last seal holds none of its rows.
        tables = SealedTables(lake, last)
        rows = {
            table.name: tables.scan(table.name)
            .filter(among)
            .collect()
            .partition_by("cycle", as_dict=True)
            for table in _APPENDED
        }
        for sealed in run:
            key = (sealed.cycle,)
            yield sealed, {name: part[key] for name, part in rows.items() if key in part}


def _runs(cycles: Iterator[Sealed]) -> Iterator[list[Sealed]]:
    run: list[Sealed] = []
    rows = 0
    for sealed in cycles:
        rows += sum(sealed.counts.get(table.name, 0) for table in _APPENDED)
        if run and (rows > _ROWS or len(run) >= _CYCLES):
            yield run
            run, rows = [], 0
        run.append(sealed)
    if run:
        yield run


def _difference(sealed: Sealed, again: CycleResult, stored: dict[str, pl.DataFrame]) -> str | None:
    """What a cycle wrote, sealed or stored otherwise than it comes out now."""
    if again.sealed.hash != sealed.hash:
        return _unlike(sealed, again.sealed)
    for table in _APPENDED:
        rows = stored.get(table.name)
        found = None if rows is None else digest(rows, table)
        if found != again.sealed.digests.get(table.name):
            empty = table.schema.create_empty()
            ours = empty if rows is None else rows
            return _first_row(table, ours, again.frames.get(table.name, empty))
    return None


def _unlike(sealed: Sealed, again: Sealed) -> str:
    for name in sorted(sealed.digests.keys() | again.digests.keys()):
        if sealed.digests.get(name) != again.digests.get(name):
            return f"{name} was sealed with other rows than are computed now"
    if sealed.as_of != again.as_of:
        return f"sealed as of {sealed.as_of}, computed as of {again.as_of}"
    return "the hash before it, or its counts, are others"


def _base_difference(lake: Lake, sealed: Sealed, rehearsal: Rehearsal) -> str | None:
    """Where the state that a part comes to is not the base from which the next one starts."""
    kept = bases.tables_of(lake, sealed)
    for table in _STATES:
        stored = kept.get(table.name, table.schema.create_empty())
        computed = rehearsal.lake.scan(table.name).collect()
        if digest(stored, table) != digest(computed, table):
            found = _first_row(table, stored, computed)
            return f"the base of cycle {sealed.cycle}: {found}"
    return None


def _state_difference(lake: Lake, last: Sealed, rehearsal: Rehearsal) -> str | None:
    tables = SealedTables(lake, last)
    for table in _STATES:
        stored, computed = tables.scan(table.name), rehearsal.lake.scan(table.name)
        if _digest(lake, table, stored) != large_digest(computed, table):
            return _first_row(table, stored.collect(), computed.collect())
    return None


def _strays(lake: Lake, last: Sealed) -> str | None:
    """Rows that stand in an append table under no sealed cycle."""
    for table in _APPENDED:
        rows = SealedTables(lake, last).scan(table.name)
        strays = rows.filter(~pl.col("cycle").is_between(1, last.cycle)).collect()
        if strays.height:
            return _first_row(table, strays, table.schema.create_empty())
    return None


def _first_difference(lake: Lake, scratch: Lake) -> str | None:
    ours, theirs = (Ledger(one).last_sealed() for one in (lake, scratch))
    if ours is None or theirs is None:
        return None
    for table in (*_APPENDED, *_STATES):
        stored = SealedTables(lake, ours).scan(table.name)
        computed = SealedTables(scratch, theirs).scan(table.name)
        if _digest(lake, table, stored) != _digest(scratch, table, computed):
            return _first_row(table, stored.collect(), computed.collect())
    return None


def _digest(lake: Lake, table: Table, rows: pl.LazyFrame) -> str:
    """The digest of stored rows, read again while the store is in trouble."""
    return lake.access.keep(f"reading {table.name}", lambda: large_digest(rows, table))


def _first_row(table: Table, stored: pl.DataFrame, computed: pl.DataFrame) -> str:
    """Names the first row, in canonical order, that the two do not share."""
    columns = list(table.schema.columns())
    only = [
        one.select(columns).join(other.select(columns), on=columns, how="anti", nulls_equal=True)
        for one, other in ((stored, computed), (computed, stored))
    ]
    rows = pl.concat(only).sort(table.order).select(table.order).head(1).to_dicts()
    where = ", ".join(f"{name}={value}" for name, value in (rows[0] if rows else {}).items())
    return f"{table.name}: {where or 'rows repeated'} differs between lake and replay"
