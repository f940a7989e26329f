"""A lake with its landing folder and a code location over it, and instances to run on."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from margin_assets.assets.resources import (
    DailyTwins,
    LakeResource,
    LandingResource,
    PostResource,
    ValidationResource,
)
from margin_assets.definitions import build_defs
from margin_assets.lake.store.store import Lake
from margin_assets.scenarios import scenario, write_batch
from margin_assets.scenarios.batch import Batch

INSTANCE = "telemetry:\n  enabled: false\n"


@dataclass
class Place:
    """A lake, its landing folder, and what a live session had at each close."""

    folder: Path
    live: dict[str, dict[str, pl.DataFrame]] = field(default_factory=dict)

    @property
    def lake(self) -> Lake:
        return Lake(str(self.folder / "lake"))

    @property
    def landing(self) -> Path:
        return self.folder / "landing"

    def resources(self) -> dict[str, Any]:
        uri = str(self.folder / "lake")
        return {
            "delta": DailyTwins(lake_uri=uri),
            "lake": LakeResource(uri=uri),
            "landing": LandingResource(folder=str(self.landing)),
            "post": PostResource(outbox=str(self.folder / "outbox")),
            "validation": ValidationResource(docs=str(self.folder / "docs")),
        }

    def defs(self, more: dict[str, Any] | None = None) -> dg.Definitions:
        return build_defs(self.resources() | (more or {}))

    def land(self, count: int) -> None:
        """The first batches of covid-2020."""
        for number, batch in enumerate(_batches(count)):
            write_batch(batch, self.landing, number)


@cache
def _batches(count: int) -> tuple[Batch, ...]:
    """Kept, since the book of all sessions is made before the first of them."""
    return tuple(islice(scenario("covid-2020").batches(), count))


@cache
def _pattern() -> "tempfile.TemporaryDirectory[str]":
    """The home of an instance with its databases made, which takes longer than to copy them."""
    made = tempfile.TemporaryDirectory(prefix="dagster-home-")
    home = Path(made.name)
    (home / "dagster.yaml").write_text(INSTANCE)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        # Each of the storages is made when it is first asked.
        instance.get_runs_count()
        instance.all_asset_keys()
        instance.all_instigator_state()
    return made


@contextmanager
def instance_at(home: Path) -> Iterator[dg.DagsterInstance]:
    """A real instance on SQLite, in which nothing has run."""
    shutil.copytree(_pattern().name, home)
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made
