"""Books of one set as folders of CSV files, for tests: a base, and what a test changes of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from margin_assets.avalanche.book.building import Built, built
from margin_assets.avalanche.book.reading import read_folder
from margin_assets.avalanche.demo.one_set import BASE, QUIET, Change, changed_rows

__all__ = ["BASE", "QUIET", "book", "shock", "write"]


def write(folder: Path, settings: Mapping[str, Any] | None = None, **changes: Change) -> Path:
    """The base book in a folder: a list of rows takes a table's place, a row changes its first."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in changed_rows(settings or {}, changes).items():
        pl.DataFrame(rows, infer_schema_length=None).write_csv(folder / f"{name}.csv")
    return folder


def book(folder: Path, settings: Mapping[str, Any] | None = None, **changes: Change) -> Built:
    """The same, read and built."""
    return built(read_folder(write(folder, settings, **changes)))


def shock(size: float, hour: int = 0, factor: str = "INDEX") -> list[dict[str, Any]]:
    """A scenario `fall` that moves one factor once."""
    return [
        {"scenario_id": "fall", "factor_id": factor, "hour": hour, "return_shock": size},
    ]
