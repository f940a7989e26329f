"""When the time of an option ends, by the exchange's calendar, and how much of it is left."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from margin_assets.calendar import sessions
from margin_assets.kernels.book.terms import INSTRUMENT_COLUMNS, instrument_terms
from margin_assets.kernels.numeric.money import instants
from margin_assets.kernels.rules.expiry import (
    HOUR,
    first_hours,
    last_instants,
    next_turns,
    time_left,
)
from margin_assets.kernels.rules.instants import NEVER
from margin_assets.rulebooks import changed_by

NEW_YORK = ZoneInfo("America/New_York")
AMERICAN, EUROPEAN = "american", "european"
STOCK, FUND, NARROW, BROAD, HIGH_CAP = (
    "equity",
    "etf",
    "narrow_index",
    "broad_index",
    "broad_index_high_cap",
)


def end_of(expiry: str, style: str, issuer: str, settlement: str | None = None) -> datetime:
    """End of an option on something of a class."""
    rows = [
        {"symbol": "U", "asset_class": issuer, "marginable": True},
        {"symbol": "O", "asset_class": "option", "marginable": True, "underlying": "U"}
        | {"right": "call", "expiry": date.fromisoformat(expiry), "style": style}
        | {"settlement": settlement},
    ]
    known = pl.DataFrame(rows, schema_overrides=INSTRUMENT_COLUMNS)
    known = pl.concat([pl.DataFrame(schema=INSTRUMENT_COLUMNS), known], how="diagonal")
    return instrument_terms(pl.Series("symbol", ["O"]), known, sessions().times)["expires_at"][0]


# By the calendar of the exchange: 2024-06-19 and 2025-06-19 are holidays, 2019-04-19 is Good
# Friday, 2024-11-29 and 2024-07-03 close at 13:00.
@pytest.mark.parametrize(
    ("expiry", "style", "issuer", "settlement", "expected"),
    [
        pytest.param("2024-06-21", AMERICAN, STOCK, None, "2024-06-21 16:00", id="third Friday"),
        pytest.param("2024-06-28", AMERICAN, STOCK, None, "2024-06-28 16:00", id="weekly"),
        pytest.param("2024-06-26", EUROPEAN, HIGH_CAP, None, "2024-06-26 16:00", id="daily"),
        pytest.param("2024-06-21", EUROPEAN, HIGH_CAP, None, "2024-06-20 16:00", id="index"),
        pytest.param("2024-06-21", EUROPEAN, BROAD, None, "2024-06-20 16:00", id="broad index"),
        pytest.param("2024-06-21", EUROPEAN, BROAD, "close", "2024-06-21 16:00", id="PM settled"),
        pytest.param("2024-06-26", EUROPEAN, BROAD, "open", "2024-06-25 16:00", id="AM settled"),
        pytest.param("2024-06-21", AMERICAN, BROAD, None, "2024-06-21 16:00", id="American index"),
        pytest.param("2024-06-21", EUROPEAN, NARROW, None, "2024-06-21 16:00", id="narrow index"),
        pytest.param("2024-06-21", EUROPEAN, FUND, None, "2024-06-21 16:00", id="fund"),
        pytest.param("2025-06-20", EUROPEAN, BROAD, None, "2025-06-18 16:00", id="after holiday"),
        pytest.param("2019-04-19", AMERICAN, STOCK, None, "2019-04-18 16:00", id="on a holiday"),
        pytest.param("2019-04-19", EUROPEAN, BROAD, None, "2019-04-17 16:00", id="both"),
        pytest.param("2014-06-21", AMERICAN, STOCK, None, "2014-06-20 16:00", id="a Saturday"),
        pytest.param("2014-06-21", EUROPEAN, BROAD, "open", "2014-06-19 16:00", id="AM Saturday"),
        pytest.param("2024-11-29", AMERICAN, STOCK, None, "2024-11-29 13:00", id="early close"),
        pytest.param("2024-07-05", EUROPEAN, BROAD, "open", "2024-07-03 13:00", id="AM after it"),
        pytest.param("2087-01-17", AMERICAN, STOCK, None, "2087-01-17 16:00", id="no calendar"),
        pytest.param("2087-01-17", EUROPEAN, BROAD, "open", "2087-01-16 16:00", id="none, AM"),
    ],
)
def test_time_ends_at_the_close_of_the_last_trading_day(
    expiry: str, style: str, issuer: str, settlement: str | None, expected: str
):
    close = datetime.fromisoformat(expected).replace(tzinfo=NEW_YORK)

    assert end_of(expiry, style, issuer, settlement) == close


def test_the_standard_expiration_is_a_number_of_a_rulebook():
    with changed_by({"index_options": {"opening_settlement": {"weekday": 3, "week": 4}}}):
        wednesday = end_of("2024-06-26", EUROPEAN, BROAD)
        friday = end_of("2024-06-21", EUROPEAN, BROAD)

    assert wednesday == datetime(2024, 6, 25, 16, tzinfo=NEW_YORK)
    assert friday == datetime(2024, 6, 21, 16, tzinfo=NEW_YORK)


def hours(end: datetime, at: datetime) -> tuple[int, bool]:
    ends, ats = (pl.Series([moment], dtype=pl.Datetime("us", "UTC")) for moment in (end, at))
    left = time_left(ends, ats)
    return int(left.hours[0]), bool(left.is_over[0])


CLOSE = datetime(2024, 6, 21, 20, tzinfo=UTC)
EARLY = datetime(2024, 11, 29, 18, tzinfo=UTC)
MICRO = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("end", "before", "expected"),
    [
        pytest.param(CLOSE, timedelta(days=2), (48, False), id="two days"),
        pytest.param(CLOSE, timedelta(hours=16) + MICRO, (24, False), id="before midnight"),
        pytest.param(CLOSE, timedelta(hours=16), (16, False), id="midnight"),
        pytest.param(CLOSE, timedelta(hours=6.5), (7, False), id="the opening"),
        pytest.param(CLOSE, timedelta(hours=1) + MICRO, (2, False), id="over an hour"),
        pytest.param(CLOSE, timedelta(hours=1), (1, False), id="an hour"),
        pytest.param(CLOSE, MICRO, (1, False), id="never 0 before the close"),
        pytest.param(CLOSE, timedelta(0), (0, True), id="the close"),
        pytest.param(CLOSE, timedelta(days=-3), (0, True), id="days after"),
        pytest.param(EARLY, timedelta(hours=13), (13, False), id="midnight of a short day"),
        pytest.param(EARLY, timedelta(hours=13) + MICRO, (24, False), id="before it"),
        pytest.param(EARLY, timedelta(hours=3.5), (4, False), id="its opening"),
        pytest.param(EARLY, timedelta(0), (0, True), id="its close"),
    ],
)
def test_hours_are_of_whole_days_before_the_last_one_and_rounded_up_on_it(
    end: datetime, before: timedelta, expected: tuple[int, bool]
):
    assert hours(end, end - before) == expected


def test_what_has_no_end_is_never_over():
    none = pl.Series([None], dtype=pl.Datetime("us", "UTC"))
    at = pl.Series([CLOSE], dtype=pl.Datetime("us", "UTC"))

    assert not time_left(none, at).is_over[0]
    assert next_turns(instants(none), first_hours(none), instants(at)[0]).tolist() == [NEVER]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.integers(0, 90 * 3600), st.booleans())
def test_time_changes_on_the_last_day_at_its_turns_and_only_there(
    day: int, seconds: int, on_opening: bool
):
    # Every session of a year and a half, on the day before, on the last one and after.
    last = sessions().days[13_900 + day]
    expiry, opening = pl.Series([last], dtype=pl.Date), pl.Series([on_opening])
    ends = last_instants(expiry, opening, sessions().times)
    end, first = instants(ends), first_hours(ends)
    at = int(end[0]) - 40 * HOUR + seconds * 1_000_000

    def left(when: int) -> int:
        now = pl.Series([when]).cast(pl.Datetime("us", "UTC"))
        return int(time_left(ends, now).hours[0])

    turn = int(next_turns(end, first, at)[0])
    if turn == NEVER:
        assert at >= end[0]
        assert left(at) == 0
        return
    assert at < turn <= end[0]
    assert left(turn) < left(turn - 1)
    between = range(max(at, int(first[0])), turn, HOUR // 3)
    assert len({left(when) for when in between}) <= 1
    assert np.isin(turn - end[0], -np.arange(25) * HOUR) or turn == first[0]
