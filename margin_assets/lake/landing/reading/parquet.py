"""Parquet: columns of a few types, each value as its one exact text.

As text it goes the way of every other form, and a refused row is kept as the line of NDJSON that
says the same.
"""

import json
from collections.abc import Iterator
from datetime import date

import dataframely as dy
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from margin_assets.lake.landing.reading.chunks import Chunk, bounded_names
from margin_assets.lake.landing.reading.csv_text import check_header
from margin_assets.lake.landing.reading.cuts import MARK_ROWS, Mark
from margin_assets.lake.landing.reading.files import Span
from margin_assets.lake.landing.reading.limits import CHUNK_ROWS, is_bomb
from margin_assets.lake.landing.reading.pages import batch_rows, read_footer
from margin_assets.lake.landing.reading.streams import FileRefused, Raw, Source, refuse_unreadable
from margin_assets.lake.landing.reading.values import is_free_text, is_number, names_in_table

_VALUE_BYTES = 8
_BUFFER = 1 << 20
# Longer than any text that a column takes; a dictionary may repeat one text a million times.
_TEXT_CHARACTERS = 4_096
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_LAST_SECOND = 253_402_300_799
_LARGEST = 2**63 - 1
_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date.min - _EPOCH).days, (date.max - _EPOCH).days


def chunks(
    source: Source,
    compressed: int,
    columns: dict[str, dy.Column],
    required: frozenset[str],
    span: Span | None = None,
) -> Iterator[Chunk]:
    """Rows of the file, or of a stretch of it, some thousands at a time.

    Only declared columns are decoded.

    Raises:
        FileRefused: the file cannot be read, or its columns are not the feed's.
    """
    file, declared = _checked(source, compressed, columns, required)
    extra = bounded_names(set(file.schema_arrow.names) - names_in_table(columns))
    # Also the extra columns of a file without rows are named.
    yield Chunk([], {}, _no_row, 0, extra_columns=extra)
    for numbers, texts in _batches(file, source, declared, span):
        yield _chunk(numbers, texts, columns)


def marks(
    source: Source, compressed: int, columns: dict[str, dy.Column], required: frozenset[str]
) -> Iterator[Mark]:
    """Places between rows, some hundreds of rows apart; everything is decoded and checked.

    Raises:
        FileRefused: the file cannot be read, or its columns are not the feed's.
    """
    file, declared = _checked(source, compressed, columns, required)
    for numbers, texts in _batches(file, source, declared):
        size = sum(int(values.str.len_bytes().sum()) for values in texts.values())
        for start in range(0, len(numbers), MARK_ROWS):
            some = numbers[start : start + MARK_ROWS]
            yield Mark(some.stop, some.stop - 1, len(some), size * len(some) // len(numbers))


def raw_rows(
    source: Source, columns: dict[str, dy.Column], wanted: set[int], span: Span | None = None
) -> dict[int, Raw]:
    """Rows by number, each as the line of NDJSON that says the same."""
    with refuse_unreadable(source):
        file = pq.ParquetFile(pa.PythonFile(source, "r"), buffer_size=_BUFFER)
        declared = [
            name
            for name in file.schema_arrow.names
            if name in columns and _is_taken(file.schema_arrow.field(name).type, columns[name])
        ]
    found: dict[int, Raw] = {}
    for numbers, texts in _batches(file, source, declared, span):
        chunk = _chunk(numbers, texts, columns)
        for number in wanted.intersection(numbers):
            found[number] = Raw.of(chunk.raw(number - numbers.start))
    return found


def _checked(
    source: Source, compressed: int, columns: dict[str, dy.Column], required: frozenset[str]
) -> tuple[pq.ParquetFile, list[str]]:
    """The file and the columns of the feed that are read, all within the limits."""
    with refuse_unreadable(source):
        read_footer(source)
        # Column chunks are read through a buffer, a page at a time: a row group may be a file.
        file = pq.ParquetFile(pa.PythonFile(source, "r"), buffer_size=_BUFFER)
        declared = _declared(file.schema_arrow, columns, required)
        _check_size(file, len(declared), compressed)
    return file, declared


def _declared(
    schema: pa.Schema, columns: dict[str, dy.Column], required: frozenset[str]
) -> list[str]:
    """Columns of the feed that the file has, each of a type that can be read."""
    check_header(schema.names, required)
    declared = [name for name in schema.names if name in columns]
    for name in declared:
        kind = schema.field(name).type
        if not _is_readable(kind, columns[name]) and not is_free_text(columns[name]):
            raise FileRefused("column_type", f"{name} is {str(kind)[:100]}")
    return [name for name in declared if _is_taken(schema.field(name).type, columns[name])]


def _check_size(file: pq.ParquetFile, columns: int, compressed: int) -> None:
    # Sizes can be stated falsely; rows times columns is what decoding will hold at least.
    stated = sum(file.metadata.row_group(n).total_byte_size for n in range(file.num_row_groups))
    decoded = max(stated, file.metadata.num_rows * columns * _VALUE_BYTES)
    if is_bomb(decoded, compressed):
        raise FileRefused("decompression_bomb", f"{compressed} bytes become {decoded}")


def _batches(
    file: pq.ParquetFile, source: Source, declared: list[str], span: Span | None = None
) -> Iterator[tuple[range, dict[str, pl.Series]]]:
    """Row numbers and texts of some thousands of rows, checked to the last value."""
    end = file.metadata.num_rows if span is None or span.end is None else span.end
    wanted = range(0 if span is None else span.start, end)
    held: list[pa.RecordBatch] = []
    first, count = wanted.start + 1, 0
    for batch in _decoded(file, source, declared, wanted):
        held.append(batch)
        count += batch.num_rows
        if count >= CHUNK_ROWS:
            yield range(first, first + count), _as_texts(held)
            first, count, held = first + count, 0, []
    if held:
        yield range(first, first + count), _as_texts(held)


def _decoded(
    file: pq.ParquetFile, source: Source, declared: list[str], wanted: range
) -> Iterator[pa.RecordBatch]:
    """The wanted rows, no more at a time than can be held, and of texts no more than is read."""
    at = 0
    with refuse_unreadable(source):
        groups = read_footer(source)
        if len(groups) != file.num_row_groups:
            raise ValueError("a footer that can be read in two ways")
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        if at + rows <= wanted.start or at >= wanted.stop:
            at += rows
            continue
        with refuse_unreadable(source):
            size = batch_rows(source, group, groups[group], declared)
            batches = file.iter_batches(batch_size=size, row_groups=[group], columns=declared)
        while batch := _next(batches, source):
            before = max(wanted.start - at, 0)
            kept = batch.slice(before, max(wanted.stop - at - before, 0))
            at += batch.num_rows
            if kept.num_rows:
                yield kept


def _next(batches: Iterator[pa.RecordBatch], source: Source) -> pa.RecordBatch | None:
    with refuse_unreadable(source):
        batch = next(batches, None)
        if batch is None:
            return None
        _check_values(batch)
        columns = [_cut(values) if _is_text(values.type) else values for values in batch.columns]
        return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _cut(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return pc.utf8_slice_codeunits(pc.cast(values, pa.large_string()), 0, _TEXT_CHARACTERS)


def _as_texts(held: list[pa.RecordBatch]) -> dict[str, pl.Series]:
    rows = pa.Table.from_batches(held).combine_chunks()
    return {name: _texts(rows.column(name).combine_chunks()) for name in rows.column_names}


def _check_values(batch: pa.RecordBatch) -> None:
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" in str(error):
            raise FileRefused("file_not_utf8", str(error).splitlines()[0][:200]) from error
        raise


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    is_view: bool = pa.types.is_string_view(kind)
    return is_view or bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_taken(kind: pa.DataType, column: dy.Column) -> bool:
    """Whether a declared column is read: a free text of another type is as if it were absent."""
    return not is_free_text(column) or _is_readable(kind, column)


def _is_readable(kind: pa.DataType, column: dy.Column) -> bool:
    if pa.types.is_null(kind):
        return True
    types = pa.types
    match column:
        case dy.Decimal() | dy.Float64() | dy.Int64():
            return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))
        case dy.Bool():
            return bool(types.is_boolean(kind))
        case dy.Datetime():
            # The name of a zone may be no text: to ask for it here refuses the file.
            return (types.is_timestamp(kind) and kind.tz != "") or _is_text(kind)
        case dy.Date():
            return bool(types.is_date32(kind)) or _is_text(kind)
        case _:
            return _is_text(kind)


def _chunk(numbers: range, texts: dict[str, pl.Series], columns: dict[str, dy.Column]) -> Chunk:
    def raw(place: int) -> bytes:
        row = {name: values[place] for name, values in texts.items()}
        return _line(row, columns)

    size = sum(int(values.str.len_bytes().sum()) for values in texts.values())
    return Chunk(numbers, texts, raw, size)


def _texts(values: pa.Array) -> pl.Series:
    """Exact text of every value."""
    kind = values.type
    if pa.types.is_timestamp(kind):
        return _instants(values)
    if pa.types.is_date32(kind):
        return _days(values)
    if pa.types.is_boolean(kind):
        return pl.Series(pl.from_arrow(values)).cast(pl.String)
    return pl.Series(pl.from_arrow(pc.cast(values, pa.large_string()))).cast(pl.String)


def _instants(values: pa.Array) -> pl.Series:
    """RFC 3339 texts, without offset for a type without a zone.

    What no calendar holds is brought to just before 1970 or to the year 9999, where it is refused
    as well.
    """
    unit = values.type.unit
    per_second = _PER_SECOND[unit]
    last = min(_LAST_SECOND * per_second, _LARGEST)
    ticks = pl.Series(pl.from_arrow(values.cast(pa.int64()))).clip(0 - per_second, last)
    if unit == "s":
        ticks, unit = ticks * 1_000, "ms"
    zone = "" if values.type.tz is None else "Z"
    return ticks.cast(pl.Datetime(unit)).dt.to_string(f"%Y-%m-%dT%H:%M:%S%.f{zone}")


def _days(values: pa.Array) -> pl.Series:
    days = pl.col("days")
    is_day = days.is_between(_FIRST_DAY, _LAST_DAY)
    written = pl.when(is_day).then(days).cast(pl.Date).dt.to_string("%Y-%m-%d")
    outside = pl.concat_str(pl.lit("day "), days)
    frame = pl.DataFrame({"days": pl.Series(pl.from_arrow(values.cast(pa.int32())))})
    return frame.select(pl.coalesce(written, outside)).to_series()


def _line(row: dict[str, str | None], columns: dict[str, dy.Column]) -> bytes:
    members = []
    for name in sorted(row):
        text = row[name]
        if text is not None:
            is_bare = _is_bare(text, columns[name])
            members.append(f"{json.dumps(name)}:{text if is_bare else json.dumps(text)}")
    return ("{" + ",".join(members) + "}").encode()


def _is_bare(text: str, column: dy.Column) -> bool:
    match column:
        case dy.Decimal() | dy.Float64() | dy.Int64():
            return is_number(text)
        case dy.Bool():
            return True
        case _:
            return False


def _no_row(place: int) -> bytes:
    raise IndexError(place)
