"""A landed file is read: every row typed as declared, or in quarantine with its reasons."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

import polars as pl

from margin_assets.lake.reading import csv_text, ndjson, parquet
from margin_assets.lake.reading.chunks import Chunk, Refused, judge
from margin_assets.lake.reading.files import FileRead, Form, LandedFile, OpenRaw, form_of
from margin_assets.lake.reading.limits import EXTRA_COLUMNS
from margin_assets.lake.reading.quarantine import quarantined, whole_file
from margin_assets.lake.reading.rules import feed_columns, required_columns
from margin_assets.lake.reading.streams import (
    FileRefused,
    Raw,
    Source,
    check_compressed,
    decompressed,
    opened,
    opened_anywhere,
)
from schemas import FEEDS, TABLES

_PROVENANCE = ("file_id", "file_row", "landed_at")


class LaterRefusal(NamedTuple):
    """A row refused for what other rows say. `reason` may name several, separated by `;`."""

    file_row: int
    reason: str
    detail: str
    account_id: str | None = None


def read_landed(file: LandedFile, open_raw: OpenRaw) -> FileRead:
    """Read a landed file of a known feed and form, whole, in bounded memory.

    `open_raw` opens the landed bytes anew at each call. Uniqueness of ids is not judged.

    Source: semantics 1, 2 and 7.

    Raises:
        ValueError: the path has no known form or the feed is unknown.
    """
    form = _form(file)
    if file.bytes == 0:
        return FileRead(_no_rows(file.feed), quarantined(file, []), "empty", 0, ())
    try:
        if form.compression:
            with opened(open_raw) as source:
                check_compressed(source, form.compression, file.bytes)
        with _opener(form)(open_raw) as source:
            return _read(file, _chunks(file, form, source))
    except FileRefused as refusal:
        rows = whole_file(file, open_raw, refusal)
        return FileRead(_no_rows(file.feed), rows, "quarantined", 0, ())


def late_quarantine(
    file: LandedFile,
    open_raw: OpenRaw,
    refusals: Sequence[LaterRefusal],
) -> pl.DataFrame:
    """Quarantine rows for rows that passed reading and were refused by a later stage.

    The file is read once, for what landed: the line of a text form, the NDJSON line that says
    the same for a row of Parquet.

    Raises:
        KeyError: the file has no such row.
    """
    raw = _raw_rows(file, open_raw, {one.file_row for one in refusals})
    refused = [
        Refused(
            one.file_row, set(one.reason.split(";")), one.detail, raw[one.file_row], one.account_id
        )
        for one in refusals
    ]
    return quarantined(file, refused)


def raw_row(file: LandedFile, open_raw: OpenRaw, file_row: int) -> bytes:
    """What landed as that row, its first 64 kB.

    Raises:
        KeyError: the file has no such row.
    """
    return _raw_rows(file, open_raw, {file_row})[file_row].head


def _form(file: LandedFile) -> Form:
    form = form_of(file.path)
    if form is None or file.feed not in FEEDS:
        raise ValueError(f"{file.path!r} is no file of a known feed and form")
    return form


def _opener(form: Form) -> Callable[[OpenRaw], AbstractContextManager[Source]]:
    return opened_anywhere if form.text == "parquet" else opened


def _no_rows(feed: str) -> pl.DataFrame:
    columns = {name: column.dtype for name, column in feed_columns(feed).items()}
    declared = TABLES[feed].schema.columns()
    return pl.DataFrame(schema=columns | {name: declared[name].dtype for name in _PROVENANCE})


def _chunks(file: LandedFile, form: Form, source: Source) -> Iterator[Chunk]:
    columns, required = feed_columns(file.feed), required_columns(file.feed)
    match form.text:
        case "ndjson":
            return ndjson.chunks(decompressed(source, form.compression), columns)
        case "csv":
            return csv_text.chunks(decompressed(source, form.compression), columns, required)
        case _:
            return parquet.chunks(source, file.bytes, columns, required)


def _read(file: LandedFile, chunks: Iterator[Chunk]) -> FileRead:
    frames = [_no_rows(file.feed)]
    refused: list[Refused] = []
    extra: set[str] = set()
    rows_read = 0
    for chunk in chunks:
        frame, refused_here = judge(chunk, file)
        frames.append(frame)
        refused += refused_here
        rows_read += len(chunk.file_rows) + len(chunk.refused)
        extra |= chunk.extra_columns
    status = "accepted" if rows_read else "empty"
    names = tuple(sorted(extra)[:EXTRA_COLUMNS])
    return FileRead(pl.concat(frames), quarantined(file, refused), status, rows_read, names)


def _raw_rows(file: LandedFile, open_raw: OpenRaw, wanted: set[int]) -> dict[int, Raw]:
    form = _form(file)
    with _opener(form)(open_raw) as source:
        match form.text:
            case "ndjson":
                return ndjson.raw_rows(decompressed(source, form.compression), wanted)
            case "csv":
                return csv_text.raw_rows(decompressed(source, form.compression), wanted)
            case _:
                return parquet.raw_rows(source, feed_columns(file.feed), wanted)
