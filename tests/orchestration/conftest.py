"""The history of covid-2020, lived through once by a live session, and instances to run on."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.live.session.session import Session
from margin_assets.scenarios import scenario, write_batch
from tests.support.empty_lake import created
from tests.support.places import Place, instance_at

BEFORE, SESSIONS = 36, 41


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The first sessions of covid-2020 at once, those of the crash each sealed at its close."""
    made = Place(tmp_path_factory.mktemp("history"))
    created(made.lake)
    session, landing = Session(made.lake), LocalLanding(made.landing)
    for number, batch in zip(range(SESSIONS), scenario("covid-2020").batches(), strict=False):
        write_batch(batch, made.landing, number)
        if number < BEFORE:
            continue
        result = session.cycle(landing)
        assert result is not None
        assert result.sealed.as_of == batch.at
        made.live[batch.at.date().isoformat()] = result.frames
    return made


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A real instance on SQLite."""
    with instance_at(tmp_path / "dagster_home") as made:
        yield made
