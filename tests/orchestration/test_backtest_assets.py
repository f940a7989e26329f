"""Backtests as assets: one year under one policy a partition."""

from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from margin_assets.assets.backtest import BACKTEST_ASSETS
from margin_assets.assets.resources import LakeResource
from margin_assets.lake.store.store import Lake
from tests.support.backtests import days
from tests.support.empty_lake import created


@pytest.fixture
def history(tmp_path: Path) -> str:
    rng = np.random.default_rng(7)
    lines = ["Date,SPY,S0,S1"]
    closes = np.array([300.0, 50.0, 70.0])
    for day in days(300):
        closes = closes * (1 + rng.normal(0, 0.02, 3))
        lines.append(",".join([str(day), *(f"{close:.2f}" for close in closes)]))
    (tmp_path / "closes.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "history.toml").write_text(
        'name = "small"\ntitle = "t"\nsource = "s"\nbenchmark = "SPY"\n'
        '[[file]]\npath = "closes.csv"\nkind = "wide_closes"\n'
    )
    return str(tmp_path)


def made(lake: Lake, history: str, year: str) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        BACKTEST_ASSETS,
        partition_key=dg.MultiPartitionKey({"policy": "built-in", "year": year}),
        resources={"lake": LakeResource(uri=lake.uri)},
        run_config={
            "ops": {"backtest_runs_by_year": {"config": {"history": history, "accounts": 9}}}
        },
        raise_on_error=False,
    )


def test_a_partition_runs_its_year_once(history: str, tmp_path: Path):
    lake = created(Lake(str(tmp_path / "lake")))

    first, again = made(lake, history, "2021"), made(lake, history, "2021")

    (run,) = lake.scan("backtest_runs").collect().rows(named=True)
    assert (run["policy"], run["first_date"].year, run["last_date"].year) == (
        "built-in",
        2021,
        2021,
    )
    new = [
        event.step_materialization_data.materialization.metadata["is_new"].value
        for event in (*first.get_asset_materialization_events(),)
    ]
    old = [
        event.step_materialization_data.materialization.metadata["is_new"].value
        for event in again.get_asset_materialization_events()
    ]
    assert any(new)
    assert not any(old)


def test_a_year_that_the_history_has_not_is_named(history: str, tmp_path: Path):
    failed = made(created(Lake(str(tmp_path / "lake"))), history, "1995")

    assert not failed.success
    (failure,) = [event for event in failed.all_events if event.is_step_failure]
    assert "has no session from 1995-01-01" in str(failure.step_failure_data.error)
