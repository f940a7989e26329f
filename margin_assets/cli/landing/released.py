"""A refused row, corrected or as it is, landed again."""

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

import polars as pl

from margin_assets.cli.landing.refused_rows import Row, archived
from margin_assets.cli.output import Refusal, json_text
from margin_assets.desk.acts import Act, Where, check, land_act
from margin_assets.lake.landing.places import LandingPlace
from margin_assets.lake.landing.reading import form_of
from margin_assets.lake.landing.refused import OF_FILE_TIME, OPEN
from margin_assets.lake.store.store import Lake
from schemas import FEEDS, landed_columns


@dataclass(frozen=True)
class Correction:
    """What the user changes: some columns, or the whole row."""

    columns: dict[str, str]
    row: str | None


def land(lake: Lake, refused: Row, correction: Correction, where: Where) -> LandingPlace:
    """Lands the row again, corrected or as it is, as one NDJSON file and returns its path.

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
    check(refused["feed"], name, content, where.time())
    path = where.put(refused["feed"], name, [content])
    if refused["state"] == OPEN:
        # The row itself has landed: from now on the refused one may count as released.
        act = Act("quarantine_release", refused["quarantine_id"], details={"path": name})
        land_act(act, where)
    return path


def _corrected(lake: Lake, refused: Row, correction: Correction) -> Row:
    if correction.row is not None:
        return _parsed(correction.row.encode(), "--row")
    if not correction.columns and not OF_FILE_TIME.search(refused["reasons"]):
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
    columns = landed_columns(feed)
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
    known = landed_columns(refused["feed"])
    return {
        name: _typed(refused["feed"], name, value)
        for name, value in zip(header, fields, strict=True)
        if name in known
    }


def _fields(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refusal(f"the row is no CSV: {error}; give it by --row JSON") from None


def _header(lake: Lake, refused: Row) -> bytes:
    """First line of the landed file."""
    with archived(lake, refused) as landed, _plain(refused["path"], landed) as text:
        return text.readline()


def _plain(path: str, landed: BinaryIO) -> BinaryIO:
    form = form_of(path)
    if form is None or not form.compression:
        return landed
    import pyarrow as pa

    plain: BinaryIO = io.BufferedReader(pa.CompressedInputStream(landed, form.compression))
    return plain
