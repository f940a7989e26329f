"""Rows of a delivery of which more is to come: accepted, and not evaluated before the rest is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from margin_assets.lake.ledger.sealed import SealedTables
from margin_assets.live.state.points import PointsOf, times_of
from schemas import FEEDS, feed_columns

AWAITS = "awaits"
"""In a manifest: the landing times of which a later plan has rows, and the cycle that began them.

A plan without it evaluates what it took, and all that was held before.
"""
_TIMES, _SINCE = "landed_at", "since"
_MANY = ("fills", "prices")
"""Feeds of which a delivery may be millions of rows: nothing asks where one of them came from."""


class HeldRows:
    """What cycles accepted without evaluating a grid point, since rows of its time were to come."""

    def __init__(self, manifest: Mapping[str, Any] | None = None) -> None:
        """Those that the last sealed cycle's manifest tells of."""
        self._feeds: dict[str, list[pl.DataFrame]] = {}
        self._take(manifest or {})

    def _take(self, manifest: Mapping[str, Any]) -> None:
        awaits = manifest.get(AWAITS, {})
        self.since: int | None = awaits.get(_SINCE)
        """The first cycle whose rows are held; None if none are."""
        self.times = [datetime.fromisoformat(at) for at in awaits.get(_TIMES, ())]
        """Landing times of which rows are still to come."""

    @property
    def count(self) -> int:
        """How many rows are held."""
        return sum(rows.height for parts in self._feeds.values() for rows in parts)

    def load(self, scan: SealedTables, points_of: PointsOf) -> None:
        """Reads the rows that are held."""
        if self.since is None:
            return
        is_held = pl.col("cycle") >= self.since
        for feed in FEEDS:
            rows = scan.in_landing_order(feed).filter(is_held).collect()
            if rows.height:
                rows = rows.with_columns(times_of(rows))
                points = pl.Series(points_of(rows), dtype=pl.Int64)
                rows = rows.drop("cycle").with_columns(point=points)
                self._feeds[feed] = [_lean(feed, rows)]

    def of(self, feed: str, *conditions: pl.Expr) -> pl.DataFrame | None:
        """The rows of a feed that fulfil the conditions; None if none are held."""
        parts = [rows.filter(*conditions) for rows in self._feeds.get(feed, [])]
        return _spelled(pl.concat(parts, how="diagonal")) if parts else None

    def with_those(self, feed: str, accepted: Mapping[str, pl.DataFrame]) -> pl.DataFrame | None:
        """The rows of a feed with those accepted now; None if there are none."""
        parts = [rows for rows in (self.of(feed), accepted.get(feed)) if rows is not None]
        return pl.concat(parts, how="diagonal") if parts else None

    def pass_on(
        self, feeds: Mapping[str, pl.DataFrame], manifest: Mapping[str, Any]
    ) -> dict[str, pl.DataFrame] | None:
        """All rows to evaluate now, first landed first; None if more of them is to come."""
        self._take(manifest)
        if self.since is None and not self._feeds:
            return dict(feeds)
        for feed, rows in feeds.items():
            self._feeds.setdefault(feed, []).append(_lean(feed, rows))
        if self.since is not None:
            return None
        held, self._feeds = self._feeds, {}
        ready = {}
        for feed in list(held):
            rows = pl.concat(held.pop(feed), how="diagonal")
            if feed == "prices":
                # Who sent it told repeated rows apart, and decides nothing.
                rows = rows.with_columns(source=pl.lit(None, pl.String))
            ready[feed] = _spelled(rows)
        return ready


def _lean(feed: str, rows: pl.DataFrame) -> pl.DataFrame:
    """What is evaluated of rows that may be held for long, names that repeat as codes."""
    if feed not in _MANY:
        return rows
    codes = pl.col(pl.String).exclude("fill_id", "corrects_fill_id").cast(pl.Categorical)
    return rows.select(*feed_columns(feed), "is_late", "point").with_columns(codes)


def _spelled(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with their names as text again."""
    return rows.with_columns(pl.col(pl.Categorical).cast(pl.String))


def awaiting(times: list[datetime], since: int) -> dict[str, Any]:
    """What a manifest says of the landing times of which rows are left to a later plan."""
    return {_TIMES: [at.astimezone(UTC).isoformat() for at in times], _SINCE: since}
