"""The avalanche's assets: the newest book of a lake by scenario and arm, and the laws over it."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from jobs.avalanche import nightly_avalanche
from margin_assets.assets.avalanche import AVALANCHE_ASSETS, WARNING_ASSETS
from margin_assets.assets.resources import EngineResource, LakeResource
from margin_assets.avalanche.book.reading import read_folder
from margin_assets.avalanche.keeping import held_by_books, keep_book
from margin_assets.avalanche.running import snapshot_of
from margin_assets.checks.avalanche import AVALANCHE_LAWS
from margin_assets.lake.store.store import Lake
from schemas.avalanche.results import LAWS
from sensors.early_warning import early_warning_sensor
from tests.support import ROOT
from tests.support.avalanche_books import written
from tests.support.empty_lake import created

PARTITION = dg.MultiPartitionKey({"scenario": "severe", "arm": "A"})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = Lake(str(tmp_path / "lake"))
    created(made)
    return made


def kept(lake: Lake, folder: Path = ROOT / "docs" / "examples" / "avalanche-one-set") -> str:
    tables = read_folder(folder)
    snapshot = snapshot_of(tables)
    keep_book(lake, tables, snapshot)
    return snapshot


def made(lake: Lake, *, fails: bool = False, **config: int) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [*AVALANCHE_ASSETS, *AVALANCHE_LAWS],
        partition_key=PARTITION,
        resources={"lake": LakeResource(uri=lake.uri), "engine": EngineResource()},
        run_config={"ops": {"avalanche": {"config": {"paths": 48, "seed": 3, **config}}}},
        raise_on_error=not fails,
    )


def test_a_partition_runs_the_newest_book_once_and_keeps_the_laws(lake: Lake):
    kept(lake)

    first, again = made(lake), made(lake)

    (run,) = lake.scan("avalanche_runs").collect().rows(named=True)
    assert (run["scenario"], run["arm"], run["paths"], run["seed"]) == ("severe", "A", 48, 3)
    assert lake.scan("avalanche_paths").collect().height == 48
    checks = {check.check_name: check.passed for check in again.get_asset_check_evaluations()}
    assert checks == dict.fromkeys(LAWS, True)
    names = {event.asset_key.to_user_string() for event in first.get_asset_materialization_events()}
    assert {"avalanche_runs", "avalanche_paths", "im_requirements"} <= names


def test_shares_of_the_paths_come_to_the_run_as_a_whole(lake: Lake, tmp_path: Path):
    whole = Lake(str(tmp_path / "whole"))
    created(whole)
    kept(whole)
    made(whole)
    kept(lake)

    # In any order, one of them twice.
    for share in (2, 0, 2):
        made(lake, share=share, shares=3)
        assert lake.scan("avalanche_runs").collect().is_empty()
    last = made(lake, share=1, shares=3)

    for name, keys in (("avalanche_runs", ["run_id"]), ("avalanche_paths", ["path"])):
        rows, expected = (place.scan(name).collect().sort(keys) for place in (lake, whole))
        assert rows.equals(expected)
    checks = {check.check_name: check.passed for check in last.get_asset_check_evaluations()}
    assert checks == dict.fromkeys(LAWS, True)
    for nonsense in ({"share": 3, "shares": 3}, {"share": 0, "shares": 49}):
        assert not made(lake, fails=True, **nonsense).success
    # Asked for as a whole it is there.
    made(lake)
    assert lake.scan("avalanche_paths").collect().height == 48


def test_a_row_that_breaks_a_law_fails_its_check(lake: Lake):
    kept(lake)
    made(lake)
    rows = lake.scan("avalanche_paths").collect()
    lake.held("avalanche_paths").commit(
        rows.head(1).with_columns(unexplained_cash=pl.lit(1.0), path=pl.lit(48)), "test", 1
    )

    checks = {one.check_name: one.passed for one in made(lake).get_asset_check_evaluations()}

    broken = {name for name, passed in checks.items() if not passed}
    assert broken == {
        "cash_is_conserved",
        "a_run_has_its_paths",
        "a_run_is_what_its_paths_are",
    }


def test_what_a_book_holds_in_all_is_told_in_dollars(lake: Lake, tmp_path: Path):
    bonds = "entity_id,asset_id,ccy,market_value,encumbered"
    kept(
        lake,
        written(
            tmp_path,
            cash_balance=["entity_id,ccy,balance", "FUND,USD,1", "FUND,EUR,1"],
            fx_rate=["ccy,usd_per_unit", "EUR,1.5"],
            facility=["facility_id,entity_id,ccy,commitment", "A,FUND,USD,7", "B,FUND,EUR,2"],
            collateral_holding=[bonds, "FUND,BOND,EUR,10,4"],
        ),
    )

    (held,) = held_by_books(lake).collect().drop("snapshot_id").rows(named=True)
    # 4 + 2 + 3 + 1 billions of delta, long and short.
    assert held == {"exposure_usd": 10e9, "lines_usd": 10.0, "securities_usd": 9.0}


def test_a_lake_without_a_book_is_named(lake: Lake):
    failed = made(lake, fails=True)

    assert not failed.success
    (failure,) = [e for e in failed.all_events if e.is_step_failure]
    assert "the lake holds no book" in str(failure.event_specific_data)


def test_the_night_asks_for_every_partition_once_a_book(lake: Lake):
    place = LakeResource(uri=lake.uri)
    assert isinstance(nightly_avalanche(lake=place), dg.SkipReason)

    snapshot = kept(lake)

    asked = nightly_avalanche(lake=place)
    assert isinstance(asked, list)
    assert len(asked) == 9
    assert {one.run_key.split(":")[0] for one in asked} == {snapshot}


def sensed(lake: Lake, cursor: str | None = None) -> object:
    with dg.build_sensor_context(
        cursor=cursor, resources={"lake": LakeResource(uri=lake.uri)}
    ) as context:
        return early_warning_sensor(context)


def read(lake: Lake) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [*WARNING_ASSETS],
        resources={"lake": LakeResource(uri=lake.uri)},
        run_config={"ops": {"warning": {"config": {"paths": 48, "seed": 3}}}},
    )


def test_factors_that_move_are_read_anew(lake: Lake, tmp_path: Path):
    assert isinstance(sensed(lake), dg.SkipReason)
    calm = kept(lake, written(tmp_path / "calm"))
    first = sensed(lake)
    assert isinstance(first, dg.SensorResult)
    assert [run.run_key for run in first.run_requests or []] == [calm]
    assert isinstance(sensed(lake, first.cursor), dg.SkipReason)
    read(lake)

    factors = ["factor_id,class,sigma0,adv", "EQ,EQ,0.03,1e11", "IR,IR,0.03,1e11"]
    wild = kept(lake, written(tmp_path / "wild", risk_factor=factors))
    then = sensed(lake, first.cursor)

    assert isinstance(then, dg.SensorResult)
    assert [run.run_key for run in then.run_requests or []] == [wild]
    read(lake)
    read(lake)
    readings = lake.scan("warning_readings").collect().sort("book_number")
    assert readings["snapshot_id"].to_list() == [calm, wild]
    # The same shocks on three times the volatility call three times as much.
    assert readings["need_usd"][1] == pytest.approx(3 * readings["need_usd"][0])
    assert readings["score"][1] >= readings["score"][0]
    assert lake.scan("early_warnings").collect().height == 2
