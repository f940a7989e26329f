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

from margin_assets.lake.reading.chunks import Chunk, bounded_names
from margin_assets.lake.reading.csv_text import check_header
from margin_assets.lake.reading.limits import CHUNK_ROWS, is_bomb
from margin_assets.lake.reading.streams import FileRefused, Raw, Source, refuse_unreadable
from margin_assets.lake.reading.values import is_number

_VALUE_BYTES = 8
# Longer than any text that a column takes; a dictionary may repeat one text a million times.
_TEXT_CHARACTERS = 4_096
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_LAST_SECOND = 253_402_300_799
_LARGEST = 2**63 - 1
_EPOCH = date(1970, 1, 1)
_FIRST_DAY, _LAST_DAY = (date.min - _EPOCH).days, (date.max - _EPOCH).days


def chunks(
    source: Source, compressed: int, columns: dict[str, dy.Column], required: frozenset[str]
) -> Iterator[Chunk]:
    """Rows of the file, some thousands at a time; only declared columns are decoded.

    Raises:
        FileRefused: the file cannot be read, or its columns are not the feed's.
    """
    file = _opened(source, columns)
    with refuse_unreadable(source):
        declared = _declared(file.schema_arrow, columns, required)
        _check_size(file, len(declared), compressed)
        extra = bounded_names(set(file.schema_arrow.names) - columns.keys())
    # Also the extra columns of a file without rows are named.
    yield Chunk([], {}, _no_row, extra_columns=extra)
    for numbers, texts in _batches(file, source, declared):
        yield _chunk(numbers, texts, columns)


def raw_rows(source: Source, columns: dict[str, dy.Column], wanted: set[int]) -> dict[int, Raw]:
    """Rows by number, each as the line of NDJSON that says the same."""
    file = _opened(source, columns)
    declared = [name for name in file.schema_arrow.names if name in columns]
    found: dict[int, Raw] = {}
    for numbers, texts in _batches(file, source, declared):
        chunk = _chunk(numbers, texts, columns)
        for number in wanted.intersection(numbers):
            found[number] = Raw.of(chunk.raw(number - numbers.start))
    return found


def _opened(source: Source, columns: dict[str, dy.Column]) -> pq.ParquetFile:
    """The file, its texts left as dictionaries: a repeated one is then held once."""
    with refuse_unreadable(source):
        names = pq.ParquetFile(pa.PythonFile(source, "r")).schema_arrow
        texts = [field.name for field in names if field.name in columns and _is_text(field.type)]
        source.seek(0)
        return pq.ParquetFile(pa.PythonFile(source, "r"), read_dictionary=texts)


def _declared(
    schema: pa.Schema, columns: dict[str, dy.Column], required: frozenset[str]
) -> list[str]:
    """Columns of the feed that the file has, each of a type that can be read."""
    check_header(schema.names, required)
    declared = [name for name in schema.names if name in columns]
    for name in declared:
        if not _is_readable(schema.field(name).type, columns[name]):
            raise FileRefused("column_type", f"{name} is {str(schema.field(name).type)[:100]}")
    return declared


def _check_size(file: pq.ParquetFile, columns: int, compressed: int) -> None:
    # Sizes can be stated falsely; rows times columns is what decoding will hold at least.
    stated = sum(file.metadata.row_group(n).total_byte_size for n in range(file.num_row_groups))
    decoded = max(stated, file.metadata.num_rows * columns * _VALUE_BYTES)
    if is_bomb(decoded, compressed):
        raise FileRefused("decompression_bomb", f"{compressed} bytes become {decoded}")


def _batches(
    file: pq.ParquetFile, source: Source, declared: list[str]
) -> Iterator[tuple[range, dict[str, pl.Series]]]:
    """Row numbers and texts of each batch, checked to the last value."""
    first = 1
    batches = file.iter_batches(batch_size=CHUNK_ROWS, columns=declared)
    while True:
        with refuse_unreadable(source):
            batch = next(batches, None)
            if batch is None:
                return
            _check_values(batch)
            texts = {
                name: _texts(values)
                for name, values in zip(batch.schema.names, batch.columns, strict=True)
            }
        yield range(first, first + batch.num_rows), texts
        first += batch.num_rows


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
            return bool(types.is_timestamp(kind)) or _is_text(kind)
        case dy.Date():
            return bool(types.is_date32(kind)) or _is_text(kind)
        case _:
            return _is_text(kind)


def _chunk(numbers: range, texts: dict[str, pl.Series], columns: dict[str, dy.Column]) -> Chunk:
    def raw(place: int) -> bytes:
        row = {name: values[place] for name, values in texts.items()}
        return _line(row, columns)

    return Chunk(list(numbers), texts, raw)


def _texts(values: pa.Array) -> pl.Series:
    """Exact text of every value."""
    kind = values.type
    if pa.types.is_timestamp(kind):
        return _instants(values)
    if pa.types.is_date32(kind):
        return _days(values)
    if pa.types.is_boolean(kind):
        return pl.Series(pl.from_arrow(values)).cast(pl.String)
    if pa.types.is_dictionary(kind):
        texts = pc.utf8_slice_codeunits(values.dictionary.cast(pa.string()), 0, _TEXT_CHARACTERS)
        values = texts.take(values.indices)
    return pl.Series(pl.from_arrow(pc.cast(values, pa.string()))).cast(pl.String)


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
