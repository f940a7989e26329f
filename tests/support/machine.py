"""What a run of the tests takes of its machine: a core a worker, and memory for its files."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 4 << 30
"""Several times what a run keeps at once; a container has 64 MB unless it is asked for more."""


def keep_to_a_core() -> None:
    """Worker and children keep to a core, so that threads of a small session wake no other one.

    Measured: a quarter of the time of a test of cycles. A worker more than there are cores keeps
    to none: it takes the time of those that wait for a server, a browser or a compilation.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
    if sys.platform != "linux" or not worker:
        return
    cores = sorted(os.sched_getaffinity(0))
    # Walks on several threads are tested as such, on one core too.
    os.environ.setdefault("NUMBA_NUM_THREADS", str(len(cores)))
    if int(worker) < len(cores):
        for thread in Path("/proc/self/task").iterdir():
            # It may have ended since it was listed.
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), {cores[int(worker)]})


@contextmanager
def every_core() -> Iterator[None]:
    """For tests whose processes are to get into each other's way: children run on any core."""
    if sys.platform != "linux":
        yield
        return
    kept = os.sched_getaffinity(0)
    # The system takes of these what this process may have at all.
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, kept)


def keep_files_in_memory() -> None:
    """Temporary files lie in memory where there is room: a tenth of the time is the disk's."""
    if "TMPDIR" in os.environ or not _MEMORY.is_dir():
        return
    found = os.statvfs(_MEMORY)
    if found.f_bavail * found.f_frsize < _ROOM or found.f_flag & os.ST_NOEXEC:
        return
    os.environ["TMPDIR"] = str(_MEMORY)
    # Whoever asked before looks again.
    tempfile.tempdir = None
