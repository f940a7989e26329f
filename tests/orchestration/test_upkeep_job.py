"""Upkeep at night: asked for once, never beside a live run, and done on a real lake."""

import dagster as dg
import pytest

from jobs.live_margin import live_margin
from jobs.upkeep import nightly_upkeep
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.lake.upkeep.delta_log import log_of
from margin_assets.live.session.session import Session
from tests.support.empty_lake import created
from tests.support.places import Place

# Dagster copies sensors with a parameter that it calls beta itself.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer `Sensor")


def night(instance: dg.DagsterInstance) -> object:
    with dg.build_schedule_context(instance=instance) as context:
        return nightly_upkeep(context)


def test_a_night_asks_for_one_run_unless_a_live_run_is_alive(instance: dg.DagsterInstance):
    assert isinstance(night(instance), dg.RunRequest)
    instance.create_run_for_job(
        live_margin, status=dg.DagsterRunStatus.STARTED, tags={"margin/live": "lake"}
    )
    assert isinstance(night(instance), dg.SkipReason)


def test_a_session_goes_on_where_the_job_has_been(place: Place, instance: dg.DagsterInstance):
    place.land(1)
    created(place.lake)
    session = Session(place.lake)
    assert len(list(session.run(LocalLanding(place.landing), until_idle=True))) == 1

    job = place.defs().resolve_job_def("upkeep")
    assert job.execute_in_process(instance=instance).success
    assert len(log_of(place.lake, "positions").checkpoints) == 1
    place.land(2)

    assert session.cycle(LocalLanding(place.landing)) is not None
    assert Session(place.lake).ledger.last_sealed().cycle == 2
