"""The one text of a table's rows, whatever made them: what a seal vouches for."""

import hashlib

import polars as pl

from margin_assets.lake import declared
from schemas import Table

_INSTANT = "%Y-%m-%dT%H:%M:%S%.6f%:z"


def canonical_bytes(frame: pl.DataFrame, table: Table) -> bytes:
    """Rows as CSV with a header: declared columns in declared order, rows in the table's order.

    Decimals as stored, floats in their shortest form with one zero, instants in UTC with
    microseconds, bytes in hex. A null is nothing, an empty text is `""`.

    Raises:
        SchemaMismatch: the frame does not fit the table without loss.
    """
    rows = declared.conform(table.name, frame)
    # Rows that tie in the table's order are put in order by all they hold.
    rest = [column for column in rows.columns if column not in table.order]
    number = pl.selectors.float()
    one_zero = pl.when(number == 0).then(0.0).otherwise(number).name.keep()
    ordered = rows.with_columns(one_zero).sort([*table.order, *rest])
    plain = ordered.with_columns(pl.selectors.binary().bin.encode("hex"))
    return plain.write_csv(datetime_format=_INSTANT, line_terminator="\n").encode()


def digest(frame: pl.DataFrame, table: Table) -> str:
    """SHA-256 (hex) of the canonical bytes."""
    return hashlib.sha256(canonical_bytes(frame, table)).hexdigest()
