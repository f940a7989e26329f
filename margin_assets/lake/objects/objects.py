"""Raw bytes below the lake: the archive of landed files, on a folder or on S3."""

import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.names import below
from margin_assets.lake.objects.s3_objects import S3Objects
from margin_assets.lake.objects.slices import BUFFER, open_range


class Objects(Protocol):
    """Whole objects by their path below the lake."""

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write an object; it appears whole or not at all."""

    def create(self, path: str, content: bytes) -> bool:
        """Write an object where there is none; False, and no change, where there is one.

        On S3 also False where a request was answered too late: who asks looks what is there.
        """

    def add(self, path: str, content: bytes) -> None:
        """Write an object of a new name that nobody knows of before it is told."""

    def size(self, path: str) -> int | None:
        """Length in bytes; None if there is no such object."""

    def read(self, path: str, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`, which lies inside the object."""

    def listed(self, folder: str) -> dict[str, float]:
        """Paths below a folder, each with the store's own time of writing it (seconds)."""

    def delete(self, paths: Sequence[str]) -> None:
        """Remove objects; one that is not there is no error."""

    def probe(self) -> None:
        """Raise unless the store is there and commits are safe on it."""


def open_slice(objects: Objects, path: str, offset: int, length: int | None) -> BinaryIO:
    """Bytes `offset` to `offset + length` of an object, or to its end, as a buffered file.

    Raises:
        FileNotFoundError: no such object.
    """
    size = objects.size(path)
    if size is None:
        raise FileNotFoundError(path)
    rest = max(size - offset, 0)
    bounded = rest if length is None else min(length, rest)
    return open_range(objects, path, (offset, bounded), BUFFER)


class LocalObjects:
    """Objects as files below a folder."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def put(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write beside the target, then rename over it."""
        with self._beside(path) as (part, target):
            with part.open("xb") as stream:
                stream.writelines(chunks)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(target)

    def create(self, path: str, content: bytes) -> bool:
        """Write beside the target, then link it there, which fails where something is."""
        with self._beside(path) as (part, target):
            part.write_bytes(content)
            try:
                target.hardlink_to(part)
            except FileExistsError:
                return False
        return True

    def add(self, path: str, content: bytes) -> None:
        """Write in place: until the name is told nobody sees a file that is not whole."""
        target = self._root / below(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        made = target.open("xb")
        try:
            with made:
                made.write(content)
        except OSError:
            target.unlink(missing_ok=True)
            raise

    @contextmanager
    def _beside(self, path: str) -> Iterator[tuple[Path, Path]]:
        target = self._root / below(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name[:100]}.{uuid.uuid4().hex}.part")
        try:
            yield part, target
        finally:
            part.unlink(missing_ok=True)

    def size(self, path: str) -> int | None:
        """Length in bytes; None if there is no such file."""
        try:
            return (self._root / below(path)).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, path: str, start: int, length: int) -> bytes:
        """Up to `length` bytes from `start`."""
        with (self._root / below(path)).open("rb") as stream:
            stream.seek(start)
            return stream.read(length)

    def listed(self, folder: str) -> dict[str, float]:
        """Files below a folder, at any depth, with their modification time."""
        top = self._root / below(folder)
        found: dict[str, float] = {}
        for parent, _, names in os.walk(top):
            for name in names:
                path = Path(parent, name)
                # A file may be renamed or removed while we look.
                with suppress(FileNotFoundError):
                    found[path.relative_to(self._root).as_posix()] = path.stat().st_mtime
        return found

    def delete(self, paths: Sequence[str]) -> None:
        """Unlink files; folders stay."""
        for path in paths:
            (self._root / below(path)).unlink(missing_ok=True)

    def probe(self) -> None:
        """A folder needs no probe: the rename of a local file system is atomic."""


def objects_at(access: Access) -> Objects:
    """Objects below a lake's root, a folder or `s3://bucket/prefix`."""
    return S3Objects(access) if access.is_remote else LocalObjects(access.uri)
