"""The rates book by business date: a backfill in one run gives the closes of the live days."""

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from margin_assets.calendar import sessions
from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.live.session.session import Session
from margin_assets.scenarios import scenario, write_batch
from margin_assets.valuation.rates_book import RATES_TABLES
from tests.support.empty_lake import created
from tests.support.places import Place, instance_at

# Dagster copies sensors with a parameter that it calls beta itself.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer `Sensor")
RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
SESSIONS = 7

Backfilled = tuple[Place, dg.ExecuteInProcessResult]


@pytest.fixture(scope="module")
def backfilled(tmp_path_factory: pytest.TempPathFactory) -> Backfilled:
    """The first days of 2022, a cycle each, and one run over their dates."""
    place = Place(tmp_path_factory.mktemp("rates"))
    created(place.lake)
    session, landing = Session(place.lake), LocalLanding(place.landing)
    for number, batch in zip(range(SESSIONS), scenario("rates-2022").batches(), strict=False):
        write_batch(batch, place.landing, number)
        result = session.cycle(landing)
        assert result is not None
        place.live[batch.at.date().isoformat()] = result.frames
    days = sorted(place.live)
    with instance_at(tmp_path_factory.mktemp("backfill") / "dagster_home") as instance:
        job = place.defs().resolve_job_def("daily_rates")
        tags = dict(zip(RANGE, (days[0], days[-1]), strict=True))
        return place, job.execute_in_process(instance=instance, tags=tags)


def test_every_day_of_the_story_lands_by_its_close():
    known = sessions()
    closes = dict(zip(known.days, known.closes, strict=True))
    late = [
        batch.at
        for batch in scenario("rates-2022").batches()
        if int(batch.at.timestamp() * 1e6) > closes[batch.at.date()]
    ]

    assert late == []


def test_one_run_fills_every_date_and_its_checks_pass(backfilled: Backfilled):
    place, result = backfilled

    assert result.success
    evaluations = result.get_asset_check_evaluations()
    assert {e.check_name for e in evaluations} >= {
        "key_rates_sum_to_dv01",
        "discount_factors_fall",
        "forward_rates_are_within_bounds",
        "curves_give_back_their_quotes",
        *(f"{name}_obeys_its_schema" for name in RATES_TABLES),
    }
    assert [e.check_name for e in evaluations if not e.passed] == []
    dates = place.lake.scan("daily/desk_risk").select("business_date").unique().collect()
    assert dates.height == SESSIONS


@pytest.mark.parametrize("name", RATES_TABLES)
def test_its_closes_are_those_of_the_live_days(backfilled: Backfilled, name: str):
    place, _ = backfilled
    twin = place.lake.scan(f"daily/{name}").collect()
    for day, frames in place.live.items():
        of_day = twin.filter(pl.col("business_date").cast(str) == day)
        # The live day ends with its last row, the business date with the session.
        apart = ("cycle", "as_of")
        live = frames[name].drop(apart)
        ours = of_day.drop(*apart, "business_date")
        assert_frame_equal(ours.sort(live.columns), live.sort(live.columns), check_exact=True)
