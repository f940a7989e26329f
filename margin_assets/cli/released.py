"""Refused rows looked up, corrected and landed again."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from margin_assets.cli.output import Refusal, json_text
from margin_assets.lake.archive import opened_in
from margin_assets.lake.landing import STAGING, PlannedFile
from margin_assets.lake.ledger import Ledger, Sealed
from margin_assets.lake.reading import LandedFile, form_of, read_landed
from margin_assets.lake.store import Lake
from schemas import FEEDS, TABLES

Row = dict[str, Any]
_PROVENANCE = ("file_id", "file_row", "landed_at", "is_late", "cycle")


@dataclass(frozen=True)
class Correction:
    """What the user changes: some columns, or the whole row."""

    columns: dict[str, str]
    row: str | None


def _quarantine(lake: Lake, sealed: Sealed | None) -> pl.LazyFrame:
    if sealed is None:
        return TABLES["quarantine"].schema.create_empty(lazy=True)
    return lake.scan("quarantine", sealed.table_versions["quarantine"])


def refused_rows(
    lake: Lake, sealed: Sealed | None, feed: str | None, reason: str | None, limit: int
) -> tuple[int, list[Row]]:
    """How many rows there are, and the newest of them, without what landed."""
    rows = _quarantine(lake, sealed).drop("raw")
    if feed is not None:
        rows = rows.filter(pl.col("feed") == feed)
    if reason is not None:
        rows = rows.filter(pl.col("reasons").str.split(";").list.contains(reason))
    order = ["path", "file_row", "quarantine_id"]
    found = rows.collect()
    newest = found.sort("cycle", *order, descending=[True, False, False, False])
    return found.height, newest.head(limit).to_dicts()


def refused_row(lake: Lake, sealed: Sealed | None, start: str) -> Row:
    """The one row whose id starts so."""
    rows = _quarantine(lake, sealed).filter(pl.col("quarantine_id").str.starts_with(start))
    found = rows.head(2).collect().to_dicts()
    if len(found) != 1:
        many = "several rows have" if found else "no row has"
        raise Refusal(f"{many} a quarantine id that starts with {start!r}")
    return found[0]


def land(lake: Lake, refused: Row, correction: Correction, landing: Path) -> Path:
    """Lands the corrected row as one NDJSON file and returns its path.

    Raises:
        Refusal: there is no row to correct, or it would be refused again.
    """
    if refused["feed"] not in FEEDS or refused["file_row"] == 0:
        raise Refusal(
            f"{refused['path'] or 'this entry'} was refused as a whole file "
            f"({refused['reasons']}): correct the file and land it again under any name"
        )
    row = _corrected(lake, refused, correction)
    content = (json_text(row) + "\n").encode()
    digest = hashlib.sha256(content).hexdigest()
    name = f"released-{refused['quarantine_id'][:12]}-{digest[:8]}.ndjson"
    _check(refused["feed"], name, content)
    target: Path = landing / refused["feed"] / name
    if not target.exists():
        staged = landing / STAGING / name
        staged.parent.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(exist_ok=True)
        staged.write_bytes(content)
        staged.replace(target)
    return target


def _check(feed: str, name: str, content: bytes) -> None:
    """The corrected row must be understood; what other rows say of it, only the cycle knows."""
    file = LandedFile(
        feed, f"{feed}/{name}", hashlib.sha256(content).hexdigest(), len(content), datetime.now(UTC)
    )
    refused = read_landed(file, lambda: io.BytesIO(content)).quarantined
    if refused.height:
        first = refused.row(0, named=True)
        detail = f": {first['detail']}" if first["detail"] else ""
        raise Refusal(f"the row would be refused again: {first['reasons']}{detail}")


def _corrected(lake: Lake, refused: Row, correction: Correction) -> Row:
    if correction.row is not None:
        return _parsed(correction.row.encode(), "--row")
    if not correction.columns:
        raise Refusal("nothing to correct: give --set COLUMN=VALUE or --row JSON")
    row = _landed_row(lake, refused)
    for column, value in correction.columns.items():
        row[column] = _typed(refused["feed"], column, value)
    return {name: value for name, value in row.items() if value is not None}


def _landed_row(lake: Lake, refused: Row) -> Row:
    if refused["raw_bytes"] > len(refused["raw"]):
        raise Refusal("only the start of the row is kept: give the whole row by --row JSON")
    form = form_of(refused["path"])
    if form is not None and form.text == "csv":
        return _csv_row(lake, refused)
    return _parsed(refused["raw"], "what landed")


def _parsed(text: bytes, what: str) -> Row:
    try:
        row = json.loads(text, parse_float=Decimal, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise Refusal(f"{what} is not one JSON object: {error}; give it by --row JSON") from None
    if not isinstance(row, dict):
        raise Refusal(f"{what} is not one JSON object; give it by --row JSON")
    return row


def _once(pairs: list[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise ValueError("a key comes twice")
    return row


def _typed(feed: str, column: str, value: str) -> object:
    """The text as its column has it; one that does not fit stays text, and reading says why."""
    columns = {n: c for n, c in TABLES[feed].schema.columns().items() if n not in _PROVENANCE}
    if column not in columns:
        raise Refusal(f"{feed} has no column {column!r}; it has {', '.join(columns)}")
    kind = columns[column].dtype
    if value == "":
        return None
    if kind.is_numeric():
        try:
            return Decimal(value)
        except InvalidOperation:
            return value
    if kind == pl.Boolean() and value.lower() in ("true", "false"):
        return value.lower() == "true"
    return value


def _csv_row(lake: Lake, refused: Row) -> Row:
    """Fields of a refused CSV row under the header of its file."""
    header = _fields(_header(lake, refused))
    fields = _fields(refused["raw"])
    if len(fields) != len(header):
        raise Refusal("the row has not as many fields as the header: give it by --row JSON")
    known = TABLES[refused["feed"]].schema.columns()
    return {
        name: _typed(refused["feed"], name, value)
        for name, value in zip(header, fields, strict=True)
        if name in known and name not in _PROVENANCE
    }


def _fields(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refusal(f"the row is no CSV: {error}; give it by --row JSON") from None


def _header(lake: Lake, refused: Row) -> bytes:
    """First line of the landed file, from the archive of the cycle that planned it."""
    sealed = Ledger(lake).sealed(refused["cycle"])
    for file in sealed.manifest["files"]:
        if file["file_id"] == refused["file_id"]:
            landed = opened_in(lake, sealed.manifest, PlannedFile(**file))
            with _plain(file["path"], landed) as text:
                return text.readline()
    raise Refusal("the landed file is not in the archive: give the whole row by --row JSON")


def _plain(path: str, landed: BinaryIO) -> BinaryIO:
    form = form_of(path)
    if form is None or not form.compression:
        return landed
    import pyarrow as pa

    plain: BinaryIO = io.BufferedReader(pa.CompressedInputStream(landed, form.compression))
    return plain
