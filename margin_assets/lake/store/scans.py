"""Versions of tables as queries, each opened once however often it is asked."""

from typing import NamedTuple

import polars as pl

from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.objects import Objects
from margin_assets.lake.store import declared
from margin_assets.lake.store.held import HeldTable
from margin_assets.lake.store.log_files import is_as_made
from margin_assets.lake.store.shards import SHARD

# Of larger tables the files are not remembered: a session reads them once.
_FEW_FILES = 256


class Scan(NamedTuple):
    """Rows of one version of a table, which stay what they are."""

    version: int
    generation: int
    """Of the credentials that it reads with."""
    rows: pl.LazyFrame
    files: int


class Scans:
    """The last version asked of each table of a lake."""

    def __init__(self, access: Access, objects: Objects) -> None:
        self._access, self._objects = access, objects
        self._kept: dict[str, Scan] = {}

    def of(self, name: str, held: HeldTable, version: int | None) -> Scan:
        """A table or daily twin at a version, or the newest, in its declared columns."""
        if version is None:
            return self._opened(name, held, None)
        kept = self._kept.get(name)
        if kept is not None and kept[:2] == (version, self._access.generation):
            return kept
        is_made = self.is_as_made(name, version)
        found = self._empty(name, version) if is_made else self._opened(name, held, version)
        if found.files <= _FEW_FILES:
            self._kept[name] = found
        return found

    def is_as_made(self, name: str, version: int) -> bool:
        """Whether nobody had written a table by a version; False where opening tells as soon."""
        # On a remote store the library asks no more often than looking ourselves would.
        return not self._access.is_remote and is_as_made(self._objects, name, version)

    def _opened(self, name: str, held: HeldTable, version: int | None) -> Scan:
        generation = self._access.generation
        handle = held.read(version)
        files = len(handle.file_uris())
        if not files:
            # Nothing to plan: most tables of a small lake, and several of any.
            return self._empty(name, handle.version())
        rows = pl.scan_delta(handle, storage_options=self._access.polars())
        plain = rows.drop(SHARD) if declared.is_sharded(name) else rows
        return Scan(handle.version(), generation, plain, files)

    def _empty(self, name: str, version: int) -> Scan:
        return Scan(version, self._access.generation, declared.empty(name).lazy(), 0)
