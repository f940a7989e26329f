"""The history of covid-2020, lived through once by a live session, and instances to run on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from margin_assets.assets.resources import (
    DailyTwins,
    LakeResource,
    LandingResource,
    ValidationResource,
)
from margin_assets.definitions import build_defs
from margin_assets.lake.landing import LocalLanding
from margin_assets.lake.store import Lake
from margin_assets.live.session import Session
from margin_assets.scenarios import scenario, write_batch

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
            "validation": ValidationResource(docs=str(self.folder / "docs")),
        }

    def defs(self) -> dg.Definitions:
        return build_defs(self.resources())

    def land(self, count: int) -> None:
        """The first batches of covid-2020."""
        for number, batch in zip(range(count), scenario("covid-2020").batches(), strict=False):
            write_batch(batch, self.landing, number)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Every session of covid-2020 landed and sealed at its close, one cycle each."""
    made = Place(tmp_path_factory.mktemp("history"))
    made.lake.create()
    session, landing = Session(made.lake), LocalLanding(made.landing)
    for number, batch in enumerate(scenario("covid-2020").batches()):
        write_batch(batch, made.landing, number)
        result = session.cycle(landing)
        assert result is not None
        assert result.sealed.as_of == batch.at
        made.live[batch.at.date().isoformat()] = result.frames
    return made


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A real instance on SQLite."""
    home = tmp_path / "dagster_home"
    home.mkdir()
    (home / "dagster.yaml").write_text(INSTANCE)
    with dg.DagsterInstance.from_config(str(home)) as made:
        yield made
