"""Landed bytes as bounded streams: decompression, its limits, and lines of any length."""

import gzip
import hashlib
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Any, BinaryIO, Protocol, Self

import pyarrow as pa

from margin_assets.lake.landing.reading.files import OpenRaw
from margin_assets.lake.landing.reading.limits import BLOCK_BYTES, LINE_BYTES, RAW_BYTES, is_bomb

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Readable(Protocol):
    """Anything that gives bytes; fewer than asked only near its end."""

    def read(self, size: int, /) -> bytes:
        """Next bytes; none at the end."""


class FileRefused(Exception):
    """The whole file cannot be understood."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Raw:
    """What is kept of landed bytes: the head, the whole length, the hash of the whole."""

    head: bytes
    length: int
    sha256: str

    def __len__(self) -> int:
        return self.length

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Raw of bytes at hand."""
        return cls(data[:RAW_BYTES], len(data), hashlib.sha256(data).hexdigest())


class Source:
    """The landed bytes as a file object that remembers a failure of the store.

    The libraries above report both a broken file and a broken store as `OSError`; only the
    first may quarantine the file.
    """

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.is_seekable = raw.seekable()
        self.closed = False
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        """Next bytes."""
        try:
            return self._raw.read(size)
        except Exception as error:
            self.failure = error
            raise

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place of the file."""
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        """Place in the file."""
        return self._raw.tell()

    def close(self) -> None:
        """Leave the stream to the one who opened it."""
        self.closed = True


@contextmanager
def opened(open_raw: OpenRaw) -> Iterator[Source]:
    """The landed bytes, from the first."""
    with open_raw() as raw:
        yield Source(raw)


@contextmanager
def opened_anywhere(open_raw: OpenRaw) -> Iterator[Source]:
    """The landed bytes, to be read in any order; copied to disk if the store cannot do that."""
    with open_raw() as raw:
        if raw.seekable():
            yield Source(raw)
            return
        with TemporaryFile() as copy:
            shutil.copyfileobj(raw, copy)
            copy.seek(0)
            yield Source(copy)


@contextmanager
def refuse_unreadable(source: Source) -> Iterator[None]:
    """Turn what the libraries say of a broken file into a refusal, and nothing else."""
    try:
        yield
    except (EOFError, OSError, ValueError, zlib.error, pa.ArrowException) as error:
        if source.failure is not None:
            raise source.failure from error
        said = (str(error) or type(error).__name__).splitlines()[0]
        raise FileRefused("file_unreadable", said[:200]) from error


def decompressed(source: Source, compression: str) -> Readable:
    """The text of a text form."""
    file_object: Any = source
    match compression:
        case "gzip":
            return gzip.GzipFile(fileobj=file_object)
        case "zstd":
            stream: Readable = pa.CompressedInputStream(pa.PythonFile(file_object, "r"), "zstd")
            return stream
        case _:
            return source


def check_compressed(source: Source, compression: str, compressed: int) -> None:
    """Read compressed text once, keeping nothing: whole, sound and within the limits.

    Raises:
        FileRefused: `file_unreadable` or `decompression_bomb`.
    """
    total = 0
    with refuse_unreadable(source):
        stream = decompressed(source, compression)
        while block := stream.read(BLOCK_BYTES):
            total += len(block)
            if is_bomb(total, compressed):
                break
    if is_bomb(total, compressed):
        raise FileRefused("decompression_bomb", f"{compressed} bytes become more than {total}")


def line_blocks(stream: Readable) -> Iterator[list[bytes | Raw]]:
    """Lines without their line feed, a block at a time; of a line too long only its `Raw`.

    Memory is bounded by a block and a line.
    """
    tail = b""
    long_line: _LongLine | None = None
    while block := stream.read(BLOCK_BYTES):
        lines: list[bytes | Raw] = []
        rest = block
        if long_line is not None:
            end, line_feed, rest = block.partition(b"\n")
            long_line.add(end)
            if not line_feed:
                continue
            lines.append(long_line.raw())
            long_line = None
        *whole, tail = (tail + rest).split(b"\n")
        if max(map(len, whole), default=0) <= LINE_BYTES:
            lines += whole
        else:
            lines += [line if len(line) <= LINE_BYTES else Raw.of(line) for line in whole]
        if len(tail) > LINE_BYTES:
            long_line = _LongLine()
            long_line.add(tail)
            tail = b""
        if lines:
            yield lines
    if long_line is not None:
        yield [long_line.raw()]
    elif tail:
        yield [tail]


@dataclass
class _LongLine:
    """A line that is too long to hold: head, length and hash, grown as it is read."""

    head: bytes = b""
    length: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, part: bytes) -> None:
        if len(self.head) < RAW_BYTES:
            self.head += part[: RAW_BYTES - len(self.head)]
        self.length += len(part)
        self.digest.update(part)

    def raw(self) -> Raw:
        return Raw(self.head, self.length, self.digest.hexdigest())


class _Text:
    """A stretch of a text form, without the byte-order mark that the file may begin with."""

    def __init__(self, stream: Readable, start: int, end: int | None) -> None:
        self._stream, self._left = stream, None if end is None else end - start
        first = b""
        # A stream may give its first bytes singly; the mark is three of them.
        while len(first) < len(_BYTE_ORDER_MARK) and (more := stream.read(1)):
            first += more
        self._first = first.removeprefix(_BYTE_ORDER_MARK)
        skip = start - len(self._first)
        self._first = self._first[start:]
        if skip > 0:
            _pass_over(stream, skip)

    def read(self, size: int, /) -> bytes:
        """Next bytes; none at the end of the stretch."""
        asked = size if self._left is None else min(size, self._left)
        if asked <= 0:
            return b""
        found, self._first = self._first[:asked], self._first[asked:]
        found = found or self._stream.read(asked)
        if self._left is not None:
            self._left -= len(found)
        return found


def text_of(source: "Source", compression: str, start: int = 0, end: int | None = None) -> Readable:
    """The text of a text form, or a stretch of it, without a byte-order mark."""
    return _Text(decompressed(source, compression), start, end)


def _pass_over(stream: Readable, count: int) -> None:
    if isinstance(stream, Source) and stream.is_seekable:
        stream.seek(count, 1)
        return
    while count and (block := stream.read(min(count, BLOCK_BYTES))):
        count -= len(block)
