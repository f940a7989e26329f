import logging
from types import SimpleNamespace
from typing import Any

import boto3
import dagster as dg
import pytest
from botocore.exceptions import EndpointConnectionError

from jobs.live_margin import live_margin
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.store import faults
from margin_assets.live.session.session import CycleResult, Session
from margin_assets.scenarios.batch import FEED_SCHEMAS, Batch, write_batch
from sensors import landing
from sensors.alerts import Alerts
from sensors.failures import failed_checks
from sensors.landing import landing_sensor
from sensors.notices import notice_sensor
from sensors.reference_data import business_date_sensor, rates_date_sensor
from tests.support.empty_lake import created
from tests.support.places import Place
from tests.support.rates_rows import NOW, frame, position
from tests.support.told_lake import ToldLake, decision

# Dagster copies sensors with a parameter that it calls beta itself.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer `Sensor")


def tick(
    sensor: dg.SensorDefinition,
    place: Place,
    instance: dg.DagsterInstance,
    cursor: str | None = None,
) -> Any:
    wanted = {
        name: resource
        for name, resource in place.resources().items()
        if name in sensor.required_resource_keys
    }
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, resources=wanted, definitions=place.defs()
    ) as context:
        return sensor(context)


def seal(place: Place) -> list[CycleResult]:
    created(place.lake)
    return list(Session(place.lake).run(LocalLanding(place.landing), until_idle=True))


def add_run(
    instance: dg.DagsterInstance, status: dg.DagsterRunStatus, tags: dict[str, str]
) -> None:
    instance.create_run_for_job(live_margin, status=status, tags=tags)


def test_nothing_landed_is_nothing_to_do(place: Place, instance: dg.DagsterInstance):
    assert isinstance(tick(landing_sensor, place, instance), dg.SkipReason)
    assert not place.lake.is_created()


def test_a_live_service_is_left_alone(
    place: Place, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
):
    place.land(1)
    monkeypatch.setattr(landing, "is_served", lambda _lake, _now: True)

    assert "holds the lease" in tick(landing_sensor, place, instance).skip_message


def test_a_landing_requests_one_live_run(place: Place, instance: dg.DagsterInstance):
    place.land(1)

    result = tick(landing_sensor, place, instance)

    (request,) = result.run_requests
    assert request.tags == {"margin/live": "lake"}
    assert result.cursor == "1"


def test_what_is_sealed_requests_nothing(place: Place, instance: dg.DagsterInstance):
    place.land(1)
    seal(place)

    assert isinstance(tick(landing_sensor, place, instance), dg.SkipReason)


def test_a_file_outside_the_feeds_is_not_a_reason_for_ever(
    place: Place, instance: dg.DagsterInstance
):
    place.land(1)
    (place.landing / "notes").mkdir()
    (place.landing / "notes" / "readme.md").write_text("hello")
    seal(place)

    assert isinstance(tick(landing_sensor, place, instance), dg.SkipReason)


def test_a_plan_left_open_requests_a_run(place: Place, instance: dg.DagsterInstance):
    place.land(1)
    created(place.lake)

    def die(name: str) -> None:
        if name == "planned":
            raise KeyboardInterrupt

    faults.arm(die)
    with pytest.raises(KeyboardInterrupt):
        list(Session(place.lake).run(LocalLanding(place.landing), until_idle=True))
    faults.arm(None)

    (request,) = tick(landing_sensor, place, instance).run_requests
    assert request.run_key == "plan 1 attempt 1"


@pytest.mark.parametrize(
    "status",
    [
        dg.DagsterRunStatus.NOT_STARTED,
        dg.DagsterRunStatus.STARTING,
        dg.DagsterRunStatus.STARTED,
    ],
)
def test_while_a_live_run_is_alive_none_is_requested(
    place: Place, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
):
    place.land(1)
    add_run(instance, status, {"margin/live": "lake"})

    assert isinstance(tick(landing_sensor, place, instance), dg.SkipReason)


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE])
def test_after_a_run_has_ended_the_next_attempt_has_its_own_key(
    place: Place, instance: dg.DagsterInstance, status: dg.DagsterRunStatus
):
    place.land(1)
    first = tick(landing_sensor, place, instance)
    add_run(instance, status, {"margin/live": "lake"})

    second = tick(landing_sensor, place, instance, cursor=first.cursor)

    assert second.run_requests[0].run_key != first.run_requests[0].run_key


def test_a_run_that_validates_does_not_hold_up_the_next(place: Place, instance: dg.DagsterInstance):
    place.land(1)
    add_run(instance, dg.DagsterRunStatus.STARTED, {"margin/live": "handed-over"})

    assert tick(landing_sensor, place, instance).run_requests


def test_a_session_that_cannot_start_is_left_alone_for_a_while(
    place: Place, instance: dg.DagsterInstance
):
    place.land(1)
    for _ in range(3):
        add_run(instance, dg.DagsterRunStatus.FAILURE, {"margin/live": "lake"})

    assert isinstance(tick(landing_sensor, place, instance), dg.SkipReason)


def test_closed_business_dates_are_requested_once(place: Place, instance: dg.DagsterInstance):
    assert isinstance(tick(business_date_sensor, place, instance), dg.SkipReason)
    place.land(1)
    seal(place)

    first = tick(business_date_sensor, place, instance)
    again = tick(business_date_sensor, place, instance, cursor=first.cursor)

    assert [r.partition_key for r in first.run_requests] == ["2020-01-02"]
    assert isinstance(again, dg.SkipReason)
    assert again.skip_message == "No business date has closed."


def test_several_closed_dates_are_one_run(place: Place, instance: dg.DagsterInstance):
    place.land(4)
    seal(place)

    (request,) = tick(business_date_sensor, place, instance, cursor="2020-01-02").run_requests

    assert request.tags == {
        "dagster/asset_partition_range_start": "2020-01-03",
        "dagster/asset_partition_range_end": "2020-01-07",
    }


def test_closed_dates_of_a_rates_book_are_requested_where_one_landed(
    place: Place, instance: dg.DagsterInstance
):
    place.land(1)
    seal(place)
    none = tick(rates_date_sensor, place, instance)
    feed = "rates_positions"
    held = frame(feed, [position("T", 1e6)]).select(FEED_SCHEMAS[feed].names())
    write_batch(Batch(NOW, {feed: held}), place.landing, 1)
    seal(place)

    assert none.skip_message == "Nothing of the rates book has landed."
    found = tick(rates_date_sensor, place, instance, cursor="2026-01-26")
    assert [r.partition_key for r in found.run_requests] == ["2026-01-27"]


class Sent(Alerts):
    def send(self, subject: str, message: str) -> None:
        logging.getLogger("sent").error("%s | %s", subject, message)


def test_a_failed_blocking_check_is_an_alert_once(
    instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
):
    @dg.op
    def judge(context: dg.OpExecutionContext) -> None:
        for passed, blocking in ((True, True), (False, False), (False, True)):
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=dg.AssetKey("margin_summary"),
                    check_name=f"passed_{passed}_blocking_{blocking}",
                    passed=passed,
                    metadata={"accounts": 2, "first": dg.MetadataValue.json([{"id": "A"}])},
                    blocking=blocking,
                )
            )

    @dg.job
    def judging() -> None:
        judge()

    judging.execute_in_process(instance=instance)
    with dg.build_sensor_context(instance=instance, resources={"alerts": Sent()}) as context:
        result = failed_checks(context)
    assert isinstance(result, dg.SensorResult)
    with dg.build_sensor_context(
        instance=instance, resources={"alerts": Sent()}, cursor=result.cursor
    ) as context:
        failed_checks(context)

    (sent,) = [r.getMessage() for r in caplog.records if r.name == "sent"]
    subject, told = sent.split(" | ")
    assert subject == "passed_False_blocking_True of margin_summary failed"
    assert told.split(": ", 1)[1] == "accounts 2, first [{'id': 'A'}]"


def test_an_alert_without_a_topic_goes_to_the_log(caplog: pytest.LogCaptureFixture):
    Alerts().send("live_margin failed", "run 1")

    assert "live_margin failed: run 1" in caplog.text


@pytest.mark.parametrize("fails", [False, True])
def test_an_alert_goes_to_its_topic(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fails: bool
):
    published = []

    def publish(**arguments: str) -> None:
        if fails:
            raise EndpointConnectionError(endpoint_url="https://sns")
        published.append(arguments)

    monkeypatch.setattr(boto3, "client", lambda *_a, **_k: SimpleNamespace(publish=publish))

    Alerts(topic_arn="arn:aws:sns:us-east-1:1:alerts").send("s" * 200, "m")

    assert [len(p["Subject"]) for p in published] == ([] if fails else [100])
    assert ("not delivered" in caplog.text) is fails


def test_messages_are_sent_once_and_told_to_dagster(place: Place, instance: dg.DagsterInstance):
    assert isinstance(tick(notice_sensor, place, instance), dg.SkipReason)
    ToldLake(place.folder).seal(decisions=[decision("A"), decision("B")])

    result = tick(notice_sensor, place, instance)

    (event,) = result.asset_events
    assert event.asset_key == dg.AssetKey("notifications")
    assert {event.metadata[name].value for name in ("written", "sent")} == {2}
    assert len(list((place.folder / "outbox").iterdir())) == 2
    assert isinstance(tick(notice_sensor, place, instance), dg.SkipReason)
