"""One Delta table through one held handle: checked and written at the same version.

An application transaction is a number that grows with every commit of one writer. delta-rs lets
two writers with one application id conflict, but does not refuse an old number by itself; so the
number is looked up in the handle that writes. Looked up in one handle and written through
another, rivals do duplicate rows.
"""

import re
from functools import partial
from threading import RLock
from uuid import uuid4

import polars as pl
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, SchemaMismatchError

from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.objects import Objects
from margin_assets.lake.objects.troubles import trouble_of
from margin_assets.lake.store.damage import damage_of
from margin_assets.lake.store.declared import SchemaMismatch
from margin_assets.lake.store.known import KnownVersion, Made, Said, TableFiles, known_version
from margin_assets.lake.store.shards import Shards
from margin_assets.lake.store.steps import CALL, Commit, Fence, Overtaken, Step

# A handle slows down with every commit it lives through; opening is cheap against that.
_COMMITS_PER_HANDLE = 50
_ATTEMPTS = 5

# All tables come to their hundredth commit in one cycle: checkpoints are upkeep's, one at a time.
NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)

# What the Delta library says of a file in the log that it cannot read.
_DAMAGE = re.compile("parquet|json|checkpoint|corrupt|footer", re.IGNORECASE)


Rows = pl.DataFrame | Made
"""Rows to commit, or files that were made of them."""


class HeldTable:
    """One table, its handle, and the last transaction number of each application id in it."""

    def __init__(self, uri: str, access: Access, objects: Objects) -> None:
        self.uri = uri
        self._name, self._access = uri.removeprefix(access.uri).strip("/"), access
        self.files = TableFiles(objects, self._name)
        self._lock = RLock()
        self._handle: DeltaTable | None = None
        self._read: DeltaTable | None = None
        """The handle last read through: commits go on from it where it is the newest."""
        self._read_with = 0
        """The credentials that it was opened with, by their generation."""
        self._is_shared = False
        """Whether queries read through the held handle too: it must stay where it is."""
        self._known: KnownVersion | None = None
        """Where our own commits have come to, at or past the handle's version."""
        self._numbers: dict[str, int] = {}
        self._commits = 0
        self.fence: Fence | None = None
        """Of a writer that others may take over from; None where nobody does."""

    def open(self, version: int | None = None) -> DeltaTable:
        """A handle of the caller's own, at `version` or the newest."""
        return self._access.keep(f"opening {self._name}", lambda: self._open(version), rows=0)

    def read(self, version: int | None = None) -> DeltaTable:
        """The same, for queries that stay at this version: commits may go on from it."""
        with self._lock:
            held = self._handle
            if version is None and held is not None and self.files.is_newest(held.version()):
                self._is_shared = True
                return held
        generation, found = self._access.generation, self.open(version)
        with self._lock:
            self._read, self._read_with = found, generation
        return found

    def _open(self, version: int | None = None) -> DeltaTable:
        try:
            return DeltaTable(self.uri, version=version, storage_options=self._access.delta())
        except DeltaError as error:
            # A store in trouble, or a version that is gone, is told by who knows of it.
            if trouble_of(error) or not _DAMAGE.search(str(error)):
                raise
            raise damage_of(self._access, self._name, error) from error

    def forget(self) -> None:
        """Drop the handle, so that the next use sees what others wrote."""
        with self._lock:
            self._handle = None

    def number(self, app_id: str) -> int:
        """Last transaction number of `app_id`; -1 before the first."""
        return self._access.keep(f"reading {self._name}", lambda: self._number(app_id), rows=0)

    def _number(self, app_id: str) -> int:
        with self._lock:
            handle = self._held()
            if app_id not in self._numbers:
                try:
                    found = handle.transaction_version(app_id)
                except Exception:
                    # It reads the log, with credentials that may be over: the next is opened anew.
                    self.forget()
                    raise
                self._numbers[app_id] = -1 if found is None else found
            return self._numbers[app_id]

    def commit(
        self,
        rows: Rows,
        app_id: str,
        number: int,
        replaced: Shards | None = None,
    ) -> Commit:
        """Write rows, be they files by now, as transaction `number`, unless it is already there.

        Rows are added, or take the place of all rows of the shards that are `replaced`.

        A store may lose the answer of a commit that it took: tried again, the call finds its
        own id in the log, and so tells its own commit from that of a rival.

        Raises:
            CommitFailedError: rivals won every attempt without reaching `number`.
            Overtaken: somebody is ahead of the fence.
            StoreUnavailable: the store was in trouble for too long.
        """
        step = Step(app_id, number, replaced, uuid4().hex)
        return self._access.keep(
            f"writing {self._name}", lambda: self._commit(rows, step), rows=rows.height
        )

    def _commit(self, rows: Rows, step: Step) -> Commit:
        with self._lock:
            for attempt in range(1, _ATTEMPTS + 1):
                # Where somebody else commits too, the library knows what conflicts.
                known = self._known_for(rows, step, attempt)
                if known is None:
                    self._own()
                self._refuse_overtaken()
                if self._number(step.app_id) >= step.number:
                    return self._found(step)
                try:
                    return self._follow(known, rows, step) if known else self._write(rows, step)
                except CommitFailedError:
                    self.forget()
                    if attempt == _ATTEMPTS:
                        raise
                except Exception:
                    # The commit may have landed without its answer: look again next time.
                    self.forget()
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _refuse_overtaken(self) -> None:
        # Looked at in the handle that writes: a commit that lands meanwhile conflicts with ours.
        fence = self.fence
        if fence is not None and self._number(fence.app_id) > fence.number:
            raise Overtaken(f"{self._name}: {fence.app_id} {fence.number} was taken over")

    def known(self) -> KnownVersion | None:
        """The version that is held, for rows that are made files first; None if it is not plain."""
        with self._lock:
            return self._known_now()

    def replace(self, frame: pl.DataFrame, predicate: str) -> int:
        """Put the frame in the place of all rows that satisfy the predicate.

        Raises:
            CommitFailedError: rivals replaced the same rows at every attempt.
            StoreUnavailable: the store was in trouble for too long.
        """
        return self._access.keep(
            f"writing {self._name}", lambda: self._replace(frame, predicate), rows=frame.height
        )

    def _replace(self, frame: pl.DataFrame, predicate: str) -> int:
        for attempt in range(1, _ATTEMPTS + 1):
            handle = self._open()
            try:
                write_deltalake(handle, frame, mode="overwrite", predicate=predicate)
            except CommitFailedError:
                if attempt == _ATTEMPTS:
                    raise
            else:
                return handle.version()
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _held(self) -> DeltaTable:
        if self._handle is None or self._commits >= _COMMITS_PER_HANDLE:
            # Numbers belong to the handle they were read from.
            self._numbers, self._known, self._commits = {}, None, 0
            read, self._read = self._read, None
            self._is_shared = read is not None and self._is_current(read)
            self._handle = read if read is not None and self._is_shared else self._open()
        return self._handle

    def _is_current(self, read: DeltaTable) -> bool:
        # It asks the store of the log again, with the credentials that it was opened with.
        is_let_in = self._read_with == self._access.generation
        return is_let_in and self.files.is_newest(read.version())

    def _own(self) -> None:
        """Lets the library have a handle to itself: it moves the one that it writes through."""
        if self._handle is not None and self._is_shared:
            self._handle = self._read = None

    def _known_for(self, rows: Rows, step: Step, attempt: int) -> KnownVersion | None:
        """The version that rows can follow on without the library; None if they cannot."""
        if attempt > 1 and not isinstance(rows, Made):
            return None
        known = self._known_now()
        if known is None or isinstance(rows, Made) or known.takes(rows, step.replaced):
            return known
        if known.version > self._held().version():
            self.forget()
        return None

    def _known_now(self) -> KnownVersion | None:
        handle = self._held()
        if self._known is None:
            self._known = known_version(handle)
        return self._known

    def _follow(self, known: KnownVersion, rows: Rows, step: Step) -> Commit:
        # The number was checked up to this version, and only its next one can be made.
        said = Said(self._transactions(step), step.shown())
        made = rows if isinstance(rows, Made) else known.made(self.files, rows)
        if not known.enter(self.files, made, step.replaced, said):
            raise CommitFailedError(f"{self._name}: version {known.version + 1} is there already")
        self._numbers[step.app_id] = step.number
        return Commit(known.version, is_new=True)

    def _transactions(self, step: Step) -> list[tuple[str, int]]:
        fence = self.fence
        own = [(step.app_id, step.number)]
        return own if fence is None else [*own, (fence.app_id, fence.number)]

    def _write(self, frame: Rows, step: Step) -> Commit:
        if isinstance(frame, Made):
            raise CommitFailedError(f"{self._name}: no table as this product makes them")
        # Not _held(): a handle reopened here would not be the one whose number was checked.
        handle = self._handle
        if handle is None:
            raise AssertionError("a handle is held since its number was checked")
        properties = CommitProperties(
            custom_metadata=step.shown(),
            app_transactions=[Transaction(*each) for each in self._transactions(step)],
        )
        write = partial(
            write_deltalake,
            handle,
            frame,
            commit_properties=properties,
            post_commithook_properties=NO_HOOKS,
        )
        try:
            if step.replaced is None:
                write(mode="append")
            else:
                write(mode="overwrite", predicate=step.replaced.predicate())
        except SchemaMismatchError as error:
            raise SchemaMismatch(
                f"{self._name}: this lake was made with other columns, and nothing migrates one: "
                "make a new lake and let the feeds land again (docs/operate.md, Upgrade)"
            ) from error
        # It may have gone past commits of others: what else was known is looked up again.
        self._numbers, self._known = {step.app_id: step.number}, None
        self._commits += 1
        return Commit(handle.version(), is_new=True)

    def _found(self, step: Step) -> Commit:
        # Only after a crash, a lost race or a lost answer. Without a trace in the log the table
        # was not written in this transaction, or the log is cleaned: the newest version then has
        # all there is. The newest commits first: a lost answer is that of one of them.
        # The held handle does not know what was committed without it.
        handle = self._open()
        for newest in (_ATTEMPTS, None):
            for entry in handle.history(newest):
                if entry.get(step.app_id) == str(step.number):
                    return Commit(int(entry["version"]), is_new=entry.get(CALL) == step.call)
        return Commit(handle.version(), is_new=False)
