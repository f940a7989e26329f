"""Bytes that come piece by piece, as files."""

import io
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

BUFFER = 4 << 20
"""Bytes of one request on S3: enough that the round trip does not decide."""


class Ranges(Protocol):
    """Ranges of objects by their path."""

    def read(self, path: str, start: int, length: int, /) -> bytes:
        """Up to `length` bytes from `start`, which lies inside the object."""


class Slice(io.RawIOBase):
    """A range of an object as a seekable file, fetched piece by piece."""

    def __init__(self, objects: Ranges, path: str, start: int, length: int) -> None:
        super().__init__()
        self._objects, self._path = objects, path
        self._start, self._length, self._position = start, length, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes from the start of the range."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move within the range; beyond its end there is nothing to read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer from the object; 0 at the end of the range."""
        target = memoryview(buffer).cast("B")
        found = self._next(len(target))
        target[: len(found)] = found
        return len(found)

    def readall(self) -> bytes:
        """The rest of the range; the inherited method would fetch it in pieces of 8 kB."""
        found = []
        while piece := self._next(self._length):
            found.append(piece)
        return b"".join(found)

    def _next(self, most: int) -> bytes:
        wanted = min(most, self._length - self._position)
        if wanted <= 0:
            return b""
        found = self._objects.read(self._path, self._start + self._position, wanted)
        self._position += len(found)
        return found


def open_range(objects: Ranges, path: str, span: tuple[int, int], buffer: int) -> BinaryIO:
    """Bytes from a place, so many of them, read through a buffer of so many bytes."""
    return cast(BinaryIO, io.BufferedReader(Slice(objects, path, *span), buffer))


class Chunks(io.RawIOBase):
    """An iterator of bytes as a file to read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill the buffer with what comes next; 0 after the last."""
        target = memoryview(buffer).cast("B")
        with suppress(StopIteration):
            while not self._rest:
                self._rest = next(self._chunks)
        found, self._rest = self._rest[: len(target)], self._rest[len(target) :]
        target[: len(found)] = found
        return len(found)
