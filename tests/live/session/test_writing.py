from threading import Event

import polars as pl
import pytest

from margin_assets.lake.ledger.canonical import digest
from margin_assets.lake.store.kept_threads import KeptThreads
from margin_assets.live.session import writing
from margin_assets.live.session.writing import vouching
from schemas import TABLES, Table
from tests.support.mini_session import rows


def test_digests_are_those_of_the_tables_whenever_they_were_begun():
    early, late = rows("prices", 3, file_row=[2, 1, 3]), rows("betas", 2, file_row=[1, 2])

    with vouching(KeptThreads(1, "beside")) as vouched:
        vouched.begin({"prices": early})
        vouched.begin({"prices": early, "betas": late})
        found = vouched.of(["prices", "betas"])

    expected = {"betas": digest(late, TABLES["betas"]), "prices": digest(early, TABLES["prices"])}
    assert list(found.items()) == list(expected.items())


def test_a_table_is_digested_once_and_while_others_are_shaped(monkeypatch: pytest.MonkeyPatch):
    shaped, digested = Event(), []

    def noted(frame: pl.DataFrame, table: Table) -> str:
        assert shaped.wait(60)
        digested.append(table.name)
        return str(frame.height)

    monkeypatch.setattr(writing, "digest", noted)
    with vouching(KeptThreads(1, "beside")) as vouched:
        vouched.begin({"prices": rows("prices", 3, file_row=[1, 2, 3])})
        # Digesting had not ended, and the next table is there.
        shaped.set()
        vouched.begin({name: rows(name) for name in ("prices", "betas")})
        found = vouched.of(["prices", "betas"])

    assert digested == ["prices", "betas"]
    assert found == {"betas": "1", "prices": "3"}


def test_a_table_without_columns_has_no_digest():
    with vouching(KeptThreads(1, "beside")) as vouched:
        vouched.begin({"desk_outcomes": pl.DataFrame()})

        assert vouched.of([]) == {}
        with pytest.raises(KeyError):
            vouched.of(["desk_outcomes"])
