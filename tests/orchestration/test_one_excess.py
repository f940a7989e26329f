"""One covered call in the firm: the blocking checks of the daily run hold, and the firm is summed.

The case of a public report, and checks of the sealed lake beside it.
"""

import json
import os
from datetime import datetime
from decimal import Decimal
from typing import Any

import dagster as dg
import polars as pl
import pytest

from margin_assets.lake.landing.landing import LocalLanding
from margin_assets.live.session.session import Session
from tests.support.empty_lake import created
from tests.support.places import Place

# Dagster copies sensors with a parameter that it calls beta itself.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `owners` of initializer `Sensor")

BEFORE, AT, DAY = "2026-03-02T14:00:00Z", "2026-03-02T15:00:00Z", "2026-03-02"
CALL = "S C110"
OPTION = {"underlying": "S", "right": "call", "strike": 110, "expiry": "2026-04-17"}
OPTION |= {"style": "american", "multiplier": 100, "asset_class": "option"}
FEEDS: dict[str, list[dict[str, Any]]] = {
    "accounts": [{"account_id": "A", "account_type": "reg_t", "opened_on": "2020-01-01"}],
    "instruments": [
        {"symbol": "S", "asset_class": "equity", "leverage": 1, "marginable": True},
        {"symbol": CALL, "marginable": True} | OPTION,
    ],
    "rates": [{"name": "risk_free", "rate_annual": 0.04}],
    "betas": [{"symbol": "S", "beta": 1, "as_of_date": DAY}],
    "cash_movements": [
        {"movement_id": "m1", "account_id": "A", "amount": 60000, "kind": "deposit"}
    ],
    "prices": [{"symbol": "S", "price": 100}, {"symbol": CALL, "price": 3.10}],
    "fills": [
        {"fill_id": "f1", "account_id": "A", "symbol": "S", "quantity": 500, "price": 100},
        {"fill_id": "f2", "account_id": "A", "symbol": CALL, "quantity": -5, "price": 3.10},
    ],
}
LATER = ("prices", "fills")
LANDED = datetime.fromisoformat("2026-03-03T14:00:00Z").timestamp()


@pytest.fixture
def covered(place: Place) -> Place:
    for feed, rows in FEEDS.items():
        when = AT if feed in LATER else BEFORE
        timed = rows if feed == "betas" else [row | {"event_time": when} for row in rows]
        file = place.landing / feed / "0.ndjson"
        file.parent.mkdir(parents=True)
        file.write_text("".join(json.dumps(row) + "\n" for row in timed))
        os.utime(file, (LANDED, LANDED))
    created(place.lake)
    assert len(list(Session(place.lake).run(LocalLanding(place.landing), until_idle=True)))
    assert place.lake.scan("quarantine").collect().is_empty()
    return place


def test_a_covered_call_stops_no_daily_run(covered: Place, instance: dg.DagsterInstance):
    job = covered.defs().resolve_job_def("daily_margin")

    result = job.execute_in_process(instance=instance, partition_key=DAY)

    assert result.success
    found = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    assert found["stress_at_zero_is_the_summary"]
    assert all(found.values())
    for prefix in ("", "daily/"):
        summary = covered.lake.scan(f"{prefix}margin_summary").collect()
        still = covered.lake.scan(f"{prefix}stress_results").filter(pl.col("move") == 0).collect()
        # 61,550 of equity, 25% of 50,000.
        assert summary["excess"].to_list() == [Decimal("49050.00")]
        assert still["excess"].to_list() == still["excess_held"].to_list() == [Decimal("49050.00")]
        assert not covered.lake.scan(f"{prefix}firm_risk").collect().is_empty()


def test_rules_over_tables_without_history_are_asked_of_the_sealed_lake(
    covered: Place, instance: dg.DagsterInstance
):
    names = {
        "every_account_stands_somewhere": "enforcement_state",
        "open_calls_add_up": "reg_t_calls",
    }
    keys = [dg.AssetCheckKey(dg.AssetKey(asset), name) for name, asset in names.items()]
    job = dg.define_asset_job("ask", selection=dg.AssetSelection.checks(*keys))
    defs = dg.Definitions.merge(covered.defs(), dg.Definitions(jobs=[job]))

    result = defs.resolve_job_def("ask").execute_in_process(instance=instance)

    found = {e.check_name: e.passed for e in result.get_asset_check_evaluations()}
    assert found == dict.fromkeys(names, True)
