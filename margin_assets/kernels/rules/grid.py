"""Grid points and days: which point an event counts from, and whose day's rules an instant has."""

from datetime import date, datetime
from typing import overload
from zoneinfo import ZoneInfo

from margin_assets.kernels.numeric.arrays import Int64Array
from margin_assets.kernels.rules.expiry import NEW_YORK
from margin_assets.kernels.rules.rules import SECOND, Rules, rules_in_force


@overload
def grid_point(at: int, interval: int) -> int: ...
@overload
def grid_point(at: Int64Array, interval: int | Int64Array) -> Int64Array: ...
def grid_point(at: int | Int64Array, interval: int | Int64Array) -> int | Int64Array:
    """First grid point at or after each instant; all in microseconds."""
    return -(-at // interval) * interval


def day_of(at: int) -> date:
    """UTC day of an instant (microseconds): its rulebooks are in force."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + at // 86_400_000_000)


def new_york_day(at: int) -> date:
    """Day in New York of an instant (microseconds)."""
    return datetime.fromtimestamp(at // SECOND, ZoneInfo(NEW_YORK)).date()


def rules_at(at: int) -> Rules:
    """Rulebooks in force at an instant (microseconds), as numbers."""
    return rules_in_force(day_of(at))
