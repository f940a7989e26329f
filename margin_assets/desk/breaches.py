"""Limits of the house and their breaches as a sealed cycle left them, and their acknowledging."""

from collections.abc import Callable
from typing import Any

import polars as pl

from margin_assets.desk.acts import Act, Refused
from margin_assets.desk.found import named

Row = dict[str, Any]
Scan = Callable[[str], pl.LazyFrame]
"""Tables as of one sealed cycle."""


def limits(scan: Scan) -> pl.DataFrame:
    """Limits in force, each with how many of its breaches stand."""
    versions = scan("limits").sort("event_time", "cycle", "landed_at", "file_row")
    newest = versions.unique("limit_id", keep="last", maintain_order=True)
    standing = _newest(scan).filter(pl.col("state") != "cured")
    counts = standing.group_by("limit_id").agg(breaches=pl.len())
    found = newest.filter(pl.col("amount").is_not_null()).join(counts, on="limit_id", how="left")
    return found.with_columns(pl.col("breaches").fill_null(0)).sort("limit_id").collect()


def breaches(scan: Scan, *, cured_too: bool = False) -> pl.DataFrame:
    """The newest version of each breach that stands, the first found first."""
    found = _newest(scan)
    if not cured_too:
        found = found.filter(pl.col("state") != "cured")
    return found.sort("opened_at", "limit_id", "subject", "breach_id").collect()


def breach(scan: Scan, start: str) -> Row:
    """The newest version of the one breach whose id starts so.

    Raises:
        Refused: no breach's id starts so, or several do.
    """
    return named(_newest(scan), "breach_id", start, ("breach", "breaches")).row(0, named=True)


def acknowledgement(found: Row, reason: str | None) -> Act:
    """The act that acknowledges a breach, its newest version given.

    Raises:
        Refused: it is not open; the cycle would refuse it.
    """
    if found["state"] != "open":
        by = f" by {found['acknowledged_by']}" if found["state"] == "acknowledged" else ""
        raise Refused(f"breach {found['breach_id'][:12]} is {found['state']}{by}, not open")
    return Act("breach_acknowledge", found["breach_id"], reason)


def _newest(scan: Scan) -> pl.LazyFrame:
    versions = scan("limit_breaches").sort("breach_id", "version")
    return versions.unique("breach_id", keep="last", maintain_order=True)
