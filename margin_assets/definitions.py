"""The composition root: the only definitions, and the only reader of the environment."""

import os
import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from jobs.avalanche import avalanche_runs, early_warning, nightly_avalanche
from jobs.backtest import backtest
from jobs.daily_margin import daily_margin
from jobs.daily_rates import daily_rates
from jobs.live_margin import live_margin
from jobs.upkeep import nightly_upkeep, upkeep
from margin_assets.assets.avalanche import AVALANCHE_ASSETS, WARNING_ASSETS
from margin_assets.assets.backtest import BACKTEST_ASSETS
from margin_assets.assets.declared import ENGINE, IO_MANAGER, linked
from margin_assets.assets.landed import LIVE_ONLY
from margin_assets.assets.margin import DAILY_ASSETS
from margin_assets.assets.rates import RATES_ASSETS
from margin_assets.assets.resources import (
    DailyTwins,
    EngineResource,
    LakeResource,
    LandingResource,
    MetricsResource,
    PostResource,
    ValidationResource,
)
from margin_assets.checks.arrivals import ARRIVALS
from margin_assets.checks.avalanche import AVALANCHE_LAWS
from margin_assets.checks.committed import COMMITTED
from margin_assets.checks.consistency import CONSISTENCY
from margin_assets.checks.monitoring import MONITORING
from margin_assets.checks.row_rules import ROW_RULES
from margin_assets.checks.store import STORE
from sensors.alerts import Alerts
from sensors.early_warning import early_warning_sensor
from sensors.failures import failed_checks, failed_runs
from sensors.health import health_sensor
from sensors.landing import landing_sensor
from sensors.notices import notice_sensor
from sensors.reference_data import business_date_sensor, rates_date_sensor

# Dagster 1.13 copies sensors with a parameter that it calls beta itself. Goes when it is quiet.
warnings.filterwarnings("ignore", "Parameter `owners` of initializer `Sensor", dg.BetaWarning)


_ASSETS: list[dg.AssetsDefinition | dg.AssetSpec] = [
    *DAILY_ASSETS,
    *RATES_ASSETS,
    *AVALANCHE_ASSETS,
    *WARNING_ASSETS,
    *BACKTEST_ASSETS,
    *LIVE_ONLY,
]


def build_defs(
    resource_overrides: Mapping[str, Any] | None = None, dashboard: str = ""
) -> dg.Definitions:
    """Everything of the code location; tests bring resources of their own.

    With the address of a dashboard each asset links to the page that shows it.
    """
    return dg.Definitions(
        assets=linked(_ASSETS, dashboard),
        asset_checks=[
            *ROW_RULES,
            *CONSISTENCY,
            *ARRIVALS,
            *MONITORING,
            *STORE,
            *COMMITTED,
            *AVALANCHE_LAWS,
        ],
        jobs=[
            live_margin,
            daily_margin,
            daily_rates,
            avalanche_runs,
            early_warning,
            backtest,
            upkeep,
        ],
        schedules=[nightly_upkeep, nightly_avalanche],
        sensors=[
            landing_sensor,
            business_date_sensor,
            rates_date_sensor,
            health_sensor,
            notice_sensor,
            early_warning_sensor,
            failed_runs,
            failed_checks,
        ],
        resources=_resources() | _pickled() | dict(resource_overrides or {}),
        executor=dg.in_process_executor,
    )


def _resources() -> dict[str, Any]:
    lake = os.environ.get("MARGIN_LAKE", "lake")
    return {
        IO_MANAGER: DailyTwins(lake_uri=lake),
        "lake": LakeResource(uri=lake),
        ENGINE: EngineResource(
            name=os.environ.get("MARGIN_ENGINE", "local"),
            address=os.environ.get("MARGIN_RAY_ADDRESS", ""),
        ),
        "landing": LandingResource(
            folder=os.environ.get("MARGIN_LANDING", "landing"),
            queue=os.environ.get("MARGIN_LANDING_QUEUE", ""),
        ),
        "metrics": MetricsResource(
            host=os.environ.get("MARGIN_METRICS_HOST", "127.0.0.1"),
            port=int(os.environ.get("MARGIN_METRICS_PORT", "0")),
        ),
        "validation": ValidationResource(docs=os.environ.get("MARGIN_DATA_DOCS", "")),
        "post": PostResource(
            outbox=os.environ.get("MARGIN_OUTBOX", "outbox"),
            contacts=os.environ.get("MARGIN_CONTACTS", ""),
        ),
        "alerts": Alerts(topic_arn=os.environ.get("MARGIN_ALERT_TOPIC", "")),
    }


def _pickled() -> dict[str, Any]:
    """What is no table between steps, where a run is a task without a disk of its own."""
    bucket = os.environ.get("ARTIFACTS_BUCKET", "")
    if not bucket:
        return {}
    from dagster_aws.s3 import S3PickleIOManager, S3Resource

    place = S3PickleIOManager(s3_resource=S3Resource(), s3_bucket=bucket, s3_prefix="io")
    return {"io_manager": place}


defs = build_defs(dashboard=os.environ.get("MARGIN_DASHBOARD", ""))
