"""How long a question may take and how much memory it may use, and what ends one that runs away.

The engine has no limits of its own. A question on the command line runs in the command's process,
which then ends itself; the server asks processes of its own, which it ends and replaces.
"""

import faulthandler
import os
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)B?", re.IGNORECASE)
_PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = 0.02
"""Seconds between two looks at a question that runs."""
# A compiled loop that never lets a thread of Python in is ended from outside Python.
_GRACE = 10.0


class Started(NamedTuple):
    """When a question started (monotonic seconds), in which process, and what that held then."""

    at: float
    pid: int
    held: int


def started(pid: int) -> Started:
    """The start of a question in a process, now."""
    return Started(time.monotonic(), pid, resident_bytes(pid))


class Limits(NamedTuple):
    """What one question may take: wall time, and memory that it adds to its process."""

    seconds: float
    bytes: int

    def broken(self, start: Started) -> str | None:
        """Which limit a question has broken, in words; None if none."""
        if time.monotonic() - start.at > self.seconds:
            return f"stopped after {self.seconds:g} s: ask for less, or raise --timeout"
        if resident_bytes(start.pid) - start.held > self.bytes:
            return f"stopped at {self.bytes / 1e9:g} GB of memory: ask for less, or raise --memory"
        return None


def memory_size(text: str) -> int:
    """Bytes of a size such as 2GB, 512MB or 1000000, in powers of ten.

    Raises:
        ValueError: It is no size.
    """
    found = _SIZE.fullmatch(text.strip())
    if not found or not float(found[1]):
        raise ValueError(f"{text!r} is no size such as 2GB or 512MB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def resident_bytes(pid: int) -> int:
    """Memory of a process that is in use now; 0 of one that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """Ends this process, with one line and exit code 1, should the block break a limit."""
    done, start = threading.Event(), started(os.getpid())

    def watch() -> None:
        while not done.wait(TICK):
            reason = limits.broken(start)
            if reason is not None:
                sys.stderr.write(f"margin: {reason}\n")
                sys.stderr.flush()
                os._exit(1)

    watcher = threading.Thread(target=watch, name="limits", daemon=True)
    with Path(os.devnull).open("w") as nowhere:
        faulthandler.dump_traceback_later(limits.seconds + _GRACE, exit=True, file=nowhere)
        watcher.start()
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            done.set()
            watcher.join()
