"""The figures that a live session last published: one Arrow file for whoever reads along.

Not part of the lake's truth: no cycle reads it, none depends on it, and it may be deleted at any
time. Each cycle's file has a name of its own, since replacing one by rename makes the file system
write it out at once (24 ms for 100,000 accounts against 6); the one before is kept, so that a
reader who has just listed the folder still finds it.
"""

import contextlib
import hashlib
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from margin_assets.lake.store.store import Lake

_FOLDER = "_live"
_ELSEWHERE = Path("~/.cache/margin/live")
_WANTED = "wanted"
_NAME = re.compile(r"^figures-(\d{12})\.arrow$")
_KEPT = 2
ABOUT = "margin"
"""Metadata of the file, JSON: the cycle, what the codes mean, the firm under each scenario."""
LISTENS_SECONDS = 30.0
"""A reader who has not said so for longer has gone."""


def folder_of(lake: Lake) -> Path:
    """Where the figures of a lake are published: in a local lake, else in a folder of the user."""
    if "://" not in lake.uri:
        return Path(lake.uri) / _FOLDER
    return _ELSEWHERE.expanduser() / hashlib.sha256(lake.uri.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Published:
    """The folder of one lake's published figures, for the one that writes and those that read."""

    folder: Path

    def want(self) -> None:
        """A reader says that it is there.

        Raises:
            OSError: it cannot be said.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / _WANTED).touch()

    def is_wanted(self) -> bool:
        """Whether a reader said so of late."""
        try:
            said = (self.folder / _WANTED).stat().st_mtime
        except OSError:
            return False
        return abs(time.time() - said) < LISTENS_SECONDS

    def put(self, cycle: int, figures: pa.RecordBatch) -> None:
        """Publishes the figures of a cycle, whole or not at all.

        Raises:
            OSError: they cannot be written; nothing is left of them.
        """
        staged = self.folder / f".figures-{os.getpid()}"
        try:
            with (
                pa.OSFile(str(staged), "wb") as sink,
                pa.ipc.new_file(sink, figures.schema) as writer,
            ):
                writer.write_batch(figures)
            staged.replace(self.folder / f"figures-{cycle:012d}.arrow")
        except OSError:
            with contextlib.suppress(OSError):
                staged.unlink()
            raise
        for _, old in sorted(self._files())[:-_KEPT]:
            old.unlink(missing_ok=True)

    def newest(self) -> Path | None:
        """The file of the newest cycle; None where nothing is published."""
        return max(self._files(), default=(0, None))[1]

    def _files(self) -> Iterator[tuple[int, Path]]:
        with contextlib.suppress(OSError):
            for path in self.folder.iterdir():
                if named := _NAME.match(path.name):
                    yield int(named[1]), path
