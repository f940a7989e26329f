"""Day counts, calendars, roll conventions and tenors by the names the market has for them.

QuantLib holds the rules behind the names and is loaded when the first of them is used. Its
evaluation date is no part of any of them.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from margin_assets.kernels.numeric.arrays import FloatArray, Int64Array

EPOCH_SERIAL = 25_569
"""1970-01-01 in QuantLib's count of days."""

QlObject = Any
"""An object of QuantLib, which carries no types."""

_Made = tuple[str, tuple[str, ...]]

DAY_COUNTS: Mapping[str, _Made] = {
    "act/360": ("Actual360", ()),
    "act/365f": ("Actual365Fixed", ()),
    "act/364": ("Actual364", ()),
    "act/365.25": ("Actual36525", ()),
    "act/366": ("Actual366", ()),
    "act/act isda": ("ActualActual", ("ISDA",)),
    "act/act isma": ("ActualActual", ("ISMA",)),
    "act/act icma": ("ActualActual", ("ISMA",)),
    "act/act bond": ("ActualActual", ("Bond",)),
    "act/act afb": ("ActualActual", ("AFB",)),
    "30/360": ("Thirty360", ("BondBasis",)),
    "30/360 us": ("Thirty360", ("USA",)),
    "30/360 usa": ("Thirty360", ("USA",)),
    "30u/360": ("Thirty360", ("USA",)),
    "30/360 bond basis": ("Thirty360", ("BondBasis",)),
    "30/360 isma": ("Thirty360", ("ISMA",)),
    "30/360 isda": ("Thirty360", ("ISDA",)),
    "30/360 nasd": ("Thirty360", ("NASD",)),
    "30/360 italian": ("Thirty360", ("Italian",)),
    "30/360 german": ("Thirty360", ("German",)),
    "30/360 european": ("Thirty360", ("European",)),
    "30e/360": ("Thirty360", ("European",)),
    "30e/360 isda": ("Thirty360", ("ISDA",)),
    "30/365": ("Thirty365", ()),
    "business/252": ("Business252", ()),
    "1/1": ("OneDayCounter", ()),
    "simple": ("SimpleDayCounter", ()),
}
"""Names of ISDA's 2006 Definitions 4.16 and of ICMA Rule 251, as QuantLib's classes."""

CALENDARS: Mapping[str, _Made] = {
    "none": ("NullCalendar", ()),
    "weekends": ("WeekendsOnly", ()),
    "us government bond": ("UnitedStates", ("GovernmentBond",)),
    "us settlement": ("UnitedStates", ("Settlement",)),
    "us federal reserve": ("UnitedStates", ("FederalReserve",)),
    "us sofr": ("UnitedStates", ("SOFR",)),
    "us nyse": ("UnitedStates", ("NYSE",)),
    "us libor": ("UnitedStates", ("LiborImpact",)),
    "target": ("TARGET", ()),
    "uk settlement": ("UnitedKingdom", ("Settlement",)),
    "uk exchange": ("UnitedKingdom", ("Exchange",)),
    "japan": ("Japan", ()),
    "germany settlement": ("Germany", ("Settlement",)),
    "germany eurex": ("Germany", ("Eurex",)),
    "germany frankfurt": ("Germany", ("FrankfurtStockExchange",)),
    "italy settlement": ("Italy", ("Settlement",)),
    "france settlement": ("France", ("Settlement",)),
    "switzerland": ("Switzerland", ()),
    "canada settlement": ("Canada", ("Settlement",)),
    "australia settlement": ("Australia", ("Settlement",)),
    "brazil settlement": ("Brazil", ("Settlement",)),
    "china interbank": ("China", ("IB",)),
    "sweden": ("Sweden", ()),
    "norway": ("Norway", ()),
    "denmark": ("Denmark", ()),
    "new zealand": ("NewZealand", ()),
    "south africa": ("SouthAfrica", ()),
    "hong kong": ("HongKong", ()),
    "singapore": ("Singapore", ()),
    "mexico": ("Mexico", ()),
    "poland": ("Poland", ()),
}
"""Holidays of markets; `A+B` is closed when either is."""

CONVENTIONS: Mapping[str, str] = {
    "unadjusted": "Unadjusted",
    "following": "Following",
    "modified_following": "ModifiedFollowing",
    "preceding": "Preceding",
    "modified_preceding": "ModifiedPreceding",
    "nearest": "Nearest",
}
RULES: Mapping[str, str] = {
    "backward": "Backward",
    "forward": "Forward",
    "zero": "Zero",
    "twentieth": "Twentieth",
    "imm": "ThirdWednesday",
}
FREQUENCIES: Mapping[str, str] = {
    "once": "0Y",
    "annual": "1Y",
    "semiannual": "6M",
    "quarterly": "3M",
    "monthly": "1M",
    "weekly": "1W",
    "daily": "1D",
}
_TENOR = re.compile(r"(?:\d{1,3}[DWMY]){1,2}", re.ASCII)
_MONTHS = {"M": 1, "Y": 12}


class OwnCalendar(NamedTuple):
    """A calendar that a document states: closed weekdays (0 is Monday) and days."""

    weekend: tuple[int, ...]
    holidays: tuple[date, ...]


def quantlib() -> QlObject:
    """QuantLib, loaded when first asked for."""
    import QuantLib

    return QuantLib


def _made(made: _Made) -> QlObject:
    name, words = made
    kind = getattr(quantlib(), name)
    return kind(*(getattr(kind, word) for word in words))


@cache
def day_count(name: str) -> QlObject:
    """The day count of that name, in lower case.

    Raises:
        KeyError: no such name.
    """
    return _made(DAY_COUNTS[name])


@cache
def calendar(name: str, own: tuple[tuple[str, OwnCalendar], ...] = ()) -> QlObject:
    """The calendar of that name, in lower case; `own` comes before those that are known.

    Raises:
        KeyError: no such name.
    """
    found = dict(own)
    if name in found:
        return _stated(name, found[name])
    if name in CALENDARS:
        return _made(CALENDARS[name])
    first, plus, rest = name.partition("+")
    if not plus:
        raise KeyError(name)
    return quantlib().JointCalendar(calendar(first.strip(), own), calendar(rest.strip(), own))


def _stated(name: str, own: OwnCalendar) -> QlObject:
    ql = quantlib()
    made = ql.BespokeCalendar(name)
    for weekday in own.weekend:
        made.addWeekend((weekday + 1) % 7 + 1)  # QuantLib counts from Sunday, which is 1
    for day in own.holidays:
        made.addHoliday(to_ql(day))
    return made


def convention(name: str) -> int:
    """What happens to a date on a holiday."""
    return int(getattr(quantlib(), CONVENTIONS[name]))


def rule(name: str) -> int:
    """From which end a schedule is generated."""
    return int(getattr(quantlib().DateGeneration, RULES[name]))


def is_tenor(text: str) -> bool:
    """Whether the text is a length of time, such as `3M` or `1Y6M`."""
    return bool(_TENOR.fullmatch(text))


def period(text: str) -> QlObject:
    """Length of time: a tenor or the name of a frequency."""
    return quantlib().Period(FREQUENCIES.get(text, text))


def years_of(tenor: str) -> float:
    """Length of a tenor in years: a month is a twelfth, a day one of 365."""
    years = 0.0
    for count, unit in re.findall(r"(\d+)([DWMY])", tenor):
        days = {"D": 1, "W": 7}.get(unit)
        years += int(count) * (days / 365 if days else _MONTHS[unit] / 12)
    return years


def to_ql(day: date) -> QlObject:
    """A day as QuantLib has it."""
    return quantlib().Date(day.day, day.month, day.year)


def of_ql(day: QlObject) -> int:
    """A day of QuantLib as days since 1970-01-01."""
    return int(day.serialNumber()) - EPOCH_SERIAL


def days_of(day: date) -> int:
    """A day as days since 1970-01-01."""
    return day.toordinal() - _EPOCH


def day_of(days: int) -> date:
    """Days since 1970-01-01 as a day."""
    return date.fromordinal(int(days) + _EPOCH)


_EPOCH = date(1970, 1, 1).toordinal()


def year_fractions(name: str, since: int, days: Int64Array) -> FloatArray:
    """Years by a day count from one day to each of many; negative before it."""
    ql, count = quantlib(), day_count(name)
    first = ql.Date(since + EPOCH_SERIAL)
    serials: Iterable[int] = (days + EPOCH_SERIAL).tolist()
    return np.array([count.yearFraction(first, ql.Date(serial)) for serial in serials], np.float64)
