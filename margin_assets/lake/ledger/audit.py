"""Whether the lake still holds what its cycles were sealed over, recomputed from the tables."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

import polars as pl
from deltalake.exceptions import DeltaError

from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.large_digest import large_digest
from margin_assets.lake.ledger.ledger import ACCOUNTS_WRITTEN, FIRST_PREVIOUS_HASH
from margin_assets.lake.ledger.links import Break, link_problem, parsed_texts
from margin_assets.lake.store.store import Lake
from schemas import TABLES, Mode

# Rows of an append table that are held in memory at once, as long as cycles are smaller.
_ROWS_AT_ONCE = 1_000_000
_CHUNK = 1 << 20
_UNREADABLE = (DeltaError, OSError, pl.exceptions.PolarsError)


@dataclass(frozen=True)
class Verdict:
    """The last sealed cycle and its hash, or the first broken link."""

    cycles: int
    last_cycle: int | None
    last_hash: str
    broken: Break | None
    unfinished_cycle: int | None
    """A planned cycle without its seal: the next session finishes it."""


@dataclass(frozen=True)
class _Chain:
    sealed: list[Sealed]
    open_cycle: int | None
    """The planned cycle after the last sealed one, if there is one."""

    def has(self, table: str) -> bool:
        """Whether the last seal names the table: one that is younger holds nothing sealed."""
        return not self.sealed or table in self.sealed[-1].table_versions

    @property
    def last(self) -> int:
        return self.sealed[-1].cycle if self.sealed else 0


def verify(lake: Lake, on_step: Callable[[str], None] = lambda _: None) -> Verdict:
    """Recomputes the hash chain and all it vouches for: ledger, archive, tables.

    Rows of a planned cycle that is not sealed are no break: a session died or is at work.
    """
    on_step("ledger")
    rows = lake.read("cycles", lambda: lake.scan("cycles").sort("cycle", "state")).to_dicts()
    chain = _chain(rows)
    breaks = list(_ledger_breaks(rows))
    if not breaks:
        for table in TABLES.values():
            if table.in_cycle and chain.has(table.name):
                on_step(table.name)
                check = _append_breaks if table.mode is Mode.APPEND else _state_breaks
                breaks.extend(check(lake, table.name, chain))
        on_step("archive")
        breaks.extend(_archive_breaks(lake, chain))
    last = chain.sealed[-1] if chain.sealed else None
    return Verdict(
        cycles=len(chain.sealed),
        last_cycle=last.cycle if last else None,
        last_hash=last.hash if last else FIRST_PREVIOUS_HASH,
        broken=min(breaks, default=None),
        unfinished_cycle=chain.open_cycle,
    )


def _chain(rows: list[dict[str, Any]]) -> _Chain:
    sealed = [_sealed(row) for row in rows if row["state"] == "sealed"]
    last = sealed[-1].cycle if sealed else 0
    plans = {row["cycle"] for row in rows if row["state"] == "planned"}
    return _Chain(sealed, last + 1 if last + 1 in plans else None)


def _sealed(row: dict[str, Any]) -> Sealed:
    texts = ("manifest", "table_versions", "digests", "counts")
    return Sealed(
        **{n: v for n, v in row.items() if n not in ("state", *texts)} | parsed_texts(row)
    )


def _ledger_breaks(rows: list[dict[str, Any]]) -> Iterator[Break]:
    """The first place at which the rows of the ledger are not one chain."""
    plans = {row["cycle"]: row for row in rows if row["state"] == "planned"}
    sealed = [row for row in rows if row["state"] == "sealed"]
    previous = FIRST_PREVIOUS_HASH
    for number, row in enumerate(sealed, 1):
        problem = link_problem(row, plans.get(row["cycle"]), number, previous)
        if problem:
            yield Break(min(number, row["cycle"]), problem)
            return
        previous = row["hash"]
    last = len(sealed)
    if len(rows) - len(sealed) != len(plans):
        yield Break(last, "the ledger holds a plan twice")
    for cycle in sorted(plans):
        if cycle > last + 1:
            yield Break(cycle, f"is planned, though cycle {last + 1} is not sealed")
            return
    if last + 1 in plans and plans[last + 1]["previous_hash"] != previous:
        yield Break(last + 1, f"its plan does not follow the hash of cycle {last}")


def _append_breaks(lake: Lake, name: str, chain: _Chain) -> Iterator[Break]:
    """Cycles whose rows of an append table are not those that were sealed."""
    try:
        rows = lake.scan(name)
        held = dict(rows.group_by("cycle").len().collect().iter_rows())
        yield from _strays(name, held, chain)
        for part in _parts(chain.sealed, held):
            yield from _part_breaks(rows, name, part)
        yield from _pin_breaks(lake, name, chain)
    except _UNREADABLE as error:
        lake.access.refuse_trouble(error)
        yield Break(_first_with(name, chain), f"table {name} cannot be read: {_short(error)}")


def _strays(name: str, held: dict[int, int], chain: _Chain) -> Iterator[Break]:
    """Rows of cycles that were neither sealed nor planned."""
    for cycle in sorted(held):
        if not 1 <= cycle <= chain.last and cycle != chain.open_cycle:
            yield Break(cycle, f"table {name} has {held[cycle]} rows of a cycle never sealed")


def _parts(sealed: list[Sealed], held: dict[int, int]) -> Iterator[list[Sealed]]:
    """Runs of cycles small enough to be held at once."""
    part: list[Sealed] = []
    rows = 0
    for cycle in sealed:
        if part and rows + held.get(cycle.cycle, 0) > _ROWS_AT_ONCE:
            yield part
            part, rows = [], 0
        part.append(cycle)
        rows += held.get(cycle.cycle, 0)
    if part:
        yield part


def _part_breaks(rows: pl.LazyFrame, name: str, part: list[Sealed]) -> Iterator[Break]:
    among = pl.col("cycle").is_between(part[0].cycle, part[-1].cycle)
    frames = rows.filter(among).collect().partition_by("cycle", as_dict=True)
    for sealed in part:
        frame = frames.get((sealed.cycle,))
        found = 0 if frame is None else frame.height
        expected = sealed.digests.get(name)
        if found != (sealed.counts.get(name, 0)):
            yield Break(
                sealed.cycle, f"table {name} has {found} rows, not {sealed.counts.get(name, 0)}"
            )
        elif frame is not None and digest(frame, TABLES[name]) != expected:
            yield Break(sealed.cycle, f"rows of table {name} differ from what was sealed")


def _pin_breaks(lake: Lake, name: str, chain: _Chain) -> Iterator[Break]:
    """The version that the last seal names must hold all sealed rows, and none else."""
    if not chain.sealed:
        return
    version = chain.sealed[-1].table_versions[name]
    expected = sum(cycle.counts.get(name, 0) for cycle in chain.sealed)
    found = lake.scan(name, version).select(pl.len()).collect().item()
    if found != expected:
        what = f"table {name} at its version {version} has {found} rows, not {expected}"
        yield Break(chain.last, what)


def _state_breaks(lake: Lake, name: str, chain: _Chain) -> Iterator[Break]:
    """A state table is what the last cycle that wrote it left, pinned and newest."""
    writers = [cycle for cycle in chain.sealed if name in cycle.digests]
    writer = writers[-1] if writers else None
    cycle = writer.cycle if writer else 0
    try:
        newest = lake.version(name)
        pinned = chain.sealed[-1].table_versions[name] if chain.sealed else newest
        for version in sorted({pinned, newest}):
            rows = lake.scan(name, version)
            by_cycle = dict(rows.group_by("cycle").len().collect().iter_rows())
            if version != pinned and by_cycle.keys() <= {chain.open_cycle}:
                continue
            if strays := list(_strays(name, by_cycle, chain)):
                yield from strays
                return
            if not _is_sealed_state(rows, name, writer, by_cycle):
                what = f"rows of table {name}, version {version}, differ from what was sealed"
                yield Break(cycle, what)
                return
    except _UNREADABLE as error:
        lake.access.refuse_trouble(error)
        yield Break(cycle, f"table {name} cannot be read: {_short(error)}")


def _is_sealed_state(
    rows: pl.LazyFrame, name: str, writer: Sealed | None, by_cycle: dict[int, int]
) -> bool:
    """Whether rows, so many of each cycle, are those that the last writer sealed."""
    if writer is None:
        return not by_cycle
    if ACCOUNTS_WRITTEN in writer.counts:
        # Only some accounts' rows were replaced: those of other cycles stand beside them.
        rows = rows.filter(pl.col("cycle") == writer.cycle)
    return large_digest(rows, TABLES[name]) == writer.digests[name]


def _archive_breaks(lake: Lake, chain: _Chain) -> Iterator[Break]:
    """Cycles whose landed bytes are gone or are not what was planned."""
    for sealed in chain.sealed:
        path = sealed.manifest["archive"]
        # What is left of a large file is held to its hash where its bytes were first taken.
        files = [file for file in sealed.manifest["files"] if not file.get("archive")]
        if not files:
            continue
        try:
            with lake.open_object(path) as archive:
                for file in files:
                    if not file["problem"] and _hash(archive, file) != file["file_id"]:
                        what = f"landed file {file['path']} in {path} has changed"
                        yield Break(sealed.cycle, what)
        except FileNotFoundError:
            yield Break(sealed.cycle, f"its archive {path} is gone")


def _hash(archive: BinaryIO, file: dict[str, Any]) -> str:
    found, rest = hashlib.sha256(), file["bytes"]
    archive.seek(file["offset"])
    while rest and (chunk := archive.read(min(rest, _CHUNK))):
        found.update(chunk)
        rest -= len(chunk)
    return found.hexdigest()


def _first_with(name: str, chain: _Chain) -> int:
    return next((cycle.cycle for cycle in chain.sealed if name in cycle.digests), 0)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
