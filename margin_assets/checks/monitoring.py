"""Health of the monitor as checks of `cycles`: on demand here, by the live run and a sensor too.

Dagster resolves annotations when a check is built, so this module must not use
`from __future__ import annotations`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from margin_assets.assets.resources import LakeResource, LandingResource
from margin_assets.calendar import sessions
from margin_assets.lake.landing.landing import Landing
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.monitoring.health import Finding, Health, health, limits
from margin_assets.monitoring.observed import observed

LEDGER = "cycles"
SENTENCES = {
    "the_monitor_is_fresh": "While the exchange is open, seals and events are recent.",
    "landed_files_do_not_wait": "No landed file waits longer than the monitor takes to come to it.",
    "cycles_are_quick": "The recent cycles took no longer than they may.",
    "few_recent_rows_are_quarantined": "Few rows of the recent cycles could not be understood.",
    "no_refused_row_is_open": "Refused fills and cash movements are released or dismissed.",
}


def findings(found: Health) -> dict[str, Finding]:
    """The findings by the check that tells them."""
    told = (found.freshness, found.backlog, found.cycle_time, found.quarantine, found.refused)
    return dict(zip(SENTENCES, told, strict=True))


def evaluations(found: Health) -> Iterator[dg.AssetCheckEvaluation]:
    """The findings as events, for who is no asset check."""
    for name, finding in findings(found).items():
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(LEDGER),
            check_name=name,
            passed=finding.is_well,
            metadata=_metadata(finding),
            severity=dg.AssetCheckSeverity.WARN,
            blocking=False,
        )


def _metadata(finding: Finding) -> dict[str, Any]:
    figures = {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in finding.figures.items()
    }
    # What is not known is left out.
    return {"state": finding.state} | {n: v for n, v in figures.items() if v is not None}


def health_of(lake: Lake, landing: Landing, now: datetime) -> Health:
    """The verdict on the monitor of a lake, told without a session.

    The landing sensor answers within seconds: what landed just now is no backlog yet.
    """
    seen = observed(lake, Ledger(lake), landing.entries(), now, is_attended=True)
    return health(seen, limits(), sessions())


@dg.multi_asset_check(
    specs=[dg.AssetCheckSpec(n, asset=LEDGER, description=s) for n, s in SENTENCES.items()],
    can_subset=True,
)
def monitor_is_well(
    context: dg.AssetCheckExecutionContext, lake: LakeResource, landing: LandingResource
) -> Iterator[dg.AssetCheckResult]:
    """The monitor as it stands now."""
    found = findings(health_of(lake.created(), landing.landing(), datetime.now(UTC)))
    for key in sorted(context.selected_asset_check_keys):
        finding = found[key.name]
        yield dg.AssetCheckResult(
            passed=finding.is_well,
            check_name=key.name,
            asset_key=key.asset_key,
            severity=dg.AssetCheckSeverity.WARN,
            metadata=_metadata(finding),
        )


MONITORING = (monitor_is_well,)
