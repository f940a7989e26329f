"""The one text of a table's rows, whatever made them: what a seal vouches for."""

import hashlib
from collections.abc import Iterator
from io import BytesIO

import polars as pl

from margin_assets.lake.store import declared
from schemas import Table

_PART_BYTES = 1 << 23
_FEW_ROWS = 4096
_INSTANT = "%Y-%m-%dT%H:%M:%S%.6f%:z"
# Below as many rows a look for instants that repeat costs more than it saves.
_LEAST_SHARED = 256


def canonical_bytes(frame: pl.DataFrame, table: Table) -> bytes:
    """Rows as CSV with a header: declared columns in declared order, rows in the table's order.

    Decimals as stored, floats in their shortest form with one zero, instants in UTC with
    microseconds, bytes in hex. A null is nothing, an empty text is `""`.

    Raises:
        SchemaMismatch: the frame does not fit the table without loss.
    """
    return b"".join(_parts(frame, table, has_header=True))


def digest(frame: pl.DataFrame, table: Table) -> str:
    """SHA-256 (hex) of the canonical bytes, of which only some are in memory at a time."""
    found = Digest(table)
    found.take(frame)
    return found.hex()


class Digest:
    """SHA-256 of the canonical bytes of a table whose rows come in parts.

    All rows of a part must come after those of the part before, in the table's order.
    """

    def __init__(self, table: Table) -> None:
        self._table, self._found = table, hashlib.sha256()
        self._is_begun = False

    def take(self, frame: pl.DataFrame) -> None:
        """Takes the next part, in any order of its own.

        Raises:
            SchemaMismatch: the frame does not fit the table without loss.
        """
        for text in _parts(frame, self._table, has_header=not self._is_begun):
            self._found.update(text)
        self._is_begun = True

    def hex(self) -> str:
        """The digest of all parts so far."""
        return self._found.hexdigest()


def _parts(frame: pl.DataFrame, table: Table, *, has_header: bool) -> Iterator[bytes]:
    ordered = _ordered(declared.conform(table.name, frame), table)
    # A query of a few rows costs as much as one of thousands: none is made that changes nothing.
    has_bytes = pl.Binary() in ordered.dtypes
    step = max(1, _PART_BYTES * ordered.height // max(int(ordered.estimated_size()), 1))
    for start in range(0, max(ordered.height, 1), step):
        plain = ordered[start : start + step]
        if has_bytes:
            plain = plain.with_columns(pl.selectors.binary().bin.encode("hex"))
        plain = _with_shared_instants(plain)
        text = BytesIO()
        plain.write_csv(
            text,
            include_header=has_header and start == 0,
            datetime_format=_INSTANT,
            line_terminator="\n",
        )
        yield text.getvalue()


def _with_shared_instants(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows whose instants are text where few stand for many: each is written out once.

    An instant takes ten times as long to write as any other value, and a state table has one.
    """
    if rows.height < _LEAST_SHARED:
        return rows
    texts = []
    for column in rows.get_columns():
        if isinstance(column.dtype, pl.Datetime) and column.null_count() < rows.height:
            texts.extend(_shared(column))
    return rows.with_columns(texts) if texts else rows


def _shared(instants: pl.Series) -> list[pl.Series]:
    """A column of instants as text; nothing where too few are alike."""
    if not instants.null_count() and instants.min() == instants.max():
        return [instants[:1].dt.to_string(_INSTANT).new_from_index(0, len(instants))]
    distinct = instants.unique()
    if 4 * len(distinct) > len(instants):
        return []
    written = distinct.dt.to_string(_INSTANT)
    return [instants.replace_strict(distinct, written, return_dtype=pl.String)]


def _ordered(rows: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Rows in the table's order; those that tie in it are put in order by all they hold."""
    if any(dtype.is_float() for dtype in rows.dtypes):
        number = pl.selectors.float()
        rows = rows.with_columns(pl.when(number == 0).then(0.0).otherwise(number).name.keep())
    if rows.height <= 1 or _is_in(rows, table.order):
        return rows
    rest = [column for column in rows.columns if column not in table.order]
    # Sorting by all columns copies them, and ties are rare; of few rows it is cheaper than a look.
    has_ties = rows.height <= _FEW_ROWS or rows.select(table.order).is_duplicated().any()
    return rows.sort([*table.order, *rest] if has_ties else table.order)


def _is_in(rows: pl.DataFrame, order: tuple[str, ...]) -> bool:
    """Whether each row comes after the one before it: so do most tables, and nothing is copied."""
    comes_after = pl.Series([False]).new_from_index(0, rows.height - 1)
    for name in reversed(order):
        column = rows.get_column(name)
        here, before = column[1:], column[:-1]
        comes_after = (before < here) | ((before == here) & comes_after)
    # Of a null nothing is known: it is sorted.
    return comes_after.all(ignore_nulls=False) is True
