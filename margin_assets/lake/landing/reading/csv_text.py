"""CSV: a header, then records; a record of another width is refused by itself."""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import dataframely as dy
import polars as pl

from margin_assets.lake.landing.reading.chunks import Chunk, Refused, bounded_names
from margin_assets.lake.landing.reading.cuts import MARK_ROWS, Mark
from margin_assets.lake.landing.reading.limits import BLOCK_BYTES, CHUNK_ROWS, LINE_BYTES
from margin_assets.lake.landing.reading.streams import FileRefused, Raw, Readable, line_blocks
from margin_assets.lake.landing.reading.values import names_in_table

# The module's own limit, for the whole process, is below that of a line; a record is held to
# the line's limit here.
csv.field_size_limit(LINE_BYTES)


@dataclass(frozen=True)
class Record:
    """One record: the line that it starts on, its bytes, its fields."""

    file_row: int
    raw: bytes
    fields: list[str]
    end: int
    """Bytes of text from where reading began to behind its last line feed."""
    next_row: int
    """Number of the line after it."""


@dataclass
class _Lines:
    """Physical lines for the csv module, remembering those of the record being read.

    Raises:
        FileRefused: a line or record is too long, holds a NUL or is not UTF-8.
    """

    stream: Readable
    of_record: list[bytes] = field(default_factory=list)
    record_bytes: int = 0
    number: int = 0
    size: int = 0
    """Of the lines so far, with their line feeds."""

    def __iter__(self) -> Iterator[str]:
        for block in line_blocks(self.stream):
            for line in block:
                self.number += 1
                yield self._checked(line)

    def record(self) -> bytes:
        """Bytes of the record just read; the next one starts after it."""
        raw = b"\n".join(self.of_record)
        self.of_record.clear()
        self.record_bytes = 0
        return raw

    def _checked(self, line: bytes | Raw) -> str:
        length = len(line)
        self.size += length + 1
        # The line feeds inside a record are its bytes as well.
        self.record_bytes += length + bool(self.of_record)
        if isinstance(line, Raw) or self.record_bytes > LINE_BYTES:
            detail = f"line {self.number}: {self.record_bytes} bytes, {LINE_BYTES} at most"
            raise FileRefused("line_too_long", detail)
        self.of_record.append(line)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            detail = f"line {self.number}, byte {error.start + 1}"
            raise FileRefused("file_not_utf8", detail) from None
        if "\0" in text:
            raise FileRefused("nul_byte", f"line {self.number}")
        return text + "\n"


def records(stream: Readable, first: int = 1) -> Iterator[Record]:
    """Records of the text from line `first`, header included; blank lines are none.

    Raises:
        FileRefused: the text is no CSV.
    """
    lines = _Lines(stream, number=first - 1)
    reader = csv.reader(lines, strict=True)
    try:
        for fields in reader:
            raw = lines.record()
            if fields:
                yield Record(first, raw, fields, lines.size, lines.number + 1)
            first = lines.number + 1
    except csv.Error as error:
        raise FileRefused("malformed_csv", f"record of line {first}: {error}") from error


def header_of(found: Iterator[Record], required: frozenset[str]) -> list[str] | None:
    """Names of the columns, the first record of a text; None for a text without one.

    Raises:
        FileRefused: the text is no CSV, or its header is not the feed's.
    """
    header = next(found, None)
    if header is not None:
        check_header(header.fields, required)
    return None if header is None else header.fields


def marks(stream: Readable, required: frozenset[str]) -> Iterator[Mark]:
    """Places between records, some hundreds of records apart.

    Raises:
        FileRefused: the text is no CSV, or its header is not the feed's.
    """
    found = records(stream)
    header_of(found, required)
    count = size = 0
    for record in found:
        count, size = count + 1, size + len(record.raw)
        if count >= MARK_ROWS or size >= BLOCK_BYTES:
            yield Mark(record.next_row, record.end, count, size)
            count = size = 0
    if count:
        yield Mark(record.next_row, record.end, count, size)


def chunks(
    found: Iterator[Record], header: list[str], columns: dict[str, dy.Column]
) -> Iterator[Chunk]:
    """Rows of records, without the header's, some thousands at a time.

    Raises:
        FileRefused: the text is no CSV.
    """
    batch: list[Record] = []
    size = 0
    for record in found:
        batch.append(record)
        size += len(record.raw)
        if len(batch) >= CHUNK_ROWS or size >= BLOCK_BYTES:
            yield _chunk(batch, header, columns)
            batch, size = [], 0
    # Also when it is empty: the extra columns of a file without rows are named too.
    yield _chunk(batch, header, columns)


def raw_rows(stream: Readable, wanted: set[int], first: int = 1) -> dict[int, Raw]:
    """Records by the line that they start on, as landed, from line `first`."""
    return {
        record.file_row: Raw.of(record.raw)
        for record in records(stream, first)
        if record.file_row in wanted
    }


def check_header(names: list[str], required: frozenset[str]) -> None:
    """Refuse a file that names a column twice or lacks one.

    Raises:
        FileRefused: `duplicate_column` or `missing_column`.
    """
    twice = {name for name, count in Counter(names).items() if count > 1}
    if twice:
        raise FileRefused("duplicate_column", ", ".join(sorted(bounded_names(twice))))
    if missing := sorted(required.difference(names)):
        raise FileRefused("missing_column", ", ".join(missing))


def _chunk(batch: list[Record], header: list[str], columns: dict[str, dy.Column]) -> Chunk:
    width = len(header)
    rows = [record for record in batch if len(record.fields) == width]
    refused = [
        Refused(
            record.file_row,
            {"field_count"},
            f"{len(record.fields)} fields, {width} in the header",
            Raw.of(record.raw),
        )
        for record in batch
        if len(record.fields) != width
    ]
    texts = {
        name: _texts(name, [record.fields[place] for record in rows])
        for place, name in enumerate(header)
        if name in columns
    }
    numbers = [record.file_row for record in rows]
    extra = bounded_names(set(header) - names_in_table(columns))
    size = sum(len(record.raw) for record in rows)
    return Chunk(
        numbers, texts, lambda place: rows[place].raw, size, refused=refused, extra_columns=extra
    )


def _texts(name: str, fields: list[str]) -> pl.Series:
    # An empty field is a missing value.
    text = pl.col(name)
    frame = pl.DataFrame({name: fields}, schema={name: pl.String})
    return frame.select(pl.when(text != "").then(text).alias(name)).to_series()
