from collections.abc import Iterator
from datetime import datetime
from typing import Any

import dagster as dg
import pytest

from jobs import reporting
from margin_assets.lake.ledger.ledger import AnotherSession, Ledger
from margin_assets.live.session.session import Session
from tests.support.places import Place, instance_at

# Dagster copies sensors with a parameter that it calls beta itself.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer `Sensor")

Ran = tuple[Place, dg.DagsterInstance, dg.ExecuteInProcessResult]
CONFIG = {"ops": {"monitor_landing": {"config": {"idle_seconds": 0.3}}}}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    place = Place(tmp_path_factory.mktemp("ran"))
    place.land(4)
    with instance_at(place.folder / "dagster_home") as instance:
        job = place.defs().resolve_job_def("live_margin")
        yield place, instance, job.execute_in_process(instance=instance, run_config=CONFIG)


def test_a_live_run_seals_and_tells_dagster(ran: Ran):
    place, instance, result = ran
    sealed = Ledger(place.lake).last_sealed()

    assert result.success
    materialization = instance.get_latest_materialization_event(dg.AssetKey("margin_summary"))
    event = materialization.asset_materialization
    assert event.partition == "2020-01-07"
    assert event.metadata["cycle"].value == sealed.cycle == 1
    assert event.metadata["table_version"].value == sealed.table_versions["margin_summary"]
    assert event.metadata["digest"].value == sealed.digests["margin_summary"]
    assert event.metadata["as_of"].value == sealed.as_of.isoformat()
    rows = place.lake.scan("margin_summary").collect().height
    assert event.metadata["dagster/row_count"].value == rows > 0


def test_every_table_written_has_a_materialization(ran: Ran):
    place, instance, _ = ran
    sealed = Ledger(place.lake).last_sealed()

    for name in (*sealed.counts, "cycles", "validation_results"):
        assert instance.get_latest_materialization_event(dg.AssetKey(name)), name
    landed = instance.get_latest_materialization_event(dg.AssetKey("fills"))
    assert landed.asset_materialization.partition is None


def evaluations(instance: dg.DagsterInstance, run_id: str) -> list[Any]:
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return [log.dagster_event.asset_check_evaluation_data for log in logs]


def test_checks_are_in_the_event_log(ran: Ran):
    _, instance, result = ran

    found = {e.check_name: e.passed for e in evaluations(instance, result.run_id)}

    assert len(found) == 29
    assert {
        "positions_obeys_its_schema",
        "reg_t_lines_add_up",
        "few_rows_are_quarantined",
        "the_store_answers",
    } <= set(found)
    assert all(found.values())


def test_the_checks_reported_are_checks_of_the_code_location(ran: Ran):
    place, instance, result = ran
    declared = place.defs().resolve_asset_graph().asset_check_keys

    reported = {
        dg.AssetCheckKey(e.asset_key, e.check_name) for e in evaluations(instance, result.run_id)
    }

    assert reported <= set(declared)


def test_after_the_loop_the_sealed_tables_are_validated(ran: Ran):
    place, instance, result = ran
    sealed = Ledger(place.lake).last_sealed()
    results = place.lake.scan("validation_results").collect()

    assert set(results["table_name"]) == set(sealed.table_versions)
    assert results["success"].all()
    assert (place.folder / "docs" / "index.html").is_file()
    # The next session may start while this one validates.
    assert instance.get_run_by_id(result.run_id).tags["margin/live"] == "handed-over"


def test_a_run_that_meets_another_session_steps_aside(
    place: Place, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    def rival(*_args: object, **_kwargs: object) -> None:
        raise AnotherSession("another session planned cycle 1")

    monkeypatch.setattr(Session, "run", rival)
    job = place.defs().resolve_job_def("live_margin")

    assert job.execute_in_process(instance=instance, run_config=CONFIG).success
    assert Ledger(place.lake).last_sealed() is None


def test_a_run_ends_after_its_time(place: Place, instance: dg.DagsterInstance):
    place.land(1)
    config = {"ops": {"monitor_landing": {"config": {"handover_seconds": 0.001}}}}
    job = place.defs().resolve_job_def("live_margin")

    assert job.execute_in_process(instance=instance, run_config=config).success


@pytest.mark.parametrize(
    ("as_of", "day"),
    [
        pytest.param("2020-03-16T20:00:00+00:00", "2020-03-16", id="at the close"),
        pytest.param("2020-03-16T13:30:00+00:00", "2020-03-16", id="at the opening"),
        pytest.param("2020-03-16T13:29:59+00:00", "2020-03-13", id="before the opening"),
        pytest.param("2020-03-15T15:00:00+00:00", "2020-03-13", id="on a Sunday"),
        pytest.param("2016-03-15T15:00:00+00:00", None, id="before the first partition"),
    ],
)
def test_business_date(as_of: str, day: str | None):
    assert reporting.business_date(datetime.fromisoformat(as_of)) == day
