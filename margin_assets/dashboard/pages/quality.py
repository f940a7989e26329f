"""The page of data quality: what came late, not at all, or could not be understood."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from margin_assets.dashboard.following import Follower
from margin_assets.dashboard.tables import Sealed, listed, plain

if TYPE_CHECKING:
    from margin_assets.lake.landing.places import LandingPlace

_SECONDS = 5.0
_RECENT = 100
_LISTED = 50
_EXAMPLE_BYTES = 200


def quality(sealed: Sealed, follower: Follower, landing: "LandingPlace") -> dict[str, Any]:
    """Health of the monitor, feeds, prices, refused rows and checks."""
    found: dict[str, Any] = sealed.for_a_while(
        "quality", _SECONDS, lambda: _looked(sealed, follower, landing)
    )
    return found | {"indeterminate": _indeterminate(follower)}


def _looked(sealed: Sealed, follower: Follower, landing: "LandingPlace") -> dict[str, Any]:
    return {
        "cycle": sealed.cycle(),
        "health": _health(follower, landing),
        "feeds": _feeds(sealed),
        "chain": _chain(follower),
        "landed_to_sealed": _landed_to_sealed(sealed, follower),
        "prices": _prices(sealed),
        "quarantine": _quarantine(sealed),
        "checks": _checks(follower),
    }


def _health(follower: Follower, landing: "LandingPlace") -> dict[str, Any]:
    """The verdict of `margin status` with its figures."""
    # These load the exchange calendar: a second that only this page needs.
    from margin_assets.calendar import sessions
    from margin_assets.lake.landing.places import is_there, landing_at
    from margin_assets.lake.ledger.ledger import Ledger
    from margin_assets.monitoring.health import health, limits
    from margin_assets.monitoring.observed import observed

    now, lake = datetime.now(UTC), follower.lake
    entries = list(landing_at(landing).entries()) if is_there(landing) else None
    is_attended = follower.figures.source == "live"
    seen = observed(lake, Ledger(lake), entries, now, is_attended=is_attended)
    verdict = health(seen, limits(), sessions())
    findings = ("freshness", "backlog", "cycle_time", "quarantine", "refused")
    parts = {name: getattr(verdict, name) for name in findings}
    return {
        "states": list(verdict.states),
        "cycle_seconds": list(seen.cycle_seconds),
        **{name: plain({"state": f.state, **f.figures}) for name, f in parts.items()},
    }


def _feeds(sealed: Sealed) -> list[dict[str, Any]]:
    """Each feed: its last landing, and what became of its rows, of late and in all.

    The usual gap is the median of those between its last landings: no feed declares one.
    """
    now = datetime.now(UTC)
    files = sealed.rows("landed_files")
    if files.is_empty():
        return []
    is_recent = pl.col("cycle") > sealed.cycle() - _RECENT
    counts = ("rows_read", "rows_accepted", "rows_quarantined", "rows_late", "rows_duplicate")
    found = (
        files.group_by("feed")
        .agg(
            last_landed_at=pl.col("landed_at").max(),
            files=pl.len(),
            # Files of one landing time came together.
            usual_seconds=pl.col("landed_at").unique().sort().tail(_RECENT).diff().median(),
            recent_rows=pl.col("rows_read").filter(is_recent).sum(),
            **{name: pl.col(name).sum() for name in counts},
        )
        .with_columns(
            pl.col("usual_seconds").dt.total_microseconds() / 1e6,
            age_seconds=(now - pl.col("last_landed_at")).dt.total_microseconds() / 1e6,
        )
        .sort("rows_quarantined", "feed", descending=[True, False])
    )
    return listed(found)


def _chain(follower: Follower) -> dict[str, Any]:
    """To which cycle every link of the chain of seals holds, and where it is broken."""
    cycle, broken = follower.chain.step()
    told = None if broken is None else {"cycle": broken.cycle, "what": broken.what}
    return {"cycle": cycle, "broken": told}


def _landed_to_sealed(sealed: Sealed, follower: Follower) -> dict[str, Any]:
    """Seconds from the landing of a file to the seal of its cycle, over the recent cycles."""
    from margin_assets.lake.ledger.cycle_times import cycle_times

    times = pl.DataFrame(
        [(t.cycle, t.sealed_at) for t in cycle_times(follower.lake, _RECENT)],
        schema={"cycle": pl.Int64, "sealed_at": pl.Datetime("us", "UTC")},
        orient="row",
    )
    files = sealed.rows("landed_files", pl.col("cycle") > sealed.cycle() - _RECENT)
    took = files.join(times, on="cycle", how="inner").select(
        seconds=(pl.col("sealed_at") - pl.col("landed_at")).dt.total_microseconds() / 1e6
    )["seconds"]
    if took.is_empty():
        return {"files": 0, "p50": None, "p99": None}
    p50, p99 = (took.quantile(q, "higher") for q in (0.5, 0.99))
    return {"files": len(took), "p50": p50, "p99": p99}


def _prices(sealed: Sealed) -> list[dict[str, Any]]:
    """Names whose mark is not fresh, by what depends on it."""
    held = sealed.rows("positions", pl.col("price_state") != "fresh")
    if held.is_empty():
        return []
    found = (
        held.group_by("symbol", "price_state")
        .agg(
            price_time=pl.col("price_time").max(),
            accounts=pl.col("account_id").n_unique(),
            gross_value=pl.col("market_value").abs().sum(),
        )
        .sort("gross_value", "symbol", descending=[True, False], nulls_last=True)
    )
    return listed(found.head(_LISTED))


def _quarantine(sealed: Sealed) -> list[dict[str, Any]]:
    """Open refused rows by feed and reason, with the newest of each as an example."""
    closed = sealed.rows("quarantine_closings")["quarantine_id"]
    rows = sealed.rows("quarantine").filter(~pl.col("quarantine_id").is_in(closed.implode()))
    if rows.is_empty():
        return []
    found = (
        rows.sort("cycle", "path", "file_row")
        .group_by("feed", "reasons", maintain_order=True)
        .agg(
            rows=pl.len(),
            first_cycle=pl.col("cycle").min(),
            last_cycle=pl.col("cycle").max(),
            path=pl.col("path").last(),
            file_row=pl.col("file_row").last(),
            quarantine_id=pl.col("quarantine_id").last(),
            detail=pl.col("detail").last(),
            example=pl.col("raw").last().bin.slice(0, _EXAMPLE_BYTES),
        )
        .sort("rows", "feed", "reasons", descending=[True, False, False])
    )
    return listed(found.head(_LISTED))


def _checks(follower: Follower) -> list[dict[str, Any]] | None:
    """Expectations of each table's newest version that was validated; None where none was."""
    results = follower.lake.read("validation_results", lambda: _newest_results(follower))
    return listed(results.head(_LISTED)) if results.height else None


def _newest_results(follower: Follower) -> pl.LazyFrame:
    rows = follower.lake.scan("validation_results")
    of_table = pl.col("table_version").max().over("table_name", "partition")
    newest = rows.filter(pl.col("table_version") == of_table)
    return newest.sort("success", "table_name", "partition", "expectation")


def _indeterminate(follower: Follower) -> list[dict[str, Any]]:
    """How many accounts lack which inputs, most first."""
    held = follower.figures.accounts.filter("is_indeterminate")
    counts = held.group_by("reasons").agg(
        accounts=pl.len(), requirement=pl.col("governing_requirement").sum()
    )
    ordered = counts.sort("accounts", "reasons", descending=[True, False])
    return ordered.head(_LISTED).to_dicts()
