"""Notices a monitor that is dead, stuck or behind, which cannot say so itself.

Dagster resolves annotations when a sensor is built, so this module must not use
`from __future__ import annotations`.
"""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg

from jobs.live_margin import a_live_run_is_alive
from margin_assets.assets.resources import LakeResource, LandingResource
from margin_assets.checks import monitoring
from margin_assets.monitoring.health import Health
from sensors.alerts import Alerts

# An unchanged verdict is told again so often, so that the UI shows that somebody looks.
_AGAIN = timedelta(minutes=10)


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Evaluates the monitor's health when no live run does, and alerts when it breaks.",
)
def health_sensor(
    context: dg.SensorEvaluationContext,
    lake: LakeResource,
    landing: LandingResource,
    alerts: Alerts,
) -> dg.SensorResult | dg.SkipReason:
    """Tells a verdict that is new, and alerts about what is broken at two ticks in a row.

    A live run tells how it stands itself, after its cycles. One that hangs does not: so what is
    broken is told and alerted even while a run is alive. The cursor is what the last tick found.
    """
    store = lake.lake()
    if not store.is_created():
        return dg.SkipReason("No lake yet.")
    now = datetime.now(UTC)
    found = monitoring.health_of(store, landing.landing(), now)
    before = Tick.of(context.cursor)
    tick = before.next(found, now)
    for name in sorted(tick.alerted - before.alerted):
        finding = monitoring.findings(found)[name]
        figures = ", ".join(f"{key} {value}" for key, value in finding.figures.items())
        alerts.send(f"the monitor is {finding.state}", f"{name} does not hold: {figures}")
    is_told_elsewhere = not tick.broken and a_live_run_is_alive(context.instance)
    is_due = tick.told_at != before.told_at and not is_told_elsewhere
    return dg.SensorResult(
        asset_events=list(monitoring.evaluations(found)) if is_due else [],
        skip_reason=dg.SkipReason(f"The monitor is {found.state}."),
        cursor=json.dumps(asdict(tick), default=list),
    )


@dataclass(frozen=True)
class Tick:
    """What a tick found."""

    states: dict[str, str]
    """State of each check."""
    broken: frozenset[str]
    """Checks that do not hold; of a lake in which nothing was ever sealed, none."""
    alerted: frozenset[str]
    """Those of them that were alerted about and are broken since."""
    told_at: str
    """When a verdict was told last, RFC 3339; empty before."""

    @classmethod
    def of(cls, cursor: str | None) -> "Tick":
        """The tick before; an empty one before the first."""
        held = json.loads(cursor or "{}")
        broken, alerted = (frozenset(held.get(name, ())) for name in ("broken", "alerted"))
        return cls(held.get("states", {}), broken, alerted, held.get("told_at", ""))

    def next(self, found: Health, now: datetime) -> "Tick":
        """The tick that finds this."""
        told = monitoring.findings(found)
        states = {name: finding.state for name, finding in told.items()}
        broken = frozenset(name for name, finding in told.items() if not finding.is_well)
        broken = frozenset() if "empty" in found.states else broken
        is_due = not self.told_at or now - datetime.fromisoformat(self.told_at) >= _AGAIN
        told_at = now.isoformat() if is_due or states != self.states else self.told_at
        return Tick(states, broken, broken & (self.broken | self.alerted), told_at)
