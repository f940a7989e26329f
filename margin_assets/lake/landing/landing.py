"""The landing folder: what has landed, in what order, and its bytes kept below the lake."""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from margin_assets.lake.landing.reading import LandedFile, Piece, Span, form_of
from schemas import FEEDS

STAGING = ".staging"
"""Folder of the landing folder in which our own feed writes before it renames."""
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
    begun: "PlannedFile | None" = None
    """Its stretch that was taken last, if it is too large for one cycle."""
    pieces: tuple[Piece, ...] = ()
    """Stretches that are left; none where they are still to be found."""

    @cached_property
    def stamp(self) -> tuple[str, int, datetime]:
        """What tells it from a later file of the same name."""
        return (self.path, self.bytes, self.landed_at)


# In the manifest only of what is taken in stretches.
_OF_STRETCHES = ("archive", "span")


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
    archive: str = ""
    """Object that holds its bytes, if it is that of an earlier cycle."""
    span: dict[str, Any] | None = None
    """The `Span` that is taken of a file too large for one cycle."""

    def stretch(self) -> Span | None:
        """What is taken of the file; None for all of it."""
        return None if self.span is None else Span(**self.span)

    def landed(self) -> LandedFile:
        """The file as the reader knows it."""
        at = datetime.fromisoformat(self.landed_at)
        return LandedFile(self.feed, self.path, self.file_id, self.bytes, at)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the manifest."""
        told = asdict(self)
        return {name: told[name] for name in told if told[name] or name not in _OF_STRETCHES}


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
        """Opens one file; a link or a pipe put in its place meanwhile is refused.

        So is a link in the place of a folder on the way: each is opened in the one above.
        """
        *folders, name = Path(entry.place).relative_to(self.folder).parts
        at = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for folder in folders:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                above, at = at, os.open(folder, flags, dir_fd=at)
                os.close(above)
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        finally:
            os.close(at)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.ELOOP, "not a regular file")
        return os.fdopen(descriptor, "rb")


def _pending(path: str, place: str, found: os.stat_result) -> Pending:
    at = _instant(found.st_mtime_ns // 1000)
    return pending_at(path, place, (found.st_size, at), regular=stat.S_ISREG(found.st_mode))


def pending_at(
    path: str, place: str, size_and_time: tuple[int, datetime], *, regular: bool = True
) -> Pending:
    """An entry by its path below the landing place, with what keeps it from being read."""
    name, feed = _named(path)
    size, at = size_and_time
    return Pending(feed, name, place, size, at, _problem(feed, name, regular=regular))


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


def is_outside(path: str) -> bool:
    """Whether a name leads out of the landing place: in a bucket any text may be one."""
    return path.startswith("/") or ".." in path.split("/")


def _problem(feed: str, path: str, *, regular: bool) -> str:
    if not regular:
        return "not a regular file; links are not followed"
    if is_outside(path):
        return "its name leaves the landing folder"
    if feed not in FEEDS:
        return f"outside the feeds {', '.join(FEEDS)}"
    if path.rsplit("/", 1)[-1].startswith("."):
        return "hidden file"
    if form_of(path) is None:
        return "not .ndjson, .csv (or either with .gz or .zst) or .parquet"
    return ""
