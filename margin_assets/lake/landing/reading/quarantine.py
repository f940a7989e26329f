"""Rows for the quarantine: what landed, kept as far as it may be, with every reason."""

import hashlib
import re
from collections.abc import Iterable

import polars as pl

from margin_assets.lake.landing.reading.chunks import Refused
from margin_assets.lake.landing.reading.files import LandedFile, OpenRaw
from margin_assets.lake.landing.reading.limits import RAW_BYTES
from margin_assets.lake.landing.reading.reasons import joined
from margin_assets.lake.landing.reading.streams import FileRefused, Raw, opened
from schemas import TABLES

WHOLE_FILE = 0
"""`file_row` of a file that is refused whole."""

_SCHEMA = pl.Schema(
    {
        name: column.dtype
        for name, column in TABLES["quarantine"].schema.columns().items()
        if name != "cycle"
    }
    | {"account_id": pl.String}
)
NO_QUARANTINE = pl.DataFrame(schema=_SCHEMA)
"""No row, with the account that a refused row may name beside the columns of the table."""
# In a line that is no JSON: what a person would read, if it is said once.
_ACCOUNT = re.compile(rb'"account_id"\s*:\s*"([!#-\[\]-~](?:[ !#-\[\]-~]{0,126}[!#-\[\]-~])?)"')


def quarantined(file: LandedFile, refused: Iterable[Refused]) -> pl.DataFrame:
    """Quarantine rows, in file order. The id is a hash of path, file, row and reasons.

    `account_id` beside the columns of the table is the account that the row names in a readable
    way; null if it names none.
    """
    rows = [_row(file, one) for one in sorted(refused, key=lambda one: one.file_row)]
    return pl.DataFrame(rows, schema=_SCHEMA, orient="row")


def whole_file(file: LandedFile, open_raw: OpenRaw, refusal: FileRefused) -> pl.DataFrame:
    """The one quarantine row of a file that is refused whole, with the file's first bytes."""
    with opened(open_raw) as source:
        head = source.read(RAW_BYTES)
    raw = Raw(head, file.bytes, file.file_id)
    return quarantined(file, [Refused(WHOLE_FILE, {refusal.reason}, refusal.detail, raw)])


def ignored(file: LandedFile, reason_detail: str) -> pl.DataFrame:
    """The one quarantine row, `file_ignored`, of a file that is not read at all."""
    raw = Raw(b"", file.bytes, file.file_id)
    return quarantined(file, [Refused(WHOLE_FILE, {"file_ignored"}, reason_detail, raw)])


def _row(file: LandedFile, refused: Refused) -> tuple[object, ...]:
    reasons = joined(refused.reasons)
    identity = "\0".join((file.path, file.file_id, str(refused.file_row), reasons))
    return (
        hashlib.sha256(identity.encode()).hexdigest()[:32],
        file.feed,
        file.path,
        file.file_id,
        refused.file_row,
        reasons,
        refused.detail,
        refused.raw.head,
        refused.raw.length,
        refused.raw.sha256,
        file.landed_at,
        refused.account_id or _legible(refused),
    )


def _legible(refused: Refused) -> str | None:
    found = set(_ACCOUNT.findall(refused.raw.head)) if refused.file_row != WHOLE_FILE else set()
    return found.pop().decode() if len(found) == 1 else None
