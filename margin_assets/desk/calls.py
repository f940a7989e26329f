"""Margin calls as a sealed cycle left them, and what people do about them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl

from margin_assets.calendar import calendar
from margin_assets.desk.acts import Act, Refused
from margin_assets.desk.found import named
from margin_assets.kernels.calls.call_frames import kind_of
from margin_assets.kernels.calls.call_rules import latest_extension
from margin_assets.kernels.numeric.money import to_instants
from margin_assets.kernels.rules.grid import new_york_day
from margin_assets.kernels.rules.instants import UNSET

Row = dict[str, Any]
Scan = Callable[[str], pl.LazyFrame]
"""Tables as of one sealed cycle."""
_URGENT = ["house_due_at", "legal_due_at", "account_id", "call_type"]


@dataclass(frozen=True)
class Choice:
    """Which calls are asked for."""

    due_by: date | None = None
    """Due on this day in New York or before, as extended."""
    account: str | None = None
    call_type: str | None = None
    ended_too: bool = False


def newest(scan: Scan) -> pl.LazyFrame:
    """The newest version of every call, with its next deadline `due_at`."""
    house = pl.max_horizontal("house_due_at", "extended_until")
    return (
        scan("margin_calls")
        .sort("call_id", "version")
        .unique("call_id", keep="last", maintain_order=True)
        .with_columns(due_at=pl.min_horizontal(house, "legal_due_at"))
    )


def calls(scan: Scan, choice: Choice) -> pl.DataFrame:
    """The newest version of the calls asked for, the most urgent first."""
    rows = newest(scan)
    if not choice.ended_too:
        rows = rows.filter("is_open")
    if choice.account is not None:
        rows = rows.filter(pl.col("account_id") == choice.account)
    if choice.call_type is not None:
        rows = rows.filter(pl.col("call_type") == choice.call_type)
    if choice.due_by is not None:
        due_on = pl.col("due_at").dt.convert_time_zone("America/New_York").dt.date()
        rows = rows.filter(due_on <= choice.due_by)
    return rows.sort("due_at", *_URGENT, nulls_last=True).collect()


def versions(scan: Scan, start: str) -> pl.DataFrame:
    """Every version of the one call whose id starts so, the oldest first.

    Raises:
        Refused: no call's id starts so, or several do.
    """
    return named(scan("margin_calls"), "call_id", start, ("call", "calls")).sort("version")


def extension(call: Row, until: datetime, reason: str) -> Act:
    """The act that extends a call, its newest version given.

    Raises:
        Refused: it is over, or its rule does not allow as much; the cycle would refuse it.
    """
    if not call["is_open"]:
        raise Refused(f"call {call['call_id'][:12]} is {call['state']}")
    kind = kind_of(call["call_type"], call["rule"])
    opened = round(call["opened_at"].timestamp() * 1_000_000)
    latest = latest_extension(calendar().days, kind, opened)
    if latest == UNSET:
        raise Refused(f"calls of type {call['call_type']} know no extension")
    if until > (at := _instant(latest)):
        raise Refused(f"{_told(until)} is after {_told(at)}, the latest its rule allows")
    return Act("call_extend", call["call_id"], reason, {"until": until.isoformat()})


def end_of(day: date) -> datetime:
    """End of a business day; of a day that is none, of the one before.

    Raises:
        Refused: the calendar does not reach to it.
    """
    days = calendar().days
    place = int(np.searchsorted(days.days, (day - date(1970, 1, 1)).days, side="right")) - 1
    if not 0 <= place < len(days.days) - 1:
        raise Refused(f"the calendar does not reach to {day}")
    return _instant(int(days.ends[place]))


def today(as_of: datetime | None) -> date:
    """The day in New York at which a lake stands."""
    at = as_of or datetime.now(UTC)
    return new_york_day(round(at.timestamp() * 1_000_000))


def _told(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(at: int) -> datetime:
    found: datetime = to_instants(np.array([at], dtype=np.int64)).item()
    return found
