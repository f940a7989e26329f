"""Answers as tables of a lake: those of a run once, however often it is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any

from margin_assets.avalanche.answers.frames import frames_of, reverse_frame
from margin_assets.avalanche.answers.readings import keep_reading
from margin_assets.avalanche.book.building import Built
from margin_assets.avalanche.running import Asked, run_id_of, snapshot_of
from margin_assets.avalanche.storing import add_once
from margin_assets.lake.store.store import Lake

Document = Mapping[str, Any]


def store_answers(
    lake: Lake, held: Built, documents: Sequence[Document], reverse: Document | None
) -> list[str]:
    """Writes the answers to runs of arm C; tells which tables got new rows.

    They carry the run's id, by which they join to `avalanche_runs`. The reverse stress is of the
    first run.

    Raises:
        BookError: The lake does not hold the book.
    """
    snapshot = snapshot_of(held.tables)
    written: list[str] = []
    for place, document in enumerate(documents):
        run = document["run"]
        run_id = run_id_of(snapshot, Asked(run["scenario"], "C", run["seed"], run["paths"]))
        frames = frames_of(run_id, document)
        if place == 0 and reverse is not None:
            frames["reverse_stress"] = reverse_frame(run_id, reverse)
        for name, rows in frames.items():
            written += add_once(lake, name, rows, run_id)
        written += keep_reading(lake, held, run_id, document["warning"])
    return list(dict.fromkeys(written))
