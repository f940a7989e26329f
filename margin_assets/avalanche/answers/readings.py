"""The early warning book after book: the reading of each, and the level after it."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from margin_assets.avalanche.answers.case import policy_of
from margin_assets.avalanche.answers.frames import warning_frame
from margin_assets.avalanche.answers.watching import MODERATE, watched_book
from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.keeping import book_number, keep_book, kept_book
from margin_assets.avalanche.running import Asked, run_id_of, snapshot_of
from margin_assets.avalanche.storing import add_once
from margin_assets.kernels.avalanche.answers.warning import Level, Reading, level_after
from margin_assets.lake.store.store import Lake

TABLE = "warning_readings"


def keep_reading(lake: Lake, held: Built, run_id: str, told: Mapping[str, Any]) -> list[str]:
    """Writes the reading of a book that the lake holds; tells which tables got new rows.

    A book is read once. Its level follows from its score and from the reading of the book before.

    Args:
        lake: Where it is kept.
        held: The book.
        run_id: Run under which `early_warnings` has the components.
        told: Document of the early warning.

    Raises:
        BookError: The lake does not hold the book.
    """
    snapshot = snapshot_of(held.tables)
    number = book_number(lake, snapshot)
    now = level_after(reading_before(lake, number), told["score"], policy_of(held).warning)
    row = {
        "book_number": number,
        "snapshot_id": snapshot,
        "run_id": run_id,
        "as_of": held.settings.as_of,
        "need_usd": told["need_99"],
        "liquidity_usd": told["liquidity"],
        "score": told["score"],
        "level": now.level.value,
        "points_to": now.pending.value,
        "in_a_row": now.in_a_row,
    }
    rows = pl.DataFrame([row]).with_columns(pl.col("as_of").cast(pl.Date))
    return add_once(lake, TABLE, rows, snapshot)


def store_reading(lake: Lake, held: Built, told: Mapping[str, Any], asked: Asked) -> list[str]:
    """Writes a book, the components of its early warning and its reading; tells the tables.

    Args:
        lake: Where they are kept.
        held: The book.
        told: Document of the early warning.
        asked: The run that it is of, in its moderate scenario.
    """
    snapshot = snapshot_of(held.tables)
    run_id = run_id_of(snapshot, asked)
    written = ["avalanche_books"] if keep_book(lake, held.tables, snapshot) else []
    written += add_once(lake, "early_warnings", warning_frame(run_id, told), run_id)
    return written + keep_reading(lake, held, run_id, told)


def read_kept(lake: Lake, paths: int, seed: int) -> tuple[Mapping[str, Any], list[str]]:
    """Reads the newest book of a lake and writes it; the reading and the tables that got rows.

    Raises:
        BookError: The lake holds no book, or one that cannot be run.
    """
    held = built(kept_book(lake))
    told = watched_book(held, paths, seed, fit=False)
    return told, store_reading(lake, held, told, Asked(MODERATE, "C", seed, paths))


def reading_before(lake: Lake, number: int) -> Reading | None:
    """The reading of the last book before that number; None where none was read."""
    rows = lake.scan(TABLE).filter(pl.col("book_number") < number)
    found = lake.read(TABLE, lambda: rows.sort("book_number", descending=True).head(1))
    if not found.height:
        return None
    row = found.row(0, named=True)
    return Reading(row["score"], Level(row["level"]), Level(row["points_to"]), row["in_a_row"])
