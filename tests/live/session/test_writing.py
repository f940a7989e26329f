from pathlib import Path
from threading import Event

import polars as pl
import pytest
from deltalake.exceptions import DeltaError

from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.store.shards import Shards
from margin_assets.lake.store.store import Lake
from margin_assets.live.session import writing
from margin_assets.live.session.writing import Helpers
from schemas import TABLES, Table
from tests.support.empty_lake import created
from tests.support.mini_session import rows

NOWHERE = Lake("nowhere")


def test_digests_are_those_of_the_tables_whenever_they_were_begun():
    early, late = rows("prices", 3, file_row=[2, 1, 3]), rows("betas", 2, file_row=[1, 2])

    with Helpers(NOWHERE).lent() as beside:
        beside.begin({"prices": early})
        beside.begin({"prices": early, "betas": late})
        found = beside.of(["prices", "betas"])

    expected = {"betas": digest(late, TABLES["betas"]), "prices": digest(early, TABLES["prices"])}
    assert list(found.items()) == list(expected.items())


def test_a_table_is_digested_once_and_while_others_are_shaped(monkeypatch: pytest.MonkeyPatch):
    shaped, digested = Event(), []

    def noted(frame: pl.DataFrame, table: Table) -> str:
        assert shaped.wait(60)
        digested.append(table.name)
        return str(frame.height)

    monkeypatch.setattr(writing, "digest", noted)
    with Helpers(NOWHERE).lent() as beside:
        beside.begin({"prices": rows("prices", 3, file_row=[1, 2, 3])})
        # Digesting had not ended, and the next table is there.
        shaped.set()
        beside.begin({name: rows(name) for name in ("prices", "betas")})
        found = beside.of(["prices", "betas"])

    assert digested == ["prices", "betas"]
    assert found == {"betas": "1", "prices": "3"}


def test_a_table_without_columns_has_no_digest():
    with Helpers(NOWHERE).lent() as beside:
        beside.begin({"desk_outcomes": pl.DataFrame()})

        assert beside.of([]) == {}
        with pytest.raises(KeyError):
            beside.of(["desk_outcomes"])


def test_files_of_the_state_are_made_before_they_are_committed(tmp_path: Path):
    lake = created(Lake(str(tmp_path / "lake")), ("positions", "betas"))
    frames = {"positions": rows("positions", 2), "betas": rows("betas")}
    with Helpers(lake).lent() as beside:
        beside.begin({"positions": frames["positions"]}, Shards(1))
        beside.begin({"betas": frames["betas"]})
        found = beside.rows(frames)

    # They lie there, and nobody sees them.
    made = list((tmp_path / "lake" / "positions").rglob("*.parquet"))
    assert len(made) == 1
    assert lake.scan("positions").collect().is_empty()
    assert not isinstance(found["positions"], pl.DataFrame)
    assert found["betas"] is frames["betas"]

    lake.write_all(found, 1)
    assert lake.scan("positions").collect().equals(frames["positions"])
    assert lake.scan("betas").collect().equals(frames["betas"])
    assert list((tmp_path / "lake" / "positions").rglob("*.parquet")) == made


def test_rows_that_break_a_bound_are_left_to_the_library(tmp_path: Path):
    lake = created(Lake(str(tmp_path / "lake")), ("positions",))
    broken = rows("positions", cycle=-1)
    with Helpers(lake).lent() as beside:
        beside.begin({"positions": broken}, Shards(1))
        found = beside.rows({"positions": broken})

    assert found["positions"] is broken
    with pytest.raises(DeltaError, match="cycle"):
        lake.write_all(found, 1)
