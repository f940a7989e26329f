"""A loop is compiled by one process at a time: another that needs it waits, and takes what came.

Two processes that compile side by side share the loops that both call, and Numba would compile
each of those twice. Nor does its index of a loop bear two writers: of two new signatures one may
come to stand for the other's machine code.
"""

import fcntl
import time
from pathlib import Path
from typing import IO

from numba.core import caching

_PATIENCE_SECONDS = 120.0
"""Longer than any loop takes. After it one compiles for itself: the other hangs, or gave up."""
_LOOK_SECONDS = 0.02


class InTurns(caching.IndexDataCacheFile):
    """Index and machine code of one loop, held by the process that compiles it.

    The hold is a lock of the system's: it ends with its process, however that ends.
    """

    def __init__(self, cache_path: str, filename_base: str, source_stamp: object) -> None:
        super().__init__(cache_path, filename_base, source_stamp)  # type: ignore[no-untyped-call]  # Numba's own
        self._file = Path(cache_path, f"{filename_base}.turn")
        self._held: IO[bytes] | None = None

    def load(self, key: object) -> object:
        """What is kept for a signature; None makes it this process's turn to compile it."""
        found = super().load(key)  # type: ignore[no-untyped-call]  # Numba's own
        if found is None and self._held is None:
            self._held = _held(self._file)
            found = super().load(key)  # type: ignore[no-untyped-call]  # the same
            if found is not None:
                self._give()
        return found

    def save(self, key: object, data: object) -> None:
        """Keeps what was compiled, and ends the turn."""
        self._held = self._held or _held(self._file)
        try:
            super().save(key, data)  # type: ignore[no-untyped-call]  # Numba's own
        finally:
            self._give()

    def _give(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None


def take() -> None:
    """From now on, all loops that Numba keeps are compiled in turns."""
    caching.IndexDataCacheFile = InTurns  # type: ignore[misc]  # Numba's own, by its subclass


def _held(file: Path) -> IO[bytes] | None:
    """A lock on a file; None where none is to be had."""
    try:
        opened = file.open("ab")
    except OSError:
        return None
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOOK_SECONDS)
        except OSError:  # no locks on this file system
            break
        else:
            return opened
    opened.close()
    return None
