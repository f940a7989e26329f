"""The monitor's health in Dagster: asked for, told by a live run, noticed by a sensor."""

import logging
import os
import socket
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from jobs.live_margin import live_margin
from margin_assets.assets.resources import MetricsResource
from margin_assets.calendar import sessions
from margin_assets.checks import monitoring
from margin_assets.lake.landing.backlog import Backlog
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.live.session.session import Session
from margin_assets.monitoring.health import Seen, health, limits
from sensors.alerts import Alerts
from sensors.health import Tick, health_sensor
from tests.support.empty_lake import created
from tests.support.places import Place

# Dagster copies sensors with a parameter that it calls beta itself.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer `Sensor")

NAMES = set(monitoring.SENTENCES)
NOON = datetime(2020, 3, 9, 16, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("sealed"))
    place.land(2)
    created(place.lake)
    list(Session(place.lake).run(LocalLanding(place.landing), until_idle=True))
    return place


def evaluations(instance: dg.DagsterInstance, run_id: str) -> list[Any]:
    logs = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    return [log.dagster_event.asset_check_evaluation_data for log in logs]


def test_the_checks_run_on_demand(sealed: Place, instance: dg.DagsterInstance):
    keys = [dg.AssetCheckKey(dg.AssetKey("cycles"), name) for name in NAMES]
    job = dg.define_asset_job("ask", selection=dg.AssetSelection.checks(*keys))
    defs = dg.Definitions.merge(sealed.defs(), dg.Definitions(jobs=[job]))

    result = defs.resolve_job_def("ask").execute_in_process(instance=instance)

    found = {e.check_name: e for e in evaluations(instance, result.run_id)}
    assert set(found) == NAMES
    assert all(e.passed for e in found.values())
    states = {name: e.metadata["state"].value for name, e in found.items()}
    assert states == {
        "the_monitor_is_fresh": "history",
        "landed_files_do_not_wait": "ok",
        "cycles_are_quick": "too_few_cycles",
        "few_recent_rows_are_quarantined": "ok",
        "no_refused_row_is_open": "ok",
    }
    assert found["cycles_are_quick"].metadata["p50"].value > 0


def test_one_check_runs_alone(sealed: Place, instance: dg.DagsterInstance):
    key = dg.AssetCheckKey(dg.AssetKey("cycles"), "cycles_are_quick")
    job = dg.define_asset_job("ask", selection=dg.AssetSelection.checks(key))
    defs = dg.Definitions.merge(sealed.defs(), dg.Definitions(jobs=[job]))

    result = defs.resolve_job_def("ask").execute_in_process(instance=instance)

    assert [e.check_name for e in evaluations(instance, result.run_id)] == ["cycles_are_quick"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def live_run(place: Place, instance: dg.DagsterInstance, port: int, **config: float) -> Any:
    defs = place.defs({"metrics": MetricsResource(port=port)})
    return defs.resolve_job_def("live_margin").execute_in_process(
        instance=instance,
        run_config={"ops": {"monitor_landing": {"config": {"idle_seconds": 0.2} | config}}},
    )


def test_a_live_run_tells_its_health_and_serves_it(
    place: Place, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    place.land(2)
    port, pages = free_port(), []
    of_session = Session.cycle

    def cycle(self: Session, landing: LocalLanding) -> object:
        result = of_session(self, landing)
        if result is None:
            pages.append(scraped(port))
        return result

    monkeypatch.setattr(Session, "cycle", cycle)
    monkeypatch.setattr("jobs.live_margin.validate_sealed", lambda *_: None)
    result = live_run(place, instance, port)

    found = evaluations(instance, result.run_id)
    assert {e.check_name for e in found} >= NAMES
    mine = [e for e in found if e.check_name in NAMES]
    # After the first cycle, and at the end.
    assert len(mine) == 2 * len(NAMES)
    assert {e.asset_key for e in mine} == {dg.AssetKey("cycles")}
    assert all(e.passed for e in mine)
    assert "margin_last_sealed_cycle 1.0" in pages[-1]
    assert 'margin_health{state="ok"} 1.0' in pages[-1]
    with pytest.raises(OSError, match="refused"):
        scraped(port)


def test_a_port_that_is_taken_does_not_stop_the_monitor(place: Place, instance: dg.DagsterInstance):
    created(place.lake)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = live_run(place, instance, port)

    said = [log.user_message for log in instance.all_logs(result.run_id)]
    assert result.success
    assert any(text.startswith(f"no metrics on 127.0.0.1:{port}") for text in said)


class Sent(Alerts):
    def send(self, subject: str, message: str) -> None:
        logging.getLogger("sent").error("%s | %s", subject, message)


def tick(place: Place, instance: dg.DagsterInstance, cursor: str | None = None) -> Any:
    resources = {name: place.resources()[name] for name in ("lake", "landing")}
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, resources=resources | {"alerts": Sent()}
    ) as context:
        return health_sensor(context)


def land_late(place: Place) -> None:
    """An empty file that has waited a minute, and that nobody takes."""
    late = place.landing / "prices" / "late.ndjson"
    late.write_text("")
    os.utime(late, (time.time() - 60,) * 2)


def test_without_a_lake_the_sensor_has_nothing_to_tell(place: Place, instance: dg.DagsterInstance):
    assert isinstance(tick(place, instance), dg.SkipReason)


def test_a_dead_monitor_is_noticed(
    place: Place, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
):
    place.land(1)
    created(place.lake)
    session = Session(place.lake)
    session.cycle(LocalLanding(place.landing))
    well = tick(place, instance)
    land_late(place)
    first = tick(place, instance, well.cursor)
    assert sent(caplog) == []
    second = tick(place, instance, first.cursor)
    third = tick(place, instance, second.cursor)
    session.cycle(LocalLanding(place.landing))
    mended = tick(place, instance, third.cursor)

    told = [
        {e.check_name for e in t.asset_events if not e.passed}
        for t in (well, first, second, third, mended)
    ]
    assert told == [set(), {"landed_files_do_not_wait"}, set(), set(), set()]
    assert [len(t.asset_events) for t in (well, first, second, third, mended)] == [
        len(NAMES) * told for told in (1, 1, 0, 0, 1)
    ]
    assert sent(caplog) == ["the monitor is behind"]


def sent(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage().split(" |")[0] for record in caplog.records if record.name == "sent"
    ]


def test_while_a_live_run_is_well_it_tells_itself(sealed: Place, instance: dg.DagsterInstance):
    tags, started = {"margin/live": "lake"}, dg.DagsterRunStatus.STARTED
    instance.create_run_for_job(live_margin, status=started, tags=tags)

    assert tick(sealed, instance).asset_events == []


def test_a_live_run_that_hangs_is_noticed(
    place: Place, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
):
    place.land(1)
    created(place.lake)
    session = Session(place.lake)
    session.cycle(LocalLanding(place.landing))
    tags, started = {"margin/live": "lake"}, dg.DagsterRunStatus.STARTED
    instance.create_run_for_job(live_margin, status=started, tags=tags)
    land_late(place)
    first = tick(place, instance)
    tick(place, instance, first.cursor)

    assert len(first.asset_events) == len(NAMES)
    assert sent(caplog) == ["the monitor is behind"]


def test_an_unchanged_verdict_is_told_again_after_a_while():
    found = health(Seen(NOON, 1, NOON, NOON, backlog=Backlog()), limits(), sessions())
    first = Tick.of(None).next(found, NOON)
    soon = first.next(found, NOON + timedelta(minutes=9))
    later = soon.next(found, NOON + timedelta(minutes=10))

    assert (soon.told_at == first.told_at, later.told_at == first.told_at) == (True, False)


def test_the_sensor_writes_its_events(sealed: Place, instance: dg.DagsterInstance):
    for event in tick(sealed, instance).asset_events:
        instance.report_runless_asset_event(event)
    key = dg.AssetCheckKey(dg.AssetKey("cycles"), "the_monitor_is_fresh")
    (record,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=5)

    assert record.event.dagster_event.asset_check_evaluation_data.passed
