"""Pages of Parquet, known by their headers before anything of them is decoded.

The sizes in a file's footer may be false; a decoder believes the headers of its pages, so they
are what is held to the bounds of memory.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from margin_assets.lake.landing.reading.limits import CHUNK_ROWS, PAGE_BYTES
from margin_assets.lake.landing.reading.streams import FileRefused, Source

_FOOTER_BYTES = 1 << 22
_HEADER_BYTES = 1 << 16
_LARGEST_HEADER = 1 << 24
# Fields of a footer: row groups with their column chunks; of what describes one its type, path,
# number of values, and where its data and its dictionary begin.
_GROUPS, _CHUNKS, _DESCRIBED = 4, 1, 3
_TYPE, _PATH, _COUNT, _DATA_AT, _WORDS_AT = 1, 3, 5, 9, 11
_TEXT = 6
# Fields of a page's header, and of the headers of data pages of both versions in it.
_SIZE, _COMPRESSED, _DATA, _DATA_2 = 2, 3, 5, 8
_VALUES, _ENCODING, _ENCODING_2 = 1, 2, 4
# Encodings whose page holds each value whole, and those that point into a dictionary.
_WHOLE, _POINTERS = (0, 6), (2, 8)
_DEPTH = 16
# Kinds of values in Thrift's compact protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12


class Column(NamedTuple):
    """What a footer says of a column in a row group."""

    name: str
    is_text: bool
    values: int
    data_at: int
    """Where its pages begin, and those of its dictionary; 0 for no dictionary."""
    words_at: int


class Page(NamedTuple):
    """What a page's header says of it; sizes in bytes."""

    size: int
    compressed: int
    values: int
    encoding: int
    """-1 for a page without data of its own, as a dictionary."""

    def value_bytes(self) -> int:
        """How long the values of a text are in it: on average, or at most where one repeats."""
        if self.encoding in _POINTERS or self.encoding < 0:
            return 0
        return self.size // max(self.values, 1) if self.encoding in _WHOLE else self.size


def read_footer(source: Source) -> list[list[Column]]:
    """What a file's footer says of the columns of each row group.

    Read here and not by the Parquet library, which ends the whole process at a column that it
    finds badly described.

    Raises:
        FileRefused: `page_too_large`: the footer would take much memory as objects.
        ValueError: a column of a row group is not described.
    """
    length = source.seek(0, 2)
    source.seek(max(length - 8, 0))
    size = int.from_bytes(source.read(4), "little")
    if _FOOTER_BYTES < size < length:
        raise FileRefused("page_too_large", f"a footer of {size} bytes, {_FOOTER_BYTES} at most")
    source.seek(max(length - 8 - size, 0))
    data = source.read(size)
    source.seek(0)
    try:
        told = _Compact(data).struct()
    except IndexError:
        raise ValueError("a footer without an end") from None
    return [
        [_column(chunk) for chunk in _listed(group, _CHUNKS)] for group in _listed(told, _GROUPS)
    ]


def _column(chunk: object) -> Column:
    described = chunk.get(_DESCRIBED) if isinstance(chunk, dict) else None
    if not isinstance(described, dict):
        raise ValueError("a row group with a column that is not described")
    words = [word for word in _listed(described, _PATH) if isinstance(word, bytes)]
    dictionary = described.get(_WORDS_AT)
    return Column(
        ".".join(word.decode() for word in words),
        _whole(described, _TYPE) == _TEXT,
        _whole(described, _COUNT),
        _whole(described, _DATA_AT),
        dictionary if isinstance(dictionary, int) else 0,
    )


def _listed(fields: object, name: int) -> list[object]:
    found = fields.get(name) if isinstance(fields, dict) else None
    if not isinstance(found, list):
        raise ValueError("a footer without columns or rows")
    return found


def batch_rows(source: Source, group: int, of: list[Column], columns: list[str]) -> int:
    """Rows of a row group that are decoded at once, so that no text makes them too large.

    A dictionary, or a prefix that values share, repeats a long text for nothing.

    Raises:
        FileRefused: the largest pages of the columns, decoded beside each other, are too large.
    """
    held, texts = 0, {}
    for column in (column for column in of if column.name in columns):
        pages = list(_largest(_pages(source, column)))
        held += max((page.size + page.compressed for page in pages), default=0)
        if column.is_text:
            texts[column.name] = max((page.value_bytes() for page in pages), default=0)
    if held > PAGE_BYTES:
        raise FileRefused("page_too_large", f"pages of {held} bytes, {PAGE_BYTES} at most")
    for name in (column.name for column in of if column.name in texts and column.words_at):
        texts[name] = max(texts[name], _longest_word(source, group, name))
    return max(1, min(CHUNK_ROWS, PAGE_BYTES // max(1, sum(texts.values()))))


def _largest(pages: Iterator[Page]) -> Iterator[Page]:
    """The pages that matter: the largest, and the one of the longest values."""
    size = text = -1
    for page in pages:
        if page.size + page.compressed > size or page.value_bytes() > text:
            size, text = max(size, page.size + page.compressed), max(text, page.value_bytes())
            yield page


def _longest_word(source: Source, group: int, name: str) -> int:
    """Length of the longest text in a column's dictionary."""
    source.seek(0)
    file = pq.ParquetFile(pa.PythonFile(source, "r"), read_dictionary=[name], buffer_size=1 << 20)
    first = next(file.iter_batches(batch_size=1, row_groups=[group], columns=[name]), None)
    if first is None or not pa.types.is_dictionary(first.column(0).type):
        return 0
    words = first.column(0).dictionary
    return int(pc.max(pc.binary_length(words)).as_py() or 0)


def _pages(source: Source, column: Column) -> Iterator[Page]:
    place = min(column.data_at, column.words_at or column.data_at)
    values = 0
    while values < column.values:
        page, length = _header(source, place)
        if page.compressed < 0 or page.size < 0 or page.values < 0:
            raise ValueError("a page of negative size")
        yield page
        place += length + page.compressed
        values += page.values


def _header(source: Source, place: int) -> tuple[Page, int]:
    size = _HEADER_BYTES
    while True:
        source.seek(place)
        data = source.read(size)
        try:
            reader = _Compact(data)
            fields = reader.struct()
        except IndexError:
            if len(data) < size or size >= _LARGEST_HEADER:
                raise EOFError("a page header without an end") from None
            size *= 16
            continue
        sizes = _whole(fields, _SIZE), _whole(fields, _COMPRESSED)
        return Page(*sizes, *_of_data(fields)), reader.place


def _of_data(fields: dict[int, object]) -> tuple[int, int]:
    """Number of values, and their encoding."""
    for name, encoding in ((_DATA, _ENCODING), (_DATA_2, _ENCODING_2)):
        found = fields.get(name)
        if isinstance(found, dict):
            return _whole(found, _VALUES), _whole(found, encoding)
    return 0, -1


def _whole(fields: dict[int, object], name: int) -> int:
    found = fields.get(name)
    if not isinstance(found, int):
        raise ValueError("a page header without sizes")
    return found


class _Compact:
    """Thrift's compact protocol, as far as headers of pages and footers need it.

    Raises:
        IndexError: the bytes end too soon.
        ValueError: the bytes are no such header.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self.place = data, 0

    def struct(self, depth: int = 0) -> dict[int, object]:
        """Numbers, bytes, structs and lists by the numbers of their fields."""
        if depth > _DEPTH:
            raise ValueError("a page header nested too deep")
        found: dict[int, object] = {}
        name = 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            name = name + step if step else self._number()
            found[name] = self._value(kind, depth)
        return found

    def _value(self, kind: int, depth: int) -> object:
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _BYTE:
            return self._byte()
        if kind < _DOUBLE:
            return self._number()
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if kind in (_LIST, _SET):
            return self._list(depth + 1)
        if kind not in (_DOUBLE, _BINARY):
            raise ValueError(f"a page header with a value of kind {kind}")
        return self._bytes(8 if kind == _DOUBLE else self._varint())

    def _list(self, depth: int) -> list[object]:
        if depth > _DEPTH:
            raise ValueError("a page header nested too deep")
        head = self._byte()
        count = head >> 4
        count = self._varint() if count == 15 else count
        kind = head & 15
        # A truth has a byte of its own here, where a field's is in its head.
        kind = _BYTE if kind in (_TRUE, _FALSE) else kind
        return [self._value(kind, depth) for _ in range(count)]

    def _number(self) -> int:
        found = self._varint()
        return (found >> 1) ^ -(found & 1)

    def _varint(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return found
            if shift > 63:
                raise ValueError("a number without an end")

    def _byte(self) -> int:
        self.place += 1
        return self._data[self.place - 1]

    def _bytes(self, count: int) -> bytes:
        start = self.place
        self.place += count
        if self.place > len(self._data):
            raise IndexError
        return self._data[start : self.place]
