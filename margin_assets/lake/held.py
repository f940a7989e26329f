"""One Delta table through one held handle: checked and written at the same version.

An application transaction is a number that grows with every commit of one writer. delta-rs lets
two writers with one application id conflict, but does not refuse an old number by itself; so the
number is looked up in the handle that writes. Looked up in one handle and written through
another, rivals do duplicate rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from threading import RLock
from typing import Literal

import polars as pl
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError

# A handle slows down with every commit it lives through; opening is cheap against that.
_COMMITS_PER_HANDLE = 50
_ATTEMPTS = 5

# All tables come to their hundredth commit in one cycle: checkpoints are upkeep's, one at a time.
NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)

WriteMode = Literal["append", "overwrite"]


@dataclass(frozen=True)
class Commit:
    """Where a transaction is in a table."""

    version: int
    is_new: bool
    """Whether this call wrote it; False when the table already had it."""


class HeldTable:
    """One table, its handle, and the last transaction number of each application id in it."""

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None) -> None:
        self.uri = uri
        self._options = dict(storage_options) if storage_options else None
        self._lock = RLock()
        self._handle: DeltaTable | None = None
        self._numbers: dict[str, int] = {}
        self._commits = 0

    def open(self, version: int | None = None) -> DeltaTable:
        """A handle of the caller's own, at `version` or the newest."""
        return DeltaTable(self.uri, version=version, storage_options=self._options)

    def forget(self) -> None:
        """Drop the handle, so that the next use sees what others wrote."""
        with self._lock:
            self._handle = None

    def number(self, app_id: str) -> int:
        """Last transaction number of `app_id`; -1 before the first."""
        with self._lock:
            handle = self._held()
            if app_id not in self._numbers:
                found = handle.transaction_version(app_id)
                self._numbers[app_id] = -1 if found is None else found
            return self._numbers[app_id]

    def commit(
        self,
        frame: pl.DataFrame,
        mode: WriteMode,
        app_id: str,
        number: int,
        where: str | None = None,
    ) -> Commit:
        """Write the frame as transaction `number`, unless the table is already there.

        An overwrite replaces the rows that satisfy `where`, or all.

        Raises:
            CommitFailedError: rivals won every attempt without reaching `number`.
        """
        with self._lock:
            for attempt in range(1, _ATTEMPTS + 1):
                if self.number(app_id) >= number:
                    return Commit(self._version_of(app_id, number), is_new=False)
                try:
                    return self._write(frame, mode, app_id, number, where)
                except CommitFailedError:
                    self.forget()
                    if attempt == _ATTEMPTS:
                        raise
                except Exception:
                    # The commit may have landed without its answer: look again next time.
                    self.forget()
                    raise
        raise AssertionError("unreachable: the last attempt returns or raises")

    def replace(self, frame: pl.DataFrame, predicate: str) -> int:
        """Put the frame in the place of all rows that satisfy the predicate.

        Raises:
            CommitFailedError: rivals replaced the same rows at every attempt.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            handle = self.open()
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
            self._handle, self._numbers, self._commits = self.open(), {}, 0
        return self._handle

    def _write(
        self, frame: pl.DataFrame, mode: WriteMode, app_id: str, number: int, where: str | None
    ) -> Commit:
        # Not _held(): a handle reopened here would not be the one whose number was checked.
        handle = self._handle
        if handle is None:
            raise AssertionError("a handle is held since its number was checked")
        properties = CommitProperties(
            custom_metadata={app_id: str(number)}, app_transactions=[Transaction(app_id, number)]
        )
        write = partial(
            write_deltalake,
            handle,
            frame,
            commit_properties=properties,
            post_commithook_properties=NO_HOOKS,
        )
        if mode == "append":
            write(mode=mode)
        else:
            write(mode=mode, predicate=where)
        self._numbers[app_id] = number
        self._commits += 1
        return Commit(handle.version(), is_new=True)

    def _version_of(self, app_id: str, number: int) -> int:
        # Only after a crash or a lost race. Without a trace in the log the table was not written
        # in this transaction, or the log is cleaned: the newest version then has all there is.
        handle = self._held()
        for entry in handle.history():
            if entry.get(app_id) == str(number):
                return int(entry["version"])
        return handle.version()
