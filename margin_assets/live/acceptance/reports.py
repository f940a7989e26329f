"""What became of each landed file, and the rows that say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from margin_assets.lake.landing.landing import PlannedFile
from margin_assets.live.acceptance.acceptance import Accepted
from schemas import TABLES


@dataclass
class Report:
    """What became of one planned file."""

    file: PlannedFile
    number: int
    status: str
    rows_read: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    late: int = 0
    extra: tuple[str, ...] = ()

    def row(self) -> dict[str, Any]:
        """Its row of `landed_files`."""
        landed = self.file.landed()
        return {
            "file_id": landed.file_id,
            "feed": landed.feed,
            "path": landed.path,
            "bytes": landed.bytes,
            "landed_at": landed.landed_at,
            "status": self.status,
            "rows_read": self.rows_read,
            "rows_accepted": self.accepted,
            "rows_duplicate": self.duplicates,
            "rows_quarantined": self.quarantined,
            "rows_late": self.late,
            "extra_columns": ",".join(self.extra),
            "file_number": self.number,
        }


def tally(accepted: Accepted, reports: list[Report]) -> None:
    """Adds the rows of a feed that were accepted, late or there before to their files' reports."""
    for number, count in accepted.duplicates.items():
        reports[number].duplicates += count
    counts = accepted.rows.group_by("file_number").agg(pl.len(), late=pl.col("is_late").sum())
    for number, rows, late in counts.iter_rows():
        reports[number].accepted += rows
        reports[number].late += late


def landed_frames(
    frames: Mapping[str, pl.DataFrame], reports: list[Report], cycle: int
) -> dict[str, pl.DataFrame]:
    """Rows of the landed tables, of the quarantine and of `landed_files` that a cycle writes."""
    files = pl.DataFrame([report.row() for report in reports], schema=_FILE_COLUMNS)
    stamp = pl.lit(cycle, pl.Int64).alias("cycle")
    every = {**frames, "landed_files": files}
    return {name: rows.with_columns(stamp) for name, rows in every.items()}


def _columns_of(table: str) -> dict[str, Any]:
    return {n: c.dtype for n, c in TABLES[table].schema.columns().items() if n != "cycle"}


_FILE_COLUMNS = _columns_of("landed_files")
