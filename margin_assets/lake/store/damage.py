"""Which file of a table is damaged, where its log cannot be read, and what to do about it."""

import json
import re
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.objects import Objects, objects_at, open_slice

_HINT = "_last_checkpoint"
_VERSION = re.compile(r"/(\d{20})\.")


class TableDamaged(DeltaError, RuntimeError):
    """A table whose log cannot be read: its name, the file, and what to do."""


def damage_of(access: Access, table: str, error: BaseException) -> TableDamaged:
    """What keeps a table from being opened, on one line."""
    reason = " ".join(str(error).split())
    objects = objects_at(access)
    paths = sorted(objects.listed(f"{table}/_delta_log"))
    found = next(_damaged(objects, paths), None)
    if found is None:
        return TableDamaged(f"table {table} cannot be read: {reason}")
    path, what = found
    return TableDamaged(f"table {table}: {path} is damaged ({what}); {_way_out(path, paths)}")


def _damaged(objects: Objects, paths: list[str]) -> Iterator[tuple[str, str]]:
    """Files of the log that cannot be read, with what is wrong: checkpoints, newest first."""
    for path in reversed([path for path in paths if path.endswith(".parquet")]):
        try:
            with open_slice(objects, path, 0, None) as stream:
                pq.read_metadata(pa.PythonFile(stream, mode="r"))
        except (pa.ArrowException, OSError) as error:
            yield path, " ".join(str(error).split())
    for path in reversed([path for path in paths if path.endswith((".json", _HINT))]):
        try:
            with open_slice(objects, path, 0, None) as stream:
                told = [json.loads(line) for line in stream.read().splitlines()]
        except ValueError as error:
            yield path, " ".join(str(error).split())
            continue
        if path.endswith(_HINT) and not _is_there(told[0]["version"], paths):
            yield path, "names a checkpoint that is gone"


def _is_there(version: int, paths: list[str]) -> bool:
    return any(path.endswith(".parquet") and f"/{version:020d}." in path for path in paths)


def _way_out(path: str, paths: list[str]) -> str:
    """What brings the table back: older files of the log, where they tell all."""
    folder = path.rpartition("/")[0]
    if path.endswith(_HINT):
        return "remove it: the log is read without it"
    matched = _VERSION.search(path)
    if matched is None or not path.endswith(".parquet"):
        return "restore it from a copy of the lake"
    version = int(matched[1])
    versions = {int(v[1]) for p in paths if p.endswith(".json") and (v := _VERSION.search(p))}
    older = [int(v[1]) for p in paths if p.endswith(".parquet") and (v := _VERSION.search(p))]
    start = max((v for v in older if v < version), default=-1)
    if versions.issuperset(range(start + 1, version + 1)):
        return f"remove it and {folder}/{_HINT}: the commits before it tell the same"
    return "restore it from a copy of the lake: the commits before it are gone"
