"""Backtests as assets: one year under one policy a partition."""

from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from margin_assets.assets.backtest import BACKTEST_ASSETS
from margin_assets.assets.resources import LakeResource
from margin_assets.backtest.asking import Asked, one_run
from margin_assets.backtest.policy import policy_of
from margin_assets.backtest.results.storing import tables_of
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


def told(result: dg.ExecuteInProcessResult, name: str) -> list[object]:
    events = result.get_asset_materialization_events()
    return [e.step_materialization_data.materialization.metadata[name].value for e in events]


def test_a_partition_goes_on_where_the_year_before_ended_and_runs_once(
    history: str, tmp_path: Path
):
    lake = created(Lake(str(tmp_path / "lake")))

    later = made(lake, history, "2021")  # nobody has walked 2020 yet
    earlier, again = made(lake, history, "2020"), made(lake, history, "2021")

    runs = lake.scan("backtest_runs").collect().sort("first_date")
    assert [(row["first_date"].year, row["last_date"].year) for row in runs.to_dicts()] == [
        (2020, 2020),
        (2021, 2021),
    ]
    walked = [{str(days(300)[0])}, {"none"}, {"none"}]
    assert [set(told(one, "walked_from")) for one in (later, earlier, again)] == walked
    assert any(told(later, "is_new"))
    assert not any(told(again, "is_new"))
    assert told(again, "first_unlike")[0] == {}
    # The two years are the two halves of one run.
    asked = Asked(history, None, "tempers", None, None, 9)
    (whole,) = tables_of(one_run(asked, policy_of("built-in")))["backtest_runs"].to_dicts()
    told_days = lake.scan("backtest_days").collect().sort("business_date")
    assert told_days.height == whole["sessions"]
    for column in ("calls", "account_days", "missed_sessions", "paid_in", "lost"):
        assert runs[column].sum() == whole[column], column
    assert told_days["calls_made"].sum() == whole["calls"] > 0


def test_a_corrected_history_decides_again_from_that_day_on(history: str, tmp_path: Path):
    lake = created(Lake(str(tmp_path / "lake")))
    made(lake, history, "2021")
    before = lake.scan("backtest_runs").collect()["run_id"][0]
    closes = tmp_path / "closes.csv"
    lines = closes.read_text().splitlines()
    day, *prices = lines[290].split(",")
    assert day.startswith("2021")
    lines[290] = ",".join([day, *(f"{0.9 * float(price):.2f}" for price in prices)])
    closes.write_text("\n".join(lines) + "\n")

    again = made(lake, history, "2021")

    # Up to the quarter before nothing is walked again; the session before looked a day ahead.
    assert told(again, "walked_from")[0] == "2021-01-04"
    assert told(again, "first_unlike")[0] == {before: lines[289].partition(",")[0]}
    year = [line for line in lines[1:289] if line.startswith("2021")]
    assert told(again, "untouched")[0] == {before: len(year)}


@pytest.mark.parametrize(
    ("year", "told"),
    [("1995", "has no session from None to 1995-12-31"), ("2022", "has no session in 2022")],
)
def test_a_year_that_the_history_has_not_is_named(
    history: str, year: str, told: str, tmp_path: Path
):
    failed = made(created(Lake(str(tmp_path / "lake"))), history, year)

    assert not failed.success
    (failure,) = [event for event in failed.all_events if event.is_step_failure]
    assert told in str(failure.step_failure_data.error)
