"""When cycles were planned and sealed: from the commit log of the ledger, never from its rows.

The rows of `cycles` hold no clock reading, so that a replay gives the same bytes. The log keeps
when each commit was made, as long as the log is kept.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.store.store import Lake

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Commits of upkeep lie between those of cycles.
_UPKEEP = 32


class CycleTime(NamedTuple):
    """One sealed cycle by the clocks of the machines that planned and sealed it."""

    cycle: int
    planned_at: datetime | None
    """None where the log no longer reaches."""
    sealed_at: datetime

    @property
    def seconds(self) -> float | None:
        """From the plan to the seal; None if not known, or if the clocks disagree."""
        if self.planned_at is None or self.sealed_at < self.planned_at:
            return None
        return (self.sealed_at - self.planned_at).total_seconds()


def cycle_times(lake: Lake, cycles: int) -> list[CycleTime]:
    """The last `cycles` sealed cycles that the log still tells of, oldest first."""
    entries = lake.held("cycles").open().history(2 * cycles + _UPKEEP)
    made = {
        int(entry["ledger"]): _EPOCH + timedelta(milliseconds=entry["timestamp"])
        for entry in entries
        if "ledger" in entry
    }
    # Transaction 2n plans cycle n, 2n + 1 seals it.
    sealed = [
        CycleTime(number // 2, made.get(number - 1), made[number])
        for number in sorted(made)
        if number % 2
    ]
    return sealed[-cycles:]


def sealed_at(lake: Lake, sealed: Sealed) -> datetime | None:
    """When the last sealed cycle was sealed; None where the log does not tell, or of another."""
    times = cycle_times(lake, 1)
    return next((time.sealed_at for time in times if time.cycle == sealed.cycle), None)
