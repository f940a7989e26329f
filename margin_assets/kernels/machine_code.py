"""Where compiled loops are kept: one folder for each state of the sources, the newest few only."""

import fcntl
import hashlib
import os
import shutil
from pathlib import Path
from typing import IO

_KEPT = 4
_held: list[IO[str]] = []


def folder_of(sources: Path) -> Path:
    """Folder of the machine code of all sources of a package.

    Numba looks only at the file of the outermost function: after a change in a module that is
    compiled into it, it would go on running the old machine code.
    """
    digest = hashlib.sha256()
    for source in sorted(sources.glob("*.py")):
        digest.update(source.read_bytes())
    return sources / "__pycache__" / f"numba-{digest.hexdigest()[:16]}"


def claim(folder: Path) -> None:
    """Makes a folder this process's own to read and write, and removes others long unused.

    One process at a time claims and removes; a folder that a living process has claimed stays.
    """
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "numba.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder.mkdir(exist_ok=True)
        claimed = (folder / "claimed").open("w")
        fcntl.flock(claimed, fcntl.LOCK_SH)
        os.utime(folder)
        _held.append(claimed)  # for the life of the process
        newest = sorted(folder.parent.glob("numba-*"), key=lambda f: f.stat().st_mtime)
        for old in newest[:-_KEPT]:
            _remove_unclaimed(old)


def _remove_unclaimed(folder: Path) -> None:
    with (folder / "claimed").open("w") as claimed:
        try:
            fcntl.flock(claimed, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(folder, ignore_errors=True)
