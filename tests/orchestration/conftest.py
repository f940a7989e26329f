"""The history of covid-2020, lived through once by a live session, and instances to run on."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import dagster as dg
import pytest

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.live.session.session import Session
from margin_assets.scenarios import scenario, write_batch
from tests.support.empty_lake import created
from tests.support.places import Place, instance_at

SESSIONS = 64


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The first sessions of covid-2020, with the crash: each landed and sealed at its close."""
    made = Place(tmp_path_factory.mktemp("history"))
    created(made.lake)
    session, landing = Session(made.lake), LocalLanding(made.landing)
    batches = islice(scenario("covid-2020").batches(), SESSIONS)
    for number, batch in enumerate(batches):
        write_batch(batch, made.landing, number)
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
