"""Replay: history recomputed from the landed bytes into a scratch lake, and compared."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from margin_assets.lake.canonical import canonical_bytes
from margin_assets.lake.ledger import Sealed
from margin_assets.lake.sealed import SealedTables
from margin_assets.lake.store import Lake
from margin_assets.live.session import Session
from schemas import TABLES, Table


@dataclass(frozen=True)
class ReplayReport:
    """How far a replay came, and the first difference it found, if any."""

    cycles: int
    difference: str | None


def replay(
    lake: Lake,
    scratch: Lake,
    from_cycle: int = 1,
    on_cycle: Callable[[Sealed], None] = lambda _: None,
) -> ReplayReport:
    """Recomputes every sealed cycle of `lake` into `scratch`, which must be a fresh lake.

    Cycles from `from_cycle` on are compared as they are sealed: hash, then table by table. At
    the end every table is compared in its canonical form, so that what is stored counts, not
    only what was sealed.
    """
    session = Session(scratch, open_archive=lake)
    session.recover()
    done = 0
    for sealed in Session(lake).ledger.all_sealed():
        again = session.run_plan(session.ledger.plan(sealed.manifest)).sealed
        done += 1
        on_cycle(again)
        if sealed.cycle >= from_cycle and again.hash != sealed.hash:
            return ReplayReport(done, f"cycle {sealed.cycle}: {_unlike(sealed, again)}")
    return ReplayReport(done, _first_difference(lake, scratch))


def _unlike(sealed: Sealed, again: Sealed) -> str:
    for name in sorted(sealed.digests.keys() | again.digests.keys()):
        if sealed.digests.get(name) != again.digests.get(name):
            return f"{name} was sealed with other rows than are computed now"
    if sealed.as_of != again.as_of:
        return f"sealed as of {sealed.as_of}, computed as of {again.as_of}"
    return "the hash before it, or its counts, are others"


def _first_difference(lake: Lake, scratch: Lake) -> str | None:
    ours, theirs = (Session(one).ledger.last_sealed() for one in (lake, scratch))
    if ours is None or theirs is None:
        return None
    for table in TABLES.values():
        if table.in_cycle:
            stored = SealedTables(lake, ours.table_versions)(table.name)
            computed = SealedTables(scratch, theirs.table_versions)(table.name)
            if canonical_bytes(stored, table) != canonical_bytes(computed, table):
                return _first_row(table, stored, computed)
    return None


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
