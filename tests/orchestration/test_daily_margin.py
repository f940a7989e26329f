import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from margin_assets.assets.margin import DAILY_ASSETS
from margin_assets.kernels.margin import requirements
from margin_assets.kernels.margin.margined import Margined
from schemas import TABLES
from tests.support.places import Place, instance_at

# Dagster copies sensors with a parameter that it calls beta itself.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer `Sensor")

Backfilled = tuple[Place, list[str], dg.ExecuteInProcessResult]
NAMES = [asset.key.path[-1] for asset in DAILY_ASSETS]
TRADED = "pattern_day_traders"
"""Rows of the days on which somebody trades."""
EMPTY = {"house_requirements", "breaks"}
"""No overlay is switched on, and the firm's own books have not landed."""
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@pytest.fixture(scope="module")
def backfilled(history: Place, tmp_path_factory: pytest.TempPathFactory) -> Backfilled:
    days = sorted(history.live)[1:4]
    with instance_at(tmp_path_factory.mktemp("backfill") / "dagster_home") as instance:
        job = history.defs().resolve_job_def("daily_margin")
        tags = dict(zip(RANGE, (days[0], days[-1]), strict=True))
        result = job.execute_in_process(instance=instance, tags=tags)
    return history, days, result


def daily(place: Place, name: str, day: str) -> pl.DataFrame:
    rows = place.lake.scan(f"daily/{name}").filter(pl.col("business_date").cast(str) == day)
    return rows.drop("business_date", "cycle").collect()


def test_one_run_fills_every_business_date(backfilled: Backfilled):
    place, days, result = backfilled

    assert result.success
    assert len(days) == 3
    for name in NAMES:
        filled = {e.partition for e in result.asset_materializations_for_node(name)}
        assert filled == set(days), name
        dates = place.lake.scan(f"daily/{name}").select(pl.col("business_date").cast(str))
        expected = set() if name in EMPTY else set(days)
        found = set(dates.collect().to_series())
        assert found <= expected if name == TRADED else found == expected, name


def test_every_check_of_a_backfill_passes(backfilled: Backfilled):
    _, _, result = backfilled
    evaluations = result.get_asset_check_evaluations()

    assert {e.check_name for e in evaluations} >= {f"{name}_obeys_its_schema" for name in NAMES}
    assert len(evaluations) == 26
    assert [e.check_name for e in evaluations if not e.passed] == []


def test_a_backfill_leaves_validation_results(backfilled: Backfilled):
    place, days, _ = backfilled
    results = place.lake.scan("validation_results").collect()

    assert set(results["table_name"]) == {f"daily/{name}" for name in NAMES}
    assert set(results["partition"]) == {f"{days[0]} to {days[-1]}"}
    assert results["success"].all()
    assert (place.folder / "docs" / "index.html").is_file()


@pytest.mark.parametrize(
    "name",
    [
        "positions",
        "account_state",
        "special_memorandum_accounts",
        "margin_summary",
        "stress_results",
        "reg_t_requirements",
        "tims_requirements",
        "firm_risk",
        "credit_exposures",
        "firm_concentrations",
    ],
)
def test_a_daily_close_is_what_the_live_session_had(backfilled: Backfilled, name: str):
    place, days, _ = backfilled
    order = list(TABLES[name].order)

    for day in days:
        live = place.live[day][name]
        expected = live.drop("cycle").sort([c for c in order if c != "cycle"])
        found = daily(place, name, day).sort([c for c in order if c != "cycle"])
        assert_frame_equal(
            found, expected, check_column_order=False, check_dtypes=False, check_exact=True
        )


def test_one_date_again_replaces_itself_and_nothing_else(
    backfilled: Backfilled, instance: dg.DagsterInstance
):
    place, days, _ = backfilled
    before = place.lake.scan("daily/margin_summary").collect()
    job = place.defs().resolve_job_def("daily_margin")

    # One table: the run over every date has shown that they come one from the other.
    (chosen,) = (asset.key for asset in DAILY_ASSETS if asset.key.path[-1] == "margin_summary")
    run = job.execute_in_process(instance=instance, partition_key=days[1], asset_selection=[chosen])

    assert run.success
    assert run.asset_materializations_for_node("margin_summary")

    after = place.lake.scan("daily/margin_summary").collect()
    assert_frame_equal(after, before, check_row_order=False)


def test_a_blocking_check_stops_what_is_downstream(
    history: Place, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    right = requirements.summary_of

    def wrong(era: Margined) -> pl.DataFrame:
        return right(era).with_columns(account_type=pl.lit("imaginary"))

    monkeypatch.setattr(requirements, "summary_of", wrong)
    defs, day = history.defs(), sorted(history.live)[4]
    # What the firm's risk and the checks of the summary are made of: the rest is beside it.
    read = ("firm_risk", "reg_t_requirements", "tims_requirements")
    made_of = dg.AssetSelection.assets(*read).upstream()
    chosen = made_of.resolve(defs.resolve_asset_graph()) & {asset.key for asset in DAILY_ASSETS}

    result = defs.resolve_job_def("daily_margin").execute_in_process(
        instance=instance, partition_key=day, asset_selection=sorted(chosen), raise_on_error=False
    )

    failed = [e.check_name for e in result.get_asset_check_evaluations() if not e.passed]
    assert not result.success
    assert failed == ["margin_summary_obeys_its_schema"]
    assert result.asset_materializations_for_node("margin_summary")
    written = {key.path[-1] for key in materialized(instance)}
    assert "firm_risk" not in written
    assert daily(history, "firm_risk", day).is_empty()


def materialized(instance: dg.DagsterInstance) -> list[dg.AssetKey]:
    return [
        key for key in instance.all_asset_keys() if instance.get_latest_materialization_event(key)
    ]
