"""Pages of Parquet, known by their headers before anything of them is decoded.

The sizes in a file's footer may be false; a decoder believes the headers of its pages, so they
are what is held to the bounds of memory.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from margin_assets.lake.reading.limits import CHUNK_ROWS, PAGE_BYTES
from margin_assets.lake.reading.streams import FileRefused, Source

_FOOTER_BYTES = 1 << 24
_HEADER_BYTES = 1 << 16
_LARGEST_HEADER = 1 << 24
# Fields of a page's header, and of the headers of data pages of both versions in it.
_SIZE, _COMPRESSED, _DATA, _DATA_2 = 2, 3, 5, 8
_VALUES, _ENCODING, _ENCODING_2 = 1, 2, 4
# Encodings whose page holds each value whole, and those that point into a dictionary.
_WHOLE, _POINTERS = (0, 6), (2, 8)
_DEPTH = 8
# Kinds of values in Thrift's compact protocol.
_TRUE, _FALSE, _BYTE, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 7, 8, 9, 10, 12


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


def check_footer(source: Source, length: int) -> None:
    """Refuse a footer that would take much memory as objects.

    Raises:
        FileRefused: `page_too_large`.
    """
    source.seek(max(length - 8, 0))
    footer = int.from_bytes(source.read(4), "little")
    source.seek(0)
    if _FOOTER_BYTES < footer < length:
        raise FileRefused("page_too_large", f"a footer of {footer} bytes, {_FOOTER_BYTES} at most")


def batch_rows(source: Source, file: pq.FileMetaData, group: int, columns: list[str]) -> int:
    """Rows of a row group that are decoded at once, so that no text makes them too large.

    A dictionary, or a prefix that values share, repeats a long text for nothing.

    Raises:
        FileRefused: the largest pages of the columns, decoded beside each other, are too large.
    """
    rows = file.row_group(group)
    chunks = [rows.column(number) for number in range(rows.num_columns)]
    held, texts = 0, {}
    for chunk in (chunk for chunk in chunks if chunk.path_in_schema in columns):
        pages = list(_largest(_pages(source, chunk)))
        held += max((page.size + page.compressed for page in pages), default=0)
        if chunk.physical_type == "BYTE_ARRAY":
            texts[chunk.path_in_schema] = max((page.value_bytes() for page in pages), default=0)
    if held > PAGE_BYTES:
        raise FileRefused("page_too_large", f"pages of {held} bytes, {PAGE_BYTES} at most")
    repeated = [c.path_in_schema for c in chunks if c.path_in_schema in texts and _has_words(c)]
    for name in repeated:
        texts[name] = max(texts[name], _longest_word(source, group, name))
    return max(1, min(CHUNK_ROWS, PAGE_BYTES // max(1, sum(texts.values()))))


def _largest(pages: Iterator[Page]) -> Iterator[Page]:
    """The pages that matter: the largest, and the one of the longest values."""
    size = text = -1
    for page in pages:
        if page.size + page.compressed > size or page.value_bytes() > text:
            size, text = max(size, page.size + page.compressed), max(text, page.value_bytes())
            yield page


def _has_words(chunk: pq.ColumnChunkMetaData) -> bool:
    return bool(chunk.has_dictionary_page)


def _longest_word(source: Source, group: int, name: str) -> int:
    """Length of the longest text in a column's dictionary."""
    source.seek(0)
    file = pq.ParquetFile(pa.PythonFile(source, "r"), read_dictionary=[name], buffer_size=1 << 20)
    first = next(file.iter_batches(batch_size=1, row_groups=[group], columns=[name]), None)
    if first is None or not pa.types.is_dictionary(first.column(0).type):
        return 0
    words = first.column(0).dictionary
    return int(pc.max(pc.binary_length(words)).as_py() or 0)


def _pages(source: Source, chunk: pq.ColumnChunkMetaData) -> Iterator[Page]:
    starts = [chunk.data_page_offset]
    if chunk.has_dictionary_page and chunk.dictionary_page_offset:
        starts.append(chunk.dictionary_page_offset)
    place, values = min(starts), 0
    while values < chunk.num_values:
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
    """Thrift's compact protocol, as far as headers of pages need it.

    Raises:
        IndexError: the bytes end too soon.
        ValueError: the bytes are no such header.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self.place = data, 0

    def struct(self, depth: int = 0) -> dict[int, object]:
        """Whole numbers and structs by the numbers of their fields."""
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
            self._list(depth)
            return None
        if kind not in (_DOUBLE, _BINARY):
            raise ValueError(f"a page header with a value of kind {kind}")
        self._skip(8 if kind == _DOUBLE else self._varint())
        return None

    def _list(self, depth: int) -> None:
        head = self._byte()
        count = head >> 4
        count = self._varint() if count == 15 else count
        kind = head & 15
        for _ in range(count):
            # A truth has a byte of its own here, where a field's is in its head.
            self._value(_BYTE if kind in (_TRUE, _FALSE) else kind, depth)

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

    def _skip(self, count: int) -> None:
        self.place += count
        if self.place > len(self._data):
            raise IndexError
