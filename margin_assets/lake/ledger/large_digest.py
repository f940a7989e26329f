"""The digest of a table too large to be put in order in memory: through files, part by part."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from margin_assets.lake.ledger.canonical import Digest
from schemas import Table

ROWS_AT_ONCE = 1_000_000
"""Rows that are put in order in memory."""


def large_digest(rows: pl.LazyFrame, table: Table) -> str:
    """SHA-256 (hex) of the canonical bytes of rows, about `ROWS_AT_ONCE` of them in memory.

    Rows are read once, each put into a file with those that stand near it in the table's order.

    Raises:
        SchemaMismatch: the rows do not fit the table without loss.
    """
    found, cuts = Digest(table), _cuts(rows, table.order[0])
    if not len(cuts):
        found.take(rows.collect())
        return found.hex()
    with TemporaryDirectory() as folder:
        for number, batch in enumerate(rows.collect_batches(chunk_size=ROWS_AT_ONCE)):
            _spread(batch, table.order[0], cuts, Path(folder), number)
        for part in _parts(Path(folder), len(cuts) + 1):
            found.take(part)
    return found.hex()


def _cuts(rows: pl.LazyFrame, key: str) -> pl.Series:
    """Keys with which a part begins, but for the first one."""
    counted = rows.group_by(key).len().sort(key).collect()
    before = counted["len"].cast(pl.Int64).cum_sum() - counted["len"]
    part = before // ROWS_AT_ONCE
    return counted[key].filter(part > part.shift(1, fill_value=0))


def _spread(batch: pl.DataFrame, key: str, cuts: pl.Series, folder: Path, number: int) -> None:
    part = cuts.search_sorted(batch[key], side="right").rename("part")
    for (at,), some in batch.with_columns(part).partition_by("part", as_dict=True).items():
        some.drop("part").write_ipc(folder / f"{at}-{number}.arrow", compression="lz4")


def _parts(folder: Path, count: int) -> Iterator[pl.DataFrame]:
    for part in range(count):
        paths = sorted(folder.glob(f"{part}-*.arrow"))
        if paths:
            yield pl.concat([pl.read_ipc(path) for path in paths])
