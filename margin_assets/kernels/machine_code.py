"""Where compiled loops are kept: one folder for each state of the sources, the newest few only."""

import fcntl
import hashlib
import os
import shutil
from pathlib import Path

_KEPT = 4


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
        # Never closed: the claim lasts as long as the process.
        claimed = os.open(folder / "claimed", os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(claimed, fcntl.LOCK_SH)
        os.utime(folder)
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
