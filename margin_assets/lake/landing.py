"""The landing folder: what has landed, in what order, and its bytes kept below the lake."""

import errno
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, Protocol

from margin_assets.lake.reading import LandedFile, form_of
from margin_assets.lake.store import Lake
from schemas import FEEDS

STAGING = ".staging"
"""Folder of the landing folder in which our own feed writes before it renames."""
_CHUNK = 1 << 20
_IN_MEMORY = 1 << 26
_Met = tuple[str, int, int, int]
"""Path, size, time and kind of an entry: what it was when it was last looked at."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = (datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


@dataclass(frozen=True)
class Pending:
    """One entry of the landing folder. `place` opens it; `path` is its name as data."""

    feed: str
    path: str
    place: str
    bytes: int
    landed_at: datetime
    problem: str = ""
    """Why it is not read, if it is not."""

    @cached_property
    def stamp(self) -> tuple[str, int, datetime]:
        """What tells it from a later file of the same name."""
        return (self.path, self.bytes, self.landed_at)


@dataclass(frozen=True)
class PlannedFile:
    """One file of a plan: where it came from, and where its bytes are kept."""

    feed: str
    path: str
    file_id: str
    bytes: int
    landed_at: str
    """RFC 3339, UTC."""
    offset: int
    problem: str

    def landed(self) -> LandedFile:
        """The file as the reader knows it."""
        at = datetime.fromisoformat(self.landed_at)
        return LandedFile(self.feed, self.path, self.file_id, self.bytes, at)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        return asdict(self)


class Landing(Protocol):
    """Where files land."""

    def entries(self) -> Iterator[Pending]:
        """Everything there, in no order."""

    def unknown(self, is_known: Callable[[Pending], bool]) -> list[Pending]:
        """Everything there that is not known, in no order."""

    def wait(self, seconds: float) -> None:
        """Waits for something to land, at most so long."""

    def open(self, entry: Pending) -> BinaryIO:
        """Opens one entry."""


class LocalLanding:
    """A local landing folder. Links are not followed, nothing outside it is read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._met: dict[_Met, Pending] = {}
        """Entries met before: a feed may leave every file it ever sent, and we look each second."""

    def entries(self) -> Iterator[Pending]:
        """Every file below the folder but our own staging; the folder may not exist yet."""
        if self.folder.is_dir():
            there: dict[_Met, Pending] = {}
            yield from self._below(str(self.folder), "", there)
            self._met = there

    def unknown(self, is_known: Callable[[Pending], bool]) -> list[Pending]:
        """Every file that is not known; looks at all of them to tell."""
        return [entry for entry in self.entries() if not is_known(entry)]

    def wait(self, seconds: float) -> None:
        """Waits so long: nothing tells of what lands."""
        time.sleep(seconds)

    def _below_or_at(self, place: str, path: str) -> Iterator[Pending]:
        """Everything below a folder, or one file; nothing where there is nothing."""
        if path == STAGING or path.startswith(f"{STAGING}/"):
            return
        try:
            found = Path(place).lstat()
        except FileNotFoundError:
            return
        except OSError as error:
            yield _unreadable(path, place, error)
            return
        if stat.S_ISDIR(found.st_mode):
            yield from self._below(place, f"{path}/", {})
        else:
            yield _pending(path, place, found)

    def _below(self, folder: str, prefix: str, there: dict[_Met, Pending]) -> Iterator[Pending]:
        # A stack and no recursion: a feed may nest folders deeper than Python calls.
        open_folders = [(folder, prefix)]
        while open_folders:
            folder, prefix = open_folders.pop()
            try:
                with os.scandir(folder) as found:
                    inside = list(found)
            except FileNotFoundError:
                continue  # renamed away while we looked
            except OSError as error:
                yield _unreadable(prefix, folder, error)
                continue
            for entry in inside:
                path = f"{prefix}{entry.name}"
                if path == STAGING:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    open_folders.append((entry.path, f"{path}/"))
                    continue
                try:
                    now = entry.stat(follow_symlinks=False)
                    key = (path, now.st_size, now.st_mtime_ns, now.st_mode)
                    met = self._met.get(key) or _pending(path, entry.path, now)
                    there[key] = met
                    yield met
                except FileNotFoundError:
                    continue  # renamed away while we looked
                except OSError as error:
                    yield _unreadable(path, entry.path, error)

    def open(self, entry: Pending) -> BinaryIO:
        """Opens one file; a link or a pipe put in its place meanwhile is refused."""
        descriptor = os.open(entry.place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.ELOOP, "not a regular file")
        return os.fdopen(descriptor, "rb")


def _pending(path: str, place: str, found: os.stat_result) -> Pending:
    name, feed = _named(path)
    at = _instant(found.st_mtime_ns // 1000)
    regular = stat.S_ISREG(found.st_mode)
    return Pending(feed, name, place, found.st_size, at, _problem(feed, name, regular=regular))


def _unreadable(path: str, place: str, error: OSError) -> Pending:
    name, feed = _named(path)
    return Pending(feed, name, place, 0, _instant(0), f"cannot be read: {error.strerror}")


def _named(path: str) -> tuple[str, str]:
    """A path as text that any table can hold, and its first folder."""
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    return name, name.split("/", 1)[0] if "/" in name else ""


def _instant(microseconds: int) -> datetime:
    """A modification time as an instant; what no calendar holds is brought to 1970 or 9999."""
    return _EPOCH + timedelta(microseconds=min(max(microseconds, 0), _LAST))


def _problem(feed: str, path: str, *, regular: bool) -> str:
    if not regular:
        return "not a regular file; links are not followed"
    if feed not in FEEDS:
        return f"outside the feeds {', '.join(FEEDS)}"
    if path.rsplit("/", 1)[-1].startswith("."):
        return "hidden file"
    if form_of(path) is None:
        return "not .ndjson, .csv (or either with .gz or .zst) or .parquet"
    return ""


def archive(lake: Lake, landing: Landing, entries: list[Pending], cycle: int) -> dict[str, Any]:
    """Copies the entries' bytes below the lake, one object for all, and returns the manifest part.

    From then on the plan does not depend on the landing folder. An entry that vanished
    meanwhile is left out; if all did, nothing is archived.
    """
    planned: list[PlannedFile] = []
    with SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
        spool.writelines(_contents(landing, entries, planned))
        files = [file.to_json() for file in planned]
        # Named by what it holds: a rival that archives other bytes cannot overwrite ours.
        name = hashlib.sha256(json.dumps(files).encode()).hexdigest()[:16]
        path = f"landed/{cycle:012d}-{name}.bin"
        if files:
            lake.access.keep("archiving", lambda: _put(lake, path, spool))
    return {"archive": path, "files": files}


def _put(lake: Lake, path: str, spool: "SpooledTemporaryFile[bytes]") -> None:
    """Writes all of the spool, from its beginning however often it is asked."""
    spool.seek(0)
    lake.put_object(path, iter(lambda: spool.read(_CHUNK), b""))


def _contents(
    landing: Landing, entries: list[Pending], planned: list[PlannedFile]
) -> Iterator[bytes]:
    offset = 0
    for entry in entries:
        file = PlannedFile(
            feed=entry.feed,
            path=entry.path,
            file_id=hashlib.sha256(entry.path.encode()).hexdigest(),
            bytes=entry.bytes,
            landed_at=entry.landed_at.isoformat(),
            offset=offset,
            problem=entry.problem,
        )
        if entry.problem:
            planned.append(file)
            continue
        try:
            source = landing.open(entry)
        except FileNotFoundError:
            continue
        except OSError as error:
            planned.append(replace(file, problem=f"cannot be read: {error.strerror}"))
            continue
        digest, size = hashlib.sha256(), 0
        with source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                yield chunk
        planned.append(replace(file, file_id=digest.hexdigest(), bytes=size))
        offset += size
