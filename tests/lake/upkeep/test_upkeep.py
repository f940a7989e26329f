import logging
import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake.exceptions import DeltaError

from margin_assets.lake.ledger import bases
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store import declared
from margin_assets.lake.store.shards import Shards
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep import caretaker, upkeep
from margin_assets.lake.upkeep.delta_log import log_of
from margin_assets.lake.upkeep.upkeep import Retention, drop_old, drop_orphans, tidy
from tests.campaigns.soak import most_log_files, soak, unreadable
from tests.support.empty_lake import created
from tests.support.mini_session import cycle_frames, rows, run_cycle

BOUNDS = upkeep.bounds() | {"commits": 6, "files": 6, "base_cycles": 25, "newest_bases": 2}
KEPT = 12
DAY = 86_400


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention of a dozen cycles, and upkeep after a handful of commits."""
    table_of = declared.table_of
    monkeypatch.setattr(
        declared, "table_of", lambda name: replace(table_of(name), retention_cycles=KEPT)
    )
    for module in (upkeep, caretaker):
        monkeypatch.setattr(module, "bounds", lambda: BOUNDS)


@pytest.fixture
def local(tmp_path: Path) -> Lake:
    return created(Lake(str(tmp_path / "lake")))


def fills(cycle: int) -> pl.DataFrame:
    return rows("fills", 2, fill_id=[f"{cycle}a", f"{cycle}b"], cycle=cycle)


def fill_ids(lake: Lake, version: int | None = None) -> list[str]:
    return sorted(lake.scan("fills", version).collect()["fill_id"])


def sealed_cycles(lake: Lake, count: int) -> list[Sealed]:
    ledger = Ledger(lake)
    return [run_cycle(lake, ledger) for _ in range(count)]


def age(lake: Lake, name: str, versions: range, days: float) -> None:
    """Makes commits of a table older in the eyes of the store."""
    log = log_of(lake, name)
    for version in versions:
        path, time = Path(lake.uri, log.commits[version]), log.times[version] - days * DAY
        os.utime(path, (time, time))


@pytest.mark.usefixtures("brief")
def test_log_and_files_stay_bounded_and_retained_cycles_readable(cycle_lake: Lake):
    lake = cycle_lake
    for figures in soak(lake, 75, lambda number: cycle_frames(number % 5 + 1), 25):
        for name, count in figures["log_files"].items():
            assert count <= most_log_files(name)
        assert max(figures["data_files"].values()) <= most_log_files("cycles")
        assert unreadable(lake) == []

    # How far it has come by then is upkeep's own pace, beside the cycles.
    assert min(log_of(lake, "positions").commits) > KEPT
    assert [sealed.cycle for sealed in Ledger(lake).all_sealed()] == list(range(1, 76))
    assert lake.scan("fills").collect().height == 75 * 3
    assert bases.kept(lake) == [25, 50]


def test_of_older_bases_one_in_so_many_cycles_is_kept(local: Lake):
    for cycle in range(500, 12_001, 500):
        local.put_object(f"bases/{cycle:012d}/complete.json", [b"{}"])

    bases.thin(local, newest=3, older=upkeep.bounds()["older_base_cycles"])

    assert bases.kept(local) == [5000, 10_000, 11_000, 11_500, 12_000]


def test_a_base_that_is_half_dropped_is_no_base(local: Lake, monkeypatch: pytest.MonkeyPatch):
    for path in ("500/complete.json", "500/account_state.parquet", "999/complete.json"):
        local.put_object(f"bases/{path.zfill(len(path) + 9)}", [b"{}"])
    drop = local.delete_objects

    def killed(paths: list[str]) -> None:
        drop(paths[:1])
        raise KeyboardInterrupt

    monkeypatch.setattr(local, "delete_objects", killed)

    with pytest.raises(KeyboardInterrupt):
        bases.thin(local, newest=1, older=5_000)

    assert bases.kept(local) == [999]


@pytest.mark.usefixtures("brief")
def test_only_so_many_versions_are_kept(local: Lake):
    sealed = sealed_cycles(local, 30)

    tidy(local, "positions")

    for cycle in sealed[-KEPT:]:
        held = local.scan("positions", cycle.table_versions["positions"]).collect()
        assert held.height == cycle.cycle
    # The last checkpoint is the one just made, so that nothing before it could go yet.
    assert min(log_of(local, "positions").commits) == 0
    sealed_cycles(local, KEPT + 1)
    assert drop_old(local, "positions", Retention(local)) > 0
    with pytest.raises(DeltaError):
        local.held("positions").open(sealed[0].table_versions["positions"])


@pytest.mark.usefixtures("brief")
def test_the_version_of_a_table_that_rests_stays(local: Lake):
    local.write("prices", rows("prices", 3, symbol=["A", "B", "C"]), 1)
    rests = local.version("prices")
    for _ in range(3):
        sealed = sealed_cycles(local, KEPT)[-1]
        for name in ("prices", "cycles"):
            tidy(local, name)

    assert sealed.table_versions["prices"] == rests
    assert local.scan("prices", rests).collect().height == 3


@pytest.mark.usefixtures("brief")
def test_upkeep_with_a_plan_open_keeps_what_recovery_reads(local: Lake):
    sealed = sealed_cycles(local, 3 * KEPT)[-1]
    ledger = Ledger(local)
    plan = ledger.plan({"files": []})
    local.write_all(cycle_frames(plan.cycle), plan.cycle)

    tidy(local, "positions")

    held = local.scan("positions", sealed.table_versions["positions"]).collect()
    assert held["cycle"].unique().to_list() == [sealed.cycle]
    assert len(log_of(local, "positions").checkpoints) == 1
    assert local.scan("fills", sealed.table_versions["fills"]).collect().height == 3 * 3 * KEPT


@pytest.mark.usefixtures("brief")
def test_dropping_that_was_cut_short_is_finished(local: Lake, monkeypatch: pytest.MonkeyPatch):
    sealed_cycles(local, 10)
    tidy(local, "positions")
    sealed = sealed_cycles(local, KEPT + 5)
    delete, calls = local.delete_objects, iter([True, False])

    def fails_second(paths: list[str]) -> None:
        if not next(calls):
            raise OSError("the store is away")
        delete(paths)

    monkeypatch.setattr(local, "delete_objects", fails_second)
    with pytest.raises(OSError, match="away"):
        drop_old(local, "positions", Retention(local))
    monkeypatch.undo()

    drop_old(local, "positions", Retention(local, sealed[-1].cycle))
    for cycle in sealed:
        held = local.scan("positions", cycle.table_versions["positions"]).collect()
        assert held.height == cycle.cycle


def test_days_count_back_from_the_newest_commit(local: Lake):
    old = sealed_cycles(local, 6)
    tidy(local, "positions")
    new = sealed_cycles(local, 3)

    assert drop_old(local, "positions", Retention(local)) == 0
    # The last old cycle was sealed 1.5 days ago: a day ago it was the one in force.
    age(local, "cycles", range(2 + 2 * 6), 1.5)
    assert (
        Retention(local).oldest_kept("positions", log_of(local, "positions"))
        == (old[-1].table_versions["positions"])
    )
    assert drop_old(local, "positions", Retention(local)) > 0

    for cycle in [old[-1], *new]:
        held = local.scan("positions", cycle.table_versions["positions"]).collect()
        assert held.height == cycle.cycle
    with pytest.raises((DeltaError, OSError)):
        local.scan("positions", old[0].table_versions["positions"]).collect()


def test_orphans_go_and_files_being_written_stay(local: Lake):
    sealed = sealed_cycles(local, 3)
    table = Path(local.uri, "positions")
    for path in [table / "left.parquet", *table.glob("*.parquet")]:
        path.touch()
        os.utime(path, (0, 0))
    (table / "being-written.parquet").touch()

    assert drop_orphans(local, "positions") == 1

    assert not (table / "left.parquet").exists()
    assert (table / "being-written.parquet").exists()
    for cycle in sealed:
        held = local.scan("positions", cycle.table_versions["positions"]).collect()
        assert held.height == cycle.cycle


@pytest.mark.usefixtures("brief")
def test_upkeep_that_fails_is_told_and_the_monitor_goes_on(
    local: Lake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def away(*_: object) -> None:
        raise OSError("the store is away")

    monkeypatch.setattr(caretaker, "checkpoint", away)
    with caplog.at_level(logging.WARNING, "margin.upkeep"):
        # A stretch of one: a busy machine may seal ten cycles before the first turn has ended.
        list(soak(local, 10, lambda number: cycle_frames(number), 1))

    assert "the store is away" in caplog.text
    assert [sealed.cycle for sealed in Ledger(local).all_sealed()] == list(range(1, 11))


@pytest.mark.usefixtures("brief")
def test_shards_of_a_state_table_gather_no_files(local: Lake):
    for cycle in range(1, 13):
        frame = rows("positions", 2, account_id=["A", "B"], cycle=cycle)
        local.write_all({"positions": frame}, cycle, Shards(4))

    assert len(local.held("positions").open().file_uris()) == 2


def test_tidy_keeps_rows_versions_and_the_count_of_cycles(lake: Lake):
    versions = [lake.write("fills", fills(cycle), cycle) for cycle in range(1, 6)]

    tidy(lake, "fills")
    tidied = lake.version("fills")
    tidy(lake, "fills")

    assert lake.version("fills") == tidied
    assert len(lake.held("fills").open().file_uris()) == 1
    assert fill_ids(lake, versions[0]) == ["1a", "1b"]
    assert lake.write("fills", fills(5), 5) == versions[-1]
    lake.write("fills", fills(6), 6)
    assert len(fill_ids(lake)) == 12


@pytest.mark.parametrize("table", ["positions", "daily/positions"])
def test_tidy_between_writes_of_state_does_not_stop_them(lake: Lake, table: str):
    day = date(2020, 3, 9)
    for cycle in (1, 2, 3):
        if table == "positions":
            lake.write("positions", rows(table, cycle=cycle), cycle)
        else:
            lake.replace_days("positions", rows(table, cycle=cycle, business_date=day), [day])
        tidy(Lake(lake.uri, lake.storage_options), table)

    assert lake.scan(table).collect()["cycle"].to_list() == [3]
