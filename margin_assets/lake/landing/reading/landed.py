"""A landed file is read: every row typed as declared, or in quarantine with its reasons."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import polars as pl

from margin_assets.calendar import LAST_YEAR
from margin_assets.lake.landing.reading import csv_text, ndjson, parquet
from margin_assets.lake.landing.reading.ahead import ahead
from margin_assets.lake.landing.reading.chunks import Chunk, Part, Refused, judge
from margin_assets.lake.landing.reading.cuts import Mark, Piece, pieces_of, weight_of
from margin_assets.lake.landing.reading.files import (
    FileRead,
    Form,
    LandedFile,
    OpenRaw,
    Span,
    form_of,
)
from margin_assets.lake.landing.reading.limits import (
    BLOCK_BYTES,
    CHUNK_ROWS,
    EXTRA_COLUMNS,
    READER_BYTES,
)
from margin_assets.lake.landing.reading.quarantine import NO_QUARANTINE, quarantined, whole_file
from margin_assets.lake.landing.reading.rules import required_columns
from margin_assets.lake.landing.reading.streams import (
    FileRefused,
    Raw,
    Source,
    check_compressed,
    opened,
    opened_anywhere,
    text_of,
)
from schemas import FEEDS, TABLES, landed_columns

_PROVENANCE = ("file_id", "file_row", "landed_at")


@dataclass(frozen=True)
class Landed:
    """A landed file, or a stretch of it, of a known feed and form, and how to open it."""

    file: LandedFile
    open_raw: OpenRaw
    """Opens the landed bytes anew at each call."""
    span: Span | None = None

    @property
    def form(self) -> Form:
        """How it is written.

        Raises:
            ValueError: the path has no known form or the feed is unknown.
        """
        form = form_of(self.file.path)
        if form is None or self.file.feed not in FEEDS:
            raise ValueError(f"{self.file.path!r} is no file of a known feed and form")
        return form


class LaterRefusal(NamedTuple):
    """A row refused for what other rows say. `reason` may name several, separated by `;`."""

    file_row: int
    reason: str
    detail: str
    account_id: str | None = None


def read_landed(file: LandedFile, open_raw: OpenRaw, span: Span | None = None) -> FileRead:
    """Read a landed file of a known feed and form, or a stretch of it, in bounded memory.

    `open_raw` opens the landed bytes anew at each call. Uniqueness of ids is not judged.

    Source: semantics 1, 2 and 7.

    Raises:
        ValueError: the path has no known form or the feed is unknown.
    """
    return read_together([Landed(file, open_raw, span)])[0]


def read_together(files: Sequence[Landed]) -> list[FileRead]:
    """Read landed files of one feed, each as if it were read alone.

    Rows of small files are judged together: what a file costs beside its rows is its opening.
    """
    readings = [_Reading(landed) for landed in files]
    held: list[tuple[_Reading, Chunk]] = []
    rows = size = 0
    for reading in readings:
        for chunk in ahead(reading.chunks(), _is_large):
            held.append((reading, chunk))
            rows, size = rows + len(chunk.file_rows), size + chunk.size
            if rows >= CHUNK_ROWS or size >= BLOCK_BYTES:
                _judge(held)
                held, rows, size = [], 0, 0
    _judge(held)
    return [reading.result() for reading in readings]


def pieces(landed: Landed) -> list[Piece]:
    """The stretches that a file falls into, each small enough for a cycle; one if it fits whole.

    Goes on behind `span`, if there is one. A file that will be refused whole is one piece.
    """
    if landed.file.bytes == 0:
        return [Piece(None, 0)]
    try:
        _check_whole(landed)
        with _opener(landed.form)(landed.open_raw) as source:
            return pieces_of(_marks(landed, source), landed.span)
    except FileRefused:
        return [Piece(None, 0)]


def late_quarantine(landed: Landed, refusals: Sequence[LaterRefusal]) -> pl.DataFrame:
    """Quarantine rows for rows that passed reading and were refused by a later stage.

    The file is read once, for what landed: the line of a text form, the NDJSON line that says
    the same for a row of Parquet.

    Raises:
        KeyError: the file has no such row.
    """
    raw = _raw_rows(landed, {one.file_row for one in refusals})
    refused = [
        Refused(
            one.file_row, set(one.reason.split(";")), one.detail, raw[one.file_row], one.account_id
        )
        for one in refusals
    ]
    return quarantined(landed.file, refused)


def raw_row(file: LandedFile, open_raw: OpenRaw, file_row: int) -> bytes:
    """What landed as that row, its first 64 kB.

    Raises:
        KeyError: the file has no such row.
    """
    return _raw_rows(Landed(file, open_raw), {file_row})[file_row].head


@dataclass
class _Reading:
    """What has been made of a file so far."""

    landed: Landed
    rows: list[pl.DataFrame] = field(default_factory=list)
    refused: list[pl.DataFrame] = field(default_factory=list)
    rows_read: int = 0
    extra: set[str] = field(default_factory=set)
    whole: FileRefused | None = None

    def chunks(self) -> Iterator[Chunk]:
        """Its chunks; ends early if the file is refused, whatever was read of it."""
        form, file = self.landed.form, self.landed.file
        try:
            if file.landed_at.year > LAST_YEAR:
                raise FileRefused("file_in_future", f"landed {file.landed_at}")
            if file.bytes:
                yield from self._chunks(form)
        except FileRefused as refusal:
            self.whole = refusal

    def _chunks(self, form: Form) -> Iterator[Chunk]:
        landed = self.landed
        _check_whole(landed)
        weight, is_checked = 0, landed.span is not None or form == Form("ndjson")
        with _opener(form)(landed.open_raw) as source:
            for chunk in _chunks(landed, source):
                weight += weight_of(len(chunk.file_rows) + len(chunk.refused), chunk.size)
                if weight > READER_BYTES and not is_checked:
                    # Too large to be held until its last byte refuses it.
                    is_checked = _check(landed)
                yield chunk

    def take(self, rows: pl.DataFrame, refused: list[Refused], chunk: Chunk) -> None:
        """Adds what became of a chunk."""
        self.rows.append(rows)
        if refused:
            self.refused.append(quarantined(self.landed.file, refused))
        self.rows_read += len(chunk.file_rows) + len(chunk.refused)
        self.extra = set(sorted(self.extra | chunk.extra_columns)[:EXTRA_COLUMNS])

    def result(self) -> FileRead:
        """What reading made of the file."""
        file = self.landed.file
        if self.whole is not None:
            rows = whole_file(file, self.landed.open_raw, self.whole)
            return FileRead(_no_rows(file.feed), rows, "quarantined", 0, ())
        status = "accepted" if self.rows_read else "empty"
        rows = pl.concat(self.rows or [_no_rows(file.feed)])
        refused = pl.concat(self.refused or [NO_QUARANTINE])
        return FileRead(rows, refused, status, self.rows_read, tuple(sorted(self.extra)))


def _check_whole(landed: Landed) -> None:
    """Refuses what is known of a compressed file only when it is read; a stretch is of a sound one.

    Raises:
        FileRefused: it is broken, or becomes larger than it may.
    """
    if landed.form.compression and landed.span is None:
        with opened(landed.open_raw) as source:
            check_compressed(source, landed.form.compression, landed.file.bytes)


def _is_large(chunk: Chunk) -> bool:
    return chunk.size > BLOCK_BYTES // 2


def _judge(held: list[tuple[_Reading, Chunk]]) -> None:
    if not held:
        return
    parts: list[Part] = [(reading.landed.file, chunk) for reading, chunk in held]
    for (reading, chunk), (rows, refused) in zip(held, judge(parts), strict=True):
        reading.take(rows, refused, chunk)


def _opener(form: Form) -> Callable[[OpenRaw], AbstractContextManager[Source]]:
    return opened_anywhere if form.text == "parquet" else opened


@cache
def _no_rows(feed: str) -> pl.DataFrame:
    columns = {name: column.dtype for name, column in landed_columns(feed).items()}
    declared = TABLES[feed].schema.columns()
    return pl.DataFrame(schema=columns | {name: declared[name].dtype for name in _PROVENANCE})


def _chunks(landed: Landed, source: Source) -> Iterator[Chunk]:
    file, form, span = landed.file, landed.form, landed.span or Span(0, None, 1)
    columns, required = landed_columns(file.feed), required_columns(file.feed)
    match form.text:
        case "ndjson":
            text = text_of(source, form.compression, span.start, span.end)
            return ndjson.chunks(text, columns, span.first_row)
        case "csv":
            return _csv_chunks(landed, source, span)
        case _:
            return parquet.chunks(source, file.bytes, columns, required, landed.span)


def _csv_chunks(landed: Landed, source: Source, span: Span) -> Iterator[Chunk]:
    columns, required = landed_columns(landed.file.feed), required_columns(landed.file.feed)
    compression = landed.form.compression
    text = text_of(source, compression, span.start, span.end)
    records = csv_text.records(text, span.first_row)
    if span.start == 0:
        header = csv_text.header_of(records, required)
    else:
        with opened(landed.open_raw) as beginning:
            header = csv_text.header_of(csv_text.records(text_of(beginning, compression)), required)
    if header is not None:
        yield from csv_text.chunks(records, header, columns)


def _marks(landed: Landed, source: Source) -> Iterator[Mark]:
    file, form = landed.file, landed.form
    columns, required = landed_columns(file.feed), required_columns(file.feed)
    match form.text:
        case "ndjson":
            return ndjson.marks(text_of(source, form.compression))
        case "csv":
            return csv_text.marks(text_of(source, form.compression), required)
        case _:
            return parquet.marks(source, file.bytes, columns, required)


def _check(landed: Landed) -> bool:
    """Reads all of a file and keeps nothing.

    Raises:
        FileRefused: it will be refused whole.
    """
    with _opener(landed.form)(landed.open_raw) as source:
        for _ in _marks(landed, source):
            pass
    return True


def _raw_rows(landed: Landed, wanted: set[int]) -> dict[int, Raw]:
    form, span = landed.form, landed.span or Span(0, None, 1)
    with _opener(form)(landed.open_raw) as source:
        if form.text == "parquet":
            columns = landed_columns(landed.file.feed)
            return parquet.raw_rows(source, columns, wanted, landed.span)
        text = text_of(source, form.compression, span.start, span.end)
        form_rows = ndjson.raw_rows if form.text == "ndjson" else csv_text.raw_rows
        return form_rows(text, wanted, span.first_row)
