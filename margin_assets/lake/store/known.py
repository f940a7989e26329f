"""A table at a version of which everything is known, and the commit that follows on it.

In the Delta protocol a commit is its data files and the next entry of the log, put where there is
none. The Delta library reads the log again for each, and plans a query a constraint: 5 to 20 ms of
processor for a few rows, of a dozen tables a cycle. Where nobody came between, none of it is
needed. What is not plain is left to the library, which decides and says why: features unknown
here, rows that do not fit or break a constraint, very many rows, a rival's commit.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from io import BytesIO
from typing import Any, Protocol
from uuid import uuid4

import numpy as np
import polars as pl
from deltalake import DeltaTable

from margin_assets.lake.objects.objects import Objects
from margin_assets.lake.store.bounds import Check, check_of, keeps
from margin_assets.lake.store.log_files import newest_version
from margin_assets.lake.store.shards import SHARD, Shards

Action = dict[str, Any]

# Up to here the protocol asks of a writer: append-only, required columns, CHECK constraints.
_READER, _WRITER = 1, 3
_CONSTRAINT = "delta.constraints."
# A file is made in memory; what a commit costs beyond its rows is nothing for more.
_MOST_BYTES = 1 << 26
# Files are put one after the other.
_MOST_FILES = 32
# Of longer texts no bounds are kept: they help no reader, and every commit would carry them.
_LONGEST_BOUND = 64
_BOUNDED = (pl.Int32, pl.Int64, pl.String, pl.Datetime)


class Files(Protocol):
    """Makes files of one table, by their paths below it."""

    def add(self, path: str, content: bytes) -> None:
        """A file of a new name, that nobody knows of before the log names it."""

    def create(self, path: str, content: bytes) -> bool:
        """A file, whole or not at all; False, and nothing is changed, where there is one."""


@dataclass(frozen=True)
class TableFiles:
    """Files of one table of a lake."""

    objects: Objects
    table: str

    def add(self, path: str, content: bytes) -> None:
        """A file of a new name."""
        self.objects.add(f"{self.table}/{path}", content)

    def create(self, path: str, content: bytes) -> bool:
        """A file, whole or not at all; False where there is one."""
        return self.objects.create(f"{self.table}/{path}", content)

    def is_newest(self, version: int) -> bool:
        """Whether a version is the log's last: the entry after an old one may be dropped by now."""
        return newest_version(self.objects, self.table) == version


@dataclass(frozen=True)
class Said:
    """What a commit says of itself: its transactions, and what the history of the table shows."""

    transactions: list[tuple[str, int]]
    """Application ids and their numbers."""
    shown: dict[str, str]


@dataclass
class Made:
    """Data files that no commit names yet."""

    height: int = 0
    """How many rows they hold."""
    files: dict[int, list[Action]] = field(default_factory=dict)
    """As the log will name them, by shard."""

    def add(self, more: "Made") -> None:
        """Takes further files."""
        self.height += more.height
        for shard, files in more.files.items():
            self.files.setdefault(shard, []).extend(files)


@dataclass
class KnownVersion:
    """A version of a table; moves on with each commit made here."""

    version: int
    schema: pl.Schema
    required: list[str]
    checks: list[Check]
    bounded: list[str]
    """Columns of which a file's bounds are kept beside it."""
    is_append_only: bool
    files: dict[int, list[Action]] | None
    """Files of each shard, as their removal names them; None where rows are in no shard."""

    def takes(self, frame: pl.DataFrame, replaced: Shards | None) -> bool:
        """Whether rows can be committed here, added or in place of the shards `replaced`."""
        if frame.estimated_size() > _MOST_BYTES or not self.fits(frame):
            return False
        return self._may_replace(frame, replaced)

    def fits(self, frame: pl.DataFrame) -> bool:
        """Whether rows are such as the table may hold."""
        if frame.schema != self.schema:
            return False
        if any(frame.get_column(column).null_count() for column in self.required):
            return False
        return keeps(self.checks, frame)

    def _may_replace(self, frame: pl.DataFrame, replaced: Shards | None) -> bool:
        if replaced is None:
            return self.files is None
        if self.files is None or self.is_append_only:
            return False
        held = np.unique(frame[SHARD].to_numpy()).tolist()
        is_inside = replaced.chosen is None or set(held) <= set(replaced.chosen)
        return is_inside and len(held) <= _MOST_FILES

    def made(self, files: Files, frame: pl.DataFrame) -> Made:
        """Rows that fit, as files that are to be committed."""
        at, made = time.time_ns() // 1_000_000, Made(frame.height)
        for shard, rows in self._by_shard(frame):
            action, content = _data_file(rows, shard, at, self.bounded)
            files.add(action["path"], content)
            made.files.setdefault(shard or 0, []).append(action)
        return made

    def enter(self, files: Files, made: Made, replaced: Shards | None, said: Said) -> bool:
        """Commits files as the next version; False if that one is there already."""
        at = time.time_ns() // 1_000_000
        removed = self._replaced(replaced)
        actions = [
            _commit_info(said, replaced, made.height, at),
            *({"remove": _removal(file) | {"deletionTimestamp": at}} for file in removed),
            *({"add": file} for added in made.files.values() for file in added),
            *({"txn": {"appId": name, "version": each}} for name, each in said.transactions),
        ]
        entry = "\n".join(map(_json, actions)).encode()
        number = self.version + 1
        if not files.create(f"_delta_log/{number:020d}.json", entry):
            return False
        self.version = number
        if self.files is not None and replaced is not None:
            gone = self.files if replaced.chosen is None else replaced.chosen
            self.files = {s: f for s, f in self.files.items() if s not in gone} | made.files
        return True

    def _by_shard(self, frame: pl.DataFrame) -> Iterable[tuple[int | None, pl.DataFrame]]:
        if self.files is None:
            return [(None, frame)]
        if not frame.height:
            return []
        first, last = frame[SHARD].min(), frame[SHARD].max()
        if first == last:
            # A small book is one shard, and grouping its rows costs as much as writing them.
            columns = frame.get_columns()
            return [(int(str(first)), pl.DataFrame([c for c in columns if c.name != SHARD]))]
        parts = frame.partition_by(SHARD, include_key=False, as_dict=True)
        return [(int(str(shard)), rows) for (shard,), rows in parts.items() if rows.height]

    def _replaced(self, replaced: Shards | None) -> list[Action]:
        if replaced is None or self.files is None:
            return []
        gone = self.files if replaced.chosen is None else replaced.chosen
        return [file for shard in gone for file in self.files.get(shard, ())]


def known_version(handle: DeltaTable) -> KnownVersion | None:
    """What a handle knows of its version; None if the table is not as plain as ours are."""
    protocol, metadata, schema = handle.protocol(), handle.metadata(), handle.schema()
    if protocol.min_reader_version > _READER or protocol.min_writer_version > _WRITER:
        return None
    if metadata.partition_columns not in ([], [SHARD]) or any(f.metadata for f in schema.fields):
        return None
    said = metadata.configuration
    try:
        checks = [check_of(text) for name, text in said.items() if name.startswith(_CONSTRAINT)]
    except pl.exceptions.PolarsError:
        return None
    described = said.get("delta.dataSkippingStatsColumns")
    stored = pl.Schema(schema.to_arrow())
    return KnownVersion(
        version=handle.version(),
        schema=stored,
        required=[field.name for field in schema.fields if not field.nullable],
        checks=checks,
        bounded=[
            name
            for name, dtype in stored.items()
            if isinstance(dtype, _BOUNDED)
            and name not in metadata.partition_columns
            and (described is None or name in described.split(","))
        ],
        is_append_only=said.get("delta.appendOnly") == "true",
        files=_files(handle) if metadata.partition_columns else None,
    )


def _files(handle: DeltaTable) -> dict[int, list[Action]]:
    rows = pl.DataFrame(handle.get_add_actions(flatten=True))
    found: dict[int, list[Action]] = {}
    for shard, path, size in rows.select(f"partition.{SHARD}", "path", "size_bytes").iter_rows():
        file = {"path": path, "partitionValues": {SHARD: str(shard)}, "size": size}
        found.setdefault(shard, []).append(file)
    return found


def _data_file(
    rows: pl.DataFrame, shard: int | None, at: int, bounded: list[str]
) -> tuple[Action, bytes]:
    """How the log names a new file, and the file."""
    made = BytesIO()
    rows.write_parquet(made, compression="snappy")
    content = made.getvalue()
    folder = "" if shard is None else f"{SHARD}={shard}/"
    action = {
        "path": f"{folder}part-00000-{uuid4()}-c000.snappy.parquet",
        "partitionValues": {} if shard is None else {SHARD: str(shard)},
        "size": len(content),
        "modificationTime": at,
        "dataChange": True,
        "stats": _json(_statistics(rows, bounded)),
    }
    return action, content


def _removal(file: Action) -> Action:
    kept = {name: file[name] for name in ("path", "partitionValues", "size")}
    return kept | {"dataChange": True, "extendedFileMetadata": True}


def _commit_info(said: Said, replaced: Shards | None, rows: int, at: int) -> Action:
    parameters = {"mode": "Append" if replaced is None else "Overwrite"}
    if replaced is not None and (where := replaced.predicate()) is not None:
        parameters["predicate"] = where
    info = {
        "timestamp": at,
        "operation": "WRITE",
        "operationParameters": parameters,
        "engineInfo": "margin-lakehouse",
        "operationMetrics": {"num_added_rows": rows},
    }
    return {"commitInfo": info | said.shown}


def _statistics(rows: pl.DataFrame, bounded: list[str]) -> dict[str, Any]:
    """Number of rows, and bounds of the columns by which readers choose files."""
    bounds = {name: (_bound(rows[name].min()), _bound(rows[name].max())) for name in bounded}
    whole = {name: pair for name, pair in bounds.items() if None not in pair}
    return {
        "numRecords": rows.height,
        "minValues": {name: pair[0] for name, pair in whole.items()},
        "maxValues": {name: pair[1] for name, pair in whole.items()},
        "nullCount": {name: rows[name].null_count() for name in bounded},
    }


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _bound(value: object) -> object:
    """A value as the log has it; None if it cannot stand there."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, str) and len(value) > _LONGEST_BOUND:
        return None
    return value
