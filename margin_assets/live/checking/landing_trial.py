"""What a session would make of a file if it landed now: the session's own steps, nothing stored."""

import hashlib
import io
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import NamedTuple

import polars as pl

from margin_assets.lake.landing.landing import PlannedFile
from margin_assets.lake.ledger.adoptions import decided_next
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.live.acceptance.refusals import ACCEPTANCE, WITH_LIFE
from margin_assets.live.acceptance.reports import Report
from margin_assets.live.session.startup import KnownFiles, Source, loaded
from margin_assets.rulebooks import installed


class Trial(NamedTuple):
    """What would become of a file."""

    report: Report
    refused: pl.DataFrame
    """Its rows of the quarantine, in file order."""
    cycle: int
    """The sealed cycle that it was tried against; 0 for none."""


class Offered(NamedTuple):
    """A file that might land: `name` tells its form."""

    feed: str
    name: str
    content: bytes
    landed_at: datetime


def trial(file: Offered, lake: Lake | None) -> Trial:
    """Tries a file against all that a lake has accepted, or, without one, by itself.

    Raises:
        ValueError: the feed is unknown, or the name has no known form.
    """
    if lake is not None:
        return _tried(file, lake)
    with TemporaryDirectory() as folder:
        empty = Lake(folder)
        empty.create()
        return _tried(file, empty)


def _tried(file: Offered, lake: Lake) -> Trial:
    with decided_next(lake):
        return _tried_now(file, lake)


def _tried_now(file: Offered, lake: Lake) -> Trial:
    ledger = Ledger(lake)
    runner, cycle = loaded(Source(lake, ledger, lake), KnownFiles())
    digest = hashlib.sha256(file.content).hexdigest()
    path, at = f"{file.feed}/{file.name}", file.landed_at.isoformat()
    planned = PlannedFile(file.feed, path, digest, len(file.content), at, 0, "")
    manifest = {"files": [planned.to_json()], "rulebooks": installed(), ACCEPTANCE: WITH_LIFE}
    taken = runner.accept(manifest, lambda _: io.BytesIO(file.content))
    refused = taken.frames["quarantine"].sort("file_row", "reasons")
    return Trial(taken.reports[0], refused, cycle)
