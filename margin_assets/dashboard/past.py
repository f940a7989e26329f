"""What the server has seen since it began: excess by the minute, counts and totals by the cycle.

Kept by event time, so that a replay at any speed shows the same.
"""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from margin_assets.dashboard.figures import Figures

HOUR = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
_STEP = timedelta(minutes=1)
_POINTS = 1_500


@dataclass(frozen=True)
class _Minute:
    at: datetime
    excess: pl.Series
    level: pl.Series


class Past:
    """The last hour of every account's excess, and the day's totals. One writer, many readers."""

    def __init__(self) -> None:
        self._names = pl.Series([], dtype=pl.String)
        self._minutes: tuple[_Minute, ...] = ()
        self._totals: deque[dict[str, Any]] = deque(maxlen=_POINTS)

    def take(self, figures: Figures) -> None:
        """A newer cycle was sealed. Not called for one that is there."""
        if figures.as_of is None:
            return
        names = figures.accounts["account_id"]
        if not names.head(len(self._names)).equals(self._names):
            # A session that starts has its accounts in another order.
            self._minutes = ()
        self._names = names
        if not self._minutes or figures.as_of - self._minutes[-1].at >= _STEP:
            minute = _Minute(figures.as_of, figures.accounts["excess"], figures.accounts["level"])
            kept = [m for m in self._minutes if figures.as_of - m.at <= HOUR + _STEP]
            self._minutes = (*kept, minute)
        if self._totals and self._totals[-1]["at"] >= figures.as_of:
            # The same moment again, from another source.
            self._totals.pop()
        self._totals.append({"at": figures.as_of} | figures.totals | _worst(figures))

    def change(self, figures: Figures, over: timedelta = HOUR) -> pl.Series:
        """Change of each account's excess over a time, cents; over less where less was seen.

        Null for an account that was not there, and where nothing older was seen.
        """
        now = figures.accounts["excess"]
        if figures.as_of is None or not self._minutes:
            return pl.Series([None] * len(now), dtype=pl.Int64)
        past = [m for m in self._minutes if figures.as_of - m.at >= over]
        then = past[-1] if past else self._minutes[0]
        if then.at >= figures.as_of:
            return pl.Series([None] * len(now), dtype=pl.Int64)
        missing = len(now) - len(then.excess)
        before = then.excess.extend_constant(None, missing) if missing > 0 else then.excess
        return now - before.head(len(now))

    def moved(self, figures: Figures) -> tuple[datetime, list[tuple[int, int, int]]] | None:
        """Accounts by level an hour ago (less where less was seen) and now: how many of each.

        None where nothing older was seen.
        """
        then = self._minutes[0] if self._minutes else None
        if then is None or figures.as_of is None or then.at >= figures.as_of:
            return None
        now = figures.accounts["level"].head(len(then.level))
        pairs = pl.DataFrame({"before": then.level.head(len(now)), "now": now})
        counts = pairs.group_by("before", "now").len().sort("before", "now")
        return then.at, [(int(b), int(n), int(c)) for b, n, c in counts.rows()]

    def since(self) -> datetime | None:
        """When the oldest minute was seen."""
        return self._minutes[0].at if self._minutes else None

    def of_account(self, account: str) -> list[tuple[datetime, int]]:
        """Excess of one account at the minutes that were seen, oldest first."""
        place = self._names.index_of(account)
        if place is None:
            return []
        return [(m.at, m.excess[place]) for m in self._minutes if place < len(m.excess)]

    def totals(self) -> list[dict[str, Any]]:
        """Counts and sums of the cycles seen, oldest first."""
        return list(self._totals)

    def levels_before(self, at: datetime, age: timedelta = QUARTER) -> dict[str, int] | None:
        """Accounts by level a time ago; None where nothing that old was seen."""
        found = [t for t in self._totals if at - t["at"] >= age]
        return (
            found[-1]["levels"] | {"indeterminate": found[-1]["indeterminate"]} if found else None
        )


def _worst(figures: Figures) -> dict[str, Any]:
    """The firm's worst scenario by what customers would owe; None where none is known."""
    if not figures.firm:
        return {"worst": None}
    row = max(figures.firm, key=lambda r: (float(r["credit_exposure"]), -float(r["pnl"])))
    return {"worst": {n: row[n] for n in ("scenario", "pnl", "credit_exposure", "deficiency")}}
