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
import pyarrow.parquet as pq

from margin_assets.lake.reading.chunks import Chunk, bounded_names
from margin_assets.lake.reading.csv_text import check_header
from margin_assets.lake.reading.limits import CHUNK_ROWS, is_bomb
from margin_assets.lake.reading.streams import FileRefused, Raw, Source, refuse_unreadable
from margin_assets.lake.reading.values import is_number

_MAGIC = b"PAR1"
_VALUE_BYTES = 8
_TEXT_CHARACTERS = 4_096
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_LAST_SECOND = 253_402_300_799
_NUMERIC = (dy.Decimal, dy.Float64, dy.Int64)


def chunks(
    source: Source, compressed: int, columns: dict[str, dy.Column], required: frozenset[str]
) -> Iterator[Chunk]:
    """Rows of the file, some thousands at a time; only declared columns are decoded.

    Raises:
        FileRefused: the file cannot be read, or its columns are not the feed's.
    """
    with refuse_unreadable(source):
        schema = pq.read_schema(source)
    names = list(schema.names)
    check_header(names, required)
    declared = [name for name in names if name in columns]
    for name in declared:
        if not _is_readable(schema.field(name).type, columns[name]):
            raise FileRefused("column_type", f"{name} is {str(schema.field(name).type)[:100]}")
    extra = bounded_names(set(names) - columns.keys())
    first = 1
    for batch in _batches(source, compressed, schema, declared):
        yield _chunk(batch, first, columns, extra)
        first += batch.num_rows


def raw_rows(source: Source, columns: dict[str, dy.Column], wanted: set[int]) -> dict[int, Raw]:
    """Rows by number, each as the line of NDJSON that says the same."""
    with refuse_unreadable(source):
        schema = pq.read_schema(source)
    declared = [name for name in schema.names if name in columns]
    found: dict[int, Raw] = {}
    first = 1
    for batch in _batches(source, 0, schema, declared, check=False):
        numbers = range(first, first + batch.num_rows)
        if not wanted.isdisjoint(numbers):
            chunk = _chunk(batch, first, columns, frozenset())
            found |= {n: Raw.of(chunk.raw(n - first)) for n in numbers if n in wanted}
        first += batch.num_rows
    return found
