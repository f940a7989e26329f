import itertools
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from polars.testing import assert_frame_equal

from margin_assets.lake.store import declared, faults, held
from margin_assets.lake.store.store import Lake
from schemas import TABLES, Mode
from tests.support.empty_lake import created
from tests.support.mini_session import rows


def fills(cycle: int) -> pl.DataFrame:
    return rows("fills", 2, fill_id=[f"{cycle}a", f"{cycle}b"], cycle=cycle)


def fill_ids(lake: Lake, version: int | None = None) -> list[str]:
    return sorted(lake.scan("fills", version).collect()["fill_id"])


def rival_of(lake: Lake) -> Lake:
    return Lake(lake.uri, lake.storage_options)


FEW = ["fills", "prices", "quarantine", "positions", "daily/positions", "cycles"]
"""Of each kind: what is true of them is true of a lake of many."""


@pytest.fixture
def lake(lake_place: tuple[str, dict[str, str]]) -> Lake:
    """A fresh lake of a few tables, on each kind of store."""
    return created(Lake(*lake_place), FEW)


def test_create_makes_every_table_once(lake_place: tuple[str, dict[str, str]]):
    lake = Lake(*lake_place)

    assert not lake.is_created()
    assert sorted(lake.create()) == sorted(declared.names())
    assert lake.is_created()
    assert lake.create() == []


@pytest.fixture
def a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other tables are declared."""
    monkeypatch.setattr(declared, "names", lambda: FEW)


@pytest.mark.usefixtures("a_few")
def test_each_table_is_created_by_one_of_several_at_once(lake_place: tuple[str, dict[str, str]]):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: Lake(*lake_place).create(), range(4)))

    lake = Lake(*lake_place)
    assert sorted(itertools.chain(*made)) == sorted(declared.names())
    assert lake.is_created()
    for name in declared.names():
        commits = [entry["operation"] for entry in lake.held(name).open().history()]
        assert commits == ["ADD CONSTRAINT", "CREATE TABLE"]


@pytest.mark.usefixtures("a_few")
def test_create_finishes_what_another_left(lake_place: tuple[str, dict[str, str]]):
    uri, options = lake_place
    DeltaTable.create(
        f"{uri}/fills", schema=TABLES["fills"].schema, storage_options=options or None
    )
    lake = Lake(uri, options)

    assert "fills" not in lake.create()

    known = lake.held("fills").open().metadata().configuration
    assert "delta.constraints.price_bounds" in known


def test_tables_carry_what_is_declared(shared_lake: Lake):
    for name in declared.names():
        table, found = declared.table_of(name), shared_lake.held(name).open()
        known = found.metadata()
        is_daily = name.startswith("daily/")
        assert known.description == table.grain
        stored = ["shard"] if table.mode == "state" else []
        assert known.partition_columns == (["business_date"] if is_daily else stored)
        assert known.configuration["delta.logRetentionDuration"] == (
            f"interval {table.retention_days} days"
        )
        is_append_only = table.mode is Mode.APPEND and not is_daily
        assert (known.configuration.get("delta.appendOnly") == "true") is is_append_only
        nullable = {
            column for column, found in declared.schema_of(name).columns().items() if found.nullable
        }
        assert {field.name for field in found.schema().fields if field.nullable} == nullable


def test_a_cycle_written_again_changes_nothing(lake: Lake):
    first = lake.write("fills", fills(1), 1)
    second = lake.write("fills", fills(2), 2)

    assert second == first + 1
    assert lake.write("fills", fills(2), 2) == second
    assert lake.write("fills", fills(1), 1) == first
    assert rival_of(lake).write("fills", fills(1), 1) == first
    assert lake.version("fills") == second
    assert fill_ids(lake, first) == ["1a", "1b"]


def test_a_stale_handle_does_not_write_a_cycle_again(lake: Lake):
    stale = rival_of(lake)
    stale.write("fills", fills(1), 1)
    for cycle in (2, 3):
        lake.write("fills", fills(cycle), cycle)

    stale.write("fills", fills(2), 2)
    stale.write("fills", fills(3), 3)

    assert fill_ids(lake) == ["1a", "1b", "2a", "2b", "3a", "3b"]


def test_a_stale_handle_does_not_replace_a_newer_state(lake: Lake):
    stale = rival_of(lake)
    stale.write("positions", rows("positions", cycle=1), 1)
    for cycle in (2, 3):
        lake.write("positions", rows("positions", cycle=cycle), cycle)

    stale.write("positions", rows("positions", cycle=2), 2)

    assert lake.scan("positions").collect()["cycle"].to_list() == [3]


def test_rivals_that_both_write_every_cycle_write_each_once(lake: Lake):
    def write(writer: Lake) -> None:
        for cycle in range(1, 11):
            writer.write("fills", fills(cycle), cycle)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, [lake, rival_of(lake)]))

    assert fill_ids(lake) == sorted(f"{cycle}{row}" for cycle in range(1, 11) for row in "ab")


def test_a_handle_opened_anew_keeps_the_count(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held, "_COMMITS_PER_HANDLE", 10)
    rival = rival_of(lake)
    for cycle in range(1, 25):
        writer = rival if cycle % 8 == 0 else lake
        writer.write("fills", fills(cycle), cycle)
        lake.write("fills", fills(cycle), cycle)

    assert len(fill_ids(lake)) == 48


def test_state_is_replaced_whole(lake: Lake):
    lake.write("positions", rows("positions", 3, symbol=["A", "B", "C"]), 1)
    version = lake.write("positions", rows("positions", 1, symbol=["B"]), 2)

    assert lake.scan("positions").collect()["symbol"].to_list() == ["B"]
    assert lake.scan("positions", version - 1).collect()["symbol"].to_list() == ["A", "B", "C"]

    lake.write("positions", rows("positions", 0), 3)
    assert lake.scan("positions").collect().is_empty()


def test_rows_come_back_as_written(lake_place: tuple[str, dict[str, str]]):
    lake = created(Lake(*lake_place))
    written = {name: rows(name) for name in TABLES if TABLES[name].in_cycle}

    lake.write_all(written, 1)

    for name, frame in written.items():
        assert_frame_equal(lake.scan(name).collect(), frame)


def test_write_all_leaves_an_append_table_without_rows_alone(lake: Lake):
    before = lake.version("quarantine")

    versions = lake.write_all(
        {"fills": fills(1), "quarantine": rows("quarantine", 0), "positions": rows("positions", 0)},
        1,
    )

    assert versions.keys() == {"fills", "positions"}
    assert lake.version("quarantine") == before
    assert lake.write_all({}, 2) == {}


def test_write_all_finishes_the_others_when_one_fails(lake: Lake):
    broken = rows("prices", price=Decimal(-1))

    with pytest.raises(DeltaError, match="failed validation"):
        lake.write_all({"prices": broken, "fills": fills(1)}, 1)

    assert fill_ids(lake) == ["1a", "1b"]
    assert lake.scan("prices").collect().is_empty()


def test_write_all_passes_its_points(lake: Lake):
    seen: list[str] = []
    faults.arm(seen.append)

    lake.write_all({"fills": fills(1), "quarantine": rows("quarantine", 0)}, 1)

    assert seen == ["before_write:fills", "written:fills"]


def test_replace_days_takes_only_those_days(lake: Lake):
    days = [date(2020, 3, day) for day in (9, 10, 11)]
    whole = rows("daily/positions", 3, business_date=days, quantity=Decimal(1))
    lake.replace_days("positions", whole, days)
    changed = rows("daily/positions", 1, business_date=days[1], quantity=Decimal(2))

    lake.replace_days("positions", changed, days[1:2])

    found = lake.scan("daily/positions").sort("business_date").collect()
    assert found["quantity"].to_list() == [1, 2, 1]
    with pytest.raises(ValueError, match="no business dates"):
        lake.replace_days("positions", changed, [])


def test_days_may_be_replaced_at_once(lake: Lake):
    days = [date(2020, 3, day) for day in range(2, 7)]

    with ThreadPoolExecutor(len(days)) as pool:
        list(
            pool.map(
                lambda day: rival_of(lake).replace_days(
                    "positions", rows("daily/positions", business_date=day), [day]
                ),
                days,
            )
        )

    assert sorted(lake.scan("daily/positions").collect()["business_date"]) == days


@pytest.mark.parametrize("table", ["fills", "positions"])
def test_a_lake_made_with_other_columns_says_so(tmp_path: Path, table: str):
    lake = created(Lake(str(tmp_path)))
    path = Path(lake.uri, table)
    kept, parts = pl.read_delta(str(path)), DeltaTable(path).metadata().partition_columns
    shutil.rmtree(path)
    write_deltalake(path, kept.drop("account_id"), partition_by=parts)

    with pytest.raises(declared.SchemaMismatch, match=f"{table}: this lake was made with other"):
        Lake(lake.uri).write(table, rows(table, 1), 1)
