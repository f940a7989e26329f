"""What a landed file is, and what reading makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO

import polars as pl


@dataclass(frozen=True)
class LandedFile:
    """One landed file. `landed_at` is its modification time in the store, in UTC."""

    feed: str
    """Feed folder; empty or unknown for a file that is ignored."""
    path: str
    """Path below the landing folder, as data."""
    file_id: str
    """SHA-256 of the landed bytes, in hexadecimal."""
    bytes: int
    landed_at: datetime


@dataclass(frozen=True)
class Span:
    """A stretch of a file that is too large to be taken at once, cut between two rows.

    Places are bytes of its plain text, without a byte-order mark, or rows of Parquet.
    """

    start: int
    end: int | None
    """Where the next stretch starts; None for the last."""
    first_row: int
    """`file_row` of what starts at `start`."""


@dataclass(frozen=True)
class FileRead:
    """Rows that passed and rows that did not, each in file order.

    `rows` has the feed's columns as its schema types them (without `is_late` and `cycle`), then
    `file_id`, `file_row` and `landed_at`; `quarantined` the columns of the quarantine without
    `cycle`, and the `account_id` that a row names in a readable way. Of a file that is refused
    whole (`quarantined`) no row is read.
    """

    rows: pl.DataFrame
    quarantined: pl.DataFrame
    status: str
    """`accepted`, `quarantined` (whole) or `empty`."""
    rows_read: int
    extra_columns: tuple[str, ...]


@dataclass(frozen=True)
class Form:
    """How a file is written: `ndjson`, `csv` or `parquet`, and how it is compressed, if so."""

    text: str
    compression: str = ""


OpenRaw = Callable[[], BinaryIO]
"""Opens the landed bytes anew, from the first, at each call."""


_FORMS = {
    f".{text}{suffix}": Form(text, compression)
    for text in ("ndjson", "csv")
    for suffix, compression in (("", ""), (".gz", "gzip"), (".zst", "zstd"))
} | {".parquet": Form("parquet")}


def form_of(path: str) -> Form | None:
    """Form that a file's name claims; None for a name of no known form."""
    name = PurePosixPath(path).name
    return next((form for suffix, form in _FORMS.items() if name.endswith(suffix)), None)
