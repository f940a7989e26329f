"""Refused rows looked up, by row and by file, and acted on as files."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import polars as pl

from margin_assets.cli.output import Refusal
from margin_assets.desk.acts import Act, Where, land_act
from margin_assets.lake.landing.archive import opened_in
from margin_assets.lake.landing.landing import PlannedFile
from margin_assets.lake.landing.places import LandingPlace
from margin_assets.lake.landing.reading import LandedFile, form_of, read_landed
from margin_assets.lake.landing.refused import OF_FILE_TIME, OPEN, RefusedRows
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.lake.store.store import Lake

Row = dict[str, Any]
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Choice:
    """Which refused rows are listed."""

    feed: str | None
    reason: str | None
    closed_too: bool
    limit: int


def _rows(lake: Lake, sealed: Sealed | None) -> pl.LazyFrame:
    return RefusedRows.of(SealedTables(lake, sealed).scan).with_state()


def refused_rows(lake: Lake, sealed: Sealed | None, choice: Choice) -> tuple[int, list[Row]]:
    """How many such rows there are, and the newest of them, without what landed."""
    rows = _rows(lake, sealed).drop("raw")
    if not choice.closed_too:
        rows = rows.filter(pl.col("state") == OPEN)
    if choice.feed is not None:
        rows = rows.filter(pl.col("feed") == choice.feed)
    if choice.reason is not None:
        rows = rows.filter(pl.col("reasons").str.split(";").list.contains(choice.reason))
    order = ["path", "file_row", "quarantine_id"]
    found = rows.collect()
    newest = found.sort("cycle", *order, descending=[True, False, False, False])
    return found.height, newest.head(choice.limit).to_dicts()


def refused_row(lake: Lake, sealed: Sealed | None, start: str) -> Row:
    """The one row whose id starts so."""
    rows = _rows(lake, sealed).filter(pl.col("quarantine_id").str.starts_with(start))
    found = rows.head(2).collect().to_dicts()
    if len(found) != 1:
        many = "several rows have" if found else "no row has"
        raise Refusal(f"{many} a quarantine id that starts with {start!r}")
    return found[0]


def open_rows_of(lake: Lake, sealed: Sealed | None, file: str) -> list[Row]:
    """The open rows of the one file whose id starts so, or that landed at that path.

    Raises:
        Refusal: there is no such row, or several files are meant.
    """
    named = (pl.col("file_id").str.starts_with(file)) | (pl.col("path") == file)
    rows = _rows(lake, sealed).drop("raw").filter(named, pl.col("state") == OPEN)
    found = rows.sort("file_row", "reasons").collect()
    files = found.select("feed", "file_id").unique().height
    if files != 1:
        many = "several files have" if files else "no file has"
        raise Refusal(f"{many} open refused rows and an id or path {file!r}")
    return found.to_dicts()


def dismiss(rows: list[Row], subject: str, reason: str, where: Where) -> tuple[Act, LandingPlace]:
    """Lands the act that closes rows without their landing again: a row's, or a whole file's.

    Raises:
        Refusal: nothing is open, or the reason cannot be kept.
    """
    if closed := [row for row in rows if row["state"] != OPEN]:
        raise Refusal(f"row {closed[0]['quarantine_id'][:12]} is {closed[0]['state']} already")
    details = {"rows": [row["quarantine_id"] for row in rows[:_NAMED]], "count": len(rows)}
    act = Act("quarantine_dismiss", subject, reason, details)
    return act, land_act(act, where)


# So many ids fit into the details of an act.
_NAMED = 100


@dataclass(frozen=True)
class Released:
    """A file landed again, and how many of its open rows will count then or be refused again."""

    path: LandingPlace
    rows: int
    refused_again: int


def release_file(lake: Lake, rows: list[Row], where: Where) -> Released:
    """Lands a file again whose rows were refused for its time.

    Raises:
        Refusal: none of its rows was, or none would pass now.
    """
    first = rows[0]
    reasons = sorted({row["reasons"] for row in rows})
    if not any(map(OF_FILE_TIME.search, reasons)):
        raise Refusal(
            f"{first['path']} would be refused again ({', '.join(reasons[:5])}): release its rows "
            "one by one with --set, or land it corrected under any name"
        )
    name = f"released-{first['file_id'][:12]}{_suffix(first['path'])}"
    size = _place(lake, first)[1].bytes
    file = LandedFile(
        first["feed"], f"{first['feed']}/{name}", first["file_id"], size, where.time()
    )
    refused = read_landed(file, partial(archived, lake, first)).quarantined
    again = set(refused["file_row"].to_list())
    passing = [row for row in rows if row["file_row"] not in again and 0 not in again]
    if not passing:
        why = refused.row(0, named=True)
        raise Refusal(f"its rows would be refused again: {why['reasons']}: {why['detail']}")
    path = where.put(first["feed"], name, _chunks(lake, first))
    return Released(path, len(passing), len(rows) - len(passing))


def _suffix(path: str) -> str:
    """The end of a name that tells its form."""
    form = form_of(path)
    packed = 2 if form is not None and form.compression else 1
    return "".join(PurePosixPath(path).suffixes[-packed:])


def _place(lake: Lake, refused: Row) -> tuple[dict[str, Any], PlannedFile]:
    """Manifest and place of a landed file, by the first cycle that took it."""
    is_it = (pl.col("file_id") == refused["file_id"]) & (pl.col("status") != "ignored")
    cycle = lake.scan("landed_files").filter(is_it).select(pl.col("cycle").min()).collect().item()
    if cycle is None:
        raise Refusal("the landed file is not in the archive: give the whole row by --row JSON")
    manifest = Ledger(lake).sealed(cycle).manifest
    planned = (PlannedFile(**file) for file in manifest["files"])
    return manifest, next(f for f in planned if f.file_id == refused["file_id"])


def archived(lake: Lake, refused: Row) -> BinaryIO:
    """The landed bytes of a refused row's file, from the archive.

    Raises:
        Refusal: they are not there.
    """
    return opened_in(lake, *_place(lake, refused))


def _chunks(lake: Lake, refused: Row) -> Iterator[bytes]:
    with archived(lake, refused) as landed:
        while chunk := landed.read(_CHUNK):
            yield chunk
