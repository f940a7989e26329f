"""Bases: the state tables as a cycle left them, kept aside for recomputing what came after.

A base lies in `bases/<cycle>/`, one Parquet object a table, and `complete.json` last of all. It
is written from the versions that the cycle sealed, and trusted no further than the seals: cycles
recomputed from it must come out with the hashes of the ledger.
"""

import json
import re
from collections.abc import Mapping
from functools import partial
from tempfile import TemporaryFile

import polars as pl

from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import ACCOUNTS_WRITTEN
from margin_assets.lake.store import declared
from margin_assets.lake.store.store import Lake
from schemas import TABLES, Mode

_FOLDER = "bases"
_WHOLE = "complete.json"
_CHUNK = 1 << 20
_COMPLETE = re.compile(rf"^{_FOLDER}/(\d{{12}})/complete\.json$")

STATE_TABLES = tuple(t.name for t in TABLES.values() if t.mode is Mode.STATE and t.in_cycle)


class BaseBroken(ValueError):
    """A base that is not what its cycle sealed."""


def kept(lake: Lake) -> list[int]:
    """Cycles whose base is complete, oldest first."""
    found = (_COMPLETE.match(path) for path in lake.objects_below(_FOLDER))
    return sorted(int(match[1]) for match in found if match)


def keep_table(lake: Lake, sealed: Sealed, name: str) -> bool:
    """Writes one state table of a base, but for one that no cycle has written; whether it did."""
    if not lake.was_written(name, sealed.table_versions[name]):
        return False
    # Through a file: ten million positions in memory would be 5 GB beside the session's.
    with TemporaryFile() as spool:
        lake.scan(name, sealed.table_versions[name]).sink_parquet(spool)
        spool.seek(0)
        lake.put_object(
            _path(sealed.cycle, f"{name}.parquet"), iter(partial(spool.read, _CHUNK), b"")
        )
    return True


def complete(lake: Lake, sealed: Sealed) -> None:
    """Says that all tables of a base are there, and of which seal it is."""
    content = json.dumps({"cycle": sealed.cycle, "hash": sealed.hash}).encode()
    lake.put_object(_path(sealed.cycle, _WHOLE), [content])


def thin(lake: Lake, newest: int, older: int) -> None:
    """Drops bases but for the `newest` ones and those of every `older`-th cycle."""
    for cycle in kept(lake)[:-newest]:
        if cycle % older:
            # Before its tables: killed in between, half a base must not be taken for a whole one.
            lake.delete_objects([_path(cycle, _WHOLE)])
            lake.delete_objects(sorted(lake.objects_below(f"{_FOLDER}/{cycle:012d}")))


def tables_of(lake: Lake, sealed: Sealed) -> Mapping[str, pl.DataFrame]:
    """State tables of a complete base, those that a cycle had written by then.

    Raises:
        BaseBroken: it is of another history, or holds other rows than were sealed.
    """
    with lake.open_object(_path(sealed.cycle, _WHOLE)) as stream:
        if json.loads(stream.read())["hash"] != sealed.hash:
            raise BaseBroken(f"the base of cycle {sealed.cycle} is of another history")
    paths = lake.objects_below(f"{_FOLDER}/{sealed.cycle:012d}")
    found: dict[str, pl.DataFrame] = {}
    for name in STATE_TABLES:
        if _path(sealed.cycle, f"{name}.parquet") in paths:
            with lake.open_object(_path(sealed.cycle, f"{name}.parquet")) as stream:
                found[name] = declared.conform(name, pl.read_parquet(stream.read()))
            _check(name, found[name], sealed)
    return found


def _check(name: str, frame: pl.DataFrame, sealed: Sealed) -> None:
    """Rows that the cycle itself wrote must be those it sealed."""
    if name not in sealed.digests:
        return
    if ACCOUNTS_WRITTEN in sealed.counts:
        frame = frame.filter(pl.col("cycle") == sealed.cycle)
    if digest(frame, TABLES[name]) != sealed.digests[name]:
        raise BaseBroken(f"{name} in the base of cycle {sealed.cycle} is not what was sealed")


def _path(cycle: int, name: str) -> str:
    return f"{_FOLDER}/{cycle:012d}/{name}"
