"""The lease of a lake in a folder: a lock that ends with the process that holds it."""

import fcntl
import os
from pathlib import Path

_PLACE = "_lease/live.lock"
"""Below the lake; no table is called so."""


class FolderLease:
    """One process's sight of the lock. Every taking raises the epoch, which the file keeps.

    Nobody takes it from a process that lives: one that is held up is waited for.
    """

    seconds = 60.0
    """There is nothing to renew: how often somebody looks."""

    def __init__(self, lake: Path) -> None:
        self._place = lake / _PLACE
        self._held: int | None = None

    def take(self) -> int | None:
        """The epoch from which this process is active; None while another is."""
        self._place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        epoch = int(os.pread(descriptor, 32, 0) or b"0") + 1
        os.pwrite(descriptor, str(epoch).encode(), 0)
        os.fsync(descriptor)
        self._held = descriptor
        return epoch

    def renew(self) -> bool:
        """Whether it is held still."""
        return self.is_held()

    def is_held(self) -> bool:
        """Whether nobody else can have taken it."""
        return self._held is not None

    def release(self) -> bool:
        """Lets it go; False if it was not held."""
        if self._held is None:
            return False
        os.close(self._held)
        self._held = None
        return True
