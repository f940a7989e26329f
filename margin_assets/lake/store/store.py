"""The lake: every declared table as Delta, each commit once, and the raw archive beside them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import BinaryIO

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.objects import objects_at, open_slice
from margin_assets.lake.objects.patience import unavailable
from margin_assets.lake.store import declared, faults
from margin_assets.lake.store.creating import created, has_table, missing_constraints
from margin_assets.lake.store.held import HeldTable, Rows
from margin_assets.lake.store.kept_threads import KeptThreads
from margin_assets.lake.store.known import Made
from margin_assets.lake.store.log_files import newest_version
from margin_assets.lake.store.making import Making
from margin_assets.lake.store.scans import Scan, Scans
from margin_assets.lake.store.shards import Shards, shards_of
from schemas import Mode

CYCLE = "cycle"
ONE_SHARD = Shards(1)
# Commits wait on storage more than on cores.
_WRITERS = 6


class Lake:
    """Tables at one place: a local folder, or `s3://bucket/prefix`.

    Storage options not given are left to delta-rs, which reads the AWS_* variables.
    """

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None = None) -> None:
        self.uri = uri.rstrip("/")
        self.storage_options = dict(storage_options) if storage_options else None
        self.access = Access(self.uri, storage_options)
        self._objects = objects_at(self.access)
        self._tables: dict[str, HeldTable] = {}
        self._scans = Scans(self.access, self._objects)
        self._writers = KeptThreads(_WRITERS, "writing")

    def held(self, name: str) -> HeldTable:
        """The table's held handle.

        Raises:
            KeyError: no such table.
        """
        if name not in self._tables:
            declared.table_of(name)
            made = HeldTable(f"{self.uri}/{name}", self.access, self._objects)
            # Threads may race to here: all of them get the one that was first.
            self._tables.setdefault(name, made)
        return self._tables[name]

    def create(self) -> list[str]:
        """Create what is missing, the ledger last, and return the names created.

        Idempotent, and safe when two processes do it at once or one died half-way.
        """
        with ThreadPoolExecutor(_WRITERS) as pool:
            *others, ledger = declared.names()
            made = list(pool.map(self._create, others))
        return [name for name, new in zip(others, made, strict=True) if new] + (
            [ledger] if self._create(ledger) else []
        )

    def _create(self, name: str) -> bool:
        return self.access.keep(
            f"creating {name}", lambda: created(name, self.held(name), self.access)
        )

    def has_table(self, name: str) -> bool:
        """Whether a table is there: of a lake made before it was declared it may not be."""
        return has_table(name, self.held(name), self.access)

    def is_created(self) -> bool:
        """Whether every table is there, and the ledger, the last to be made, is complete."""
        with ThreadPoolExecutor(_WRITERS) as pool:
            is_complete = all(pool.map(self.has_table, declared.names()))
        return is_complete and not missing_constraints("cycles", self.held("cycles").open())

    def is_there(self) -> bool:
        """Whether a lake was begun here; tells soon if the store does not answer.

        Raises:
            StoreUnavailable: it does not answer, or does not let us in.
        """
        uri, options = self.held("cycles").uri, self.access.delta(is_first_contact=True)
        try:
            return DeltaTable.is_deltatable(uri, options)
        except (DeltaError, OSError) as error:
            if not self.access.is_remote:
                raise
            raise unavailable(self.uri, error) from error

    def read(self, name: str, rows: Callable[[], pl.LazyFrame]) -> pl.DataFrame:
        """Rows of a scan, made and read again while the store is in trouble."""
        return self.access.keep(f"reading {name}", lambda: rows().collect())

    def scan(self, name: str, version: int | None = None) -> pl.LazyFrame:
        """Rows of a table or daily twin at `version`, or the newest, in its declared columns."""
        return self.opened(name, version).rows

    def has_rows(self, name: str, version: int) -> bool:
        """Whether a version of a table has any file."""
        return self.opened(name, version).files > 0

    def opened(self, name: str, version: int | None = None) -> Scan:
        """A table at a version, or the newest, and how many files it has."""
        return self._scans.of(name, self.held(name), version)

    def version(self, name: str) -> int:
        """Newest version of a table."""
        found = self.access.keep(f"looking for {name}", lambda: newest_version(self._objects, name))
        # Of a table without a log the library says what is wrong.
        return self.held(name).open().version() if found is None else found

    def was_written(self, name: str, version: int) -> bool:
        """Whether a cycle had written the table by a version, be it empty by now or not."""
        # What has rows need not be opened once more for who wrote it.
        if self.has_rows(name, version):
            return True
        if self._scans.is_as_made(name, version):
            return False
        return self.held(name).open(version).transaction_version(CYCLE) is not None

    def write(self, name: str, frame: pl.DataFrame, cycle: int, shards: Shards = ONE_SHARD) -> int:
        """Write a cycle's rows in one commit, once however often it is asked.

        Rows are added to an append table; a state table is replaced whole, or in the chosen
        shards alone.

        Returns:
            The version of the table that holds the cycle.

        Raises:
            SchemaMismatch: the frame does not fit the table without loss.
            DeltaError: a row breaks a constraint.
        """
        rows = declared.conform(name, frame)
        if declared.table_of(name).mode is Mode.APPEND:
            return self.held(name).commit(rows, CYCLE, cycle).version
        if declared.table_of(name).is_whole:
            shards = ONE_SHARD
        sharded = rows.hstack([shards_of(rows["account_id"], shards.count)])
        return self.held(name).commit(sharded, CYCLE, cycle, shards).version

    def write_all(
        self,
        frames: Mapping[str, pl.DataFrame],
        cycle: int,
        shards: Shards = ONE_SHARD,
    ) -> dict[str, int]:
        """Write a cycle's tables at once; return the versions of those written.

        An append table without rows is left alone. If a write fails, its error is raised after
        all others are done.
        """
        names = [name for name, frame in frames.items() if _has_something(name, frame)]
        if not names:
            return {}
        with self._writers.lent() as threads:
            writes = {n: threads.submit(self._write, n, frames[n], cycle, shards) for n in names}
        return {name: write.result() for name, write in writes.items()}

    def write_parts(
        self,
        parts: Iterable[Mapping[str, pl.DataFrame]],
        cycle: int,
        shards: Shards,
        wanted: Callable[[], Collection[str]] | None = None,
    ) -> dict[str, int]:
        """Replace state tables by rows that come in parts, each in one commit after all of them.

        A part holds rows of every table and all rows of some of the `shards`, which are all; two
        are held at most. In the end `wanted` tells which tables are committed; without it all are.

        Raises:
            SchemaMismatch: rows do not fit a table, or break a constraint.
        """
        with ThreadPoolExecutor(_WRITERS) as pool:
            making = Making(self.held, self.access, pool, shards)
            for part in parts:
                making.take(part)
            made = making.ended()
            names = wanted() if wanted else made.keys()
            commits = {n: pool.submit(self._write, n, made[n], cycle, shards) for n in names}
        return {name: commit.result() for name, commit in commits.items()}

    def _write(self, name: str, rows: Rows, cycle: int, shards: Shards) -> int:
        faults.reach(f"before_write:{name}")
        if isinstance(rows, Made):
            version = self.held(name).commit(rows, CYCLE, cycle, shards).version
        else:
            version = self.write(name, rows, cycle, shards)
        faults.reach(f"written:{name}")
        return version

    def replace_days(self, name: str, frame: pl.DataFrame, days: Sequence[date]) -> int:
        """Replace exactly these business dates of the daily twin of `name`, in one commit.

        Returns:
            The new version of the twin.

        Raises:
            SchemaMismatch: the frame does not fit the twin without loss.
            DeltaError: a row is of another date, or breaks a constraint.
        """
        if not days:
            raise ValueError(f"{name}: no business dates to replace")
        twin = declared.DAILY + name
        dates = ", ".join(f"DATE '{day.isoformat()}'" for day in days)
        predicate = f"{declared.BUSINESS_DATE} IN ({dates})"
        return self.held(twin).replace(declared.conform(twin, frame), predicate)

    def put_object(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write raw bytes below the lake; they appear whole or not at all."""
        self._objects.put(path, chunks)

    def create_object(self, path: str, content: bytes) -> bool:
        """Write raw bytes where there are none; False, and no change, where there are.

        On S3 also False where a request was answered too late: who asks looks what is there.
        """
        return self._objects.create(path, content)

    def open_object(self, path: str, offset: int = 0, length: int | None = None) -> BinaryIO:
        """Raw bytes from `offset`, at most `length` of them, as a seekable stream.

        Raises:
            FileNotFoundError: no such object.
        """
        return open_slice(self._objects, path, offset, length)

    def has_object(self, path: str) -> bool:
        """Whether there are raw bytes at `path`."""
        return self._objects.size(path) is not None

    def objects_below(self, folder: str) -> dict[str, float]:
        """Paths of everything below a folder of the lake, with when the store got it (seconds)."""
        return self._objects.listed(folder)

    def delete_objects(self, paths: Sequence[str]) -> None:
        """Remove raw bytes; what is not there is no error."""
        self._objects.delete(paths)

    def check_store(self) -> None:
        """Make sure that the store answers and that two writers cannot lose a commit on it.

        Raises:
            StoreUnavailable: it does not answer, or does not let us in.
            StoreRefused: it overwrites a key that it was told to create.
        """
        self._objects.probe()


def _has_something(name: str, frame: pl.DataFrame) -> bool:
    return not frame.is_empty() or declared.table_of(name).mode is Mode.STATE
