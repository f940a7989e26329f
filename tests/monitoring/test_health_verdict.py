from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from margin_assets.calendar import sessions
from margin_assets.lake.landing.backlog import Backlog
from margin_assets.monitoring.health import (
    Daily,
    Limits,
    Rows,
    Seen,
    health,
    in_all,
    limits,
    open_seconds,
    percentile,
)

MONDAY_NOON = datetime(2020, 3, 9, 16, 0, tzinfo=UTC)
"""In session; the exchange opened at 13:30 and closes at 20:00."""
BOUNDS = Limits(100, 300.0, 7.0, 10.0, 2.0, 5.0, 10, 100, 0.01)
WELL = Seen(
    now=MONDAY_NOON,
    last_cycle=7,
    as_of=MONDAY_NOON - timedelta(seconds=2),
    sealed_at=MONDAY_NOON - timedelta(seconds=1),
    backlog=Backlog(),
    is_attended=True,
    cycle_seconds=(0.5,) * 100,
    rows=Rows(1000, 10),
    missing_inputs=0,
    refused_rows=0,
)


def waiting(seconds: float) -> Backlog:
    return Backlog(3, 100, MONDAY_NOON - timedelta(seconds=seconds))


def ago(**span: float) -> datetime:
    return MONDAY_NOON - timedelta(**span)


def states(**changed: object) -> tuple[str, ...]:
    return health(replace(WELL, **changed), BOUNDS, sessions()).states


def test_the_limits_are_in_the_rulebook():
    assert limits() == BOUNDS


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({}, ["ok"], id="well"),
        pytest.param({"is_plan_open": True}, ["unfinished"], id="planned, not sealed"),
        pytest.param({"backlog": waiting(10)}, ["ok"], id="as long as a session may need"),
        pytest.param({"backlog": waiting(10.1)}, ["behind"], id="longer"),
        pytest.param(
            {"backlog": waiting(0), "is_attended": False}, ["behind"], id="nobody takes it"
        ),
        pytest.param({"backlog": waiting(-5)}, ["ok"], id="landed by a clock ahead"),
        pytest.param({"backlog": Backlog(1, 0, None)}, ["ok"], id="a file that cannot be read"),
        pytest.param({"backlog": None}, ["ok"], id="backlog not listed yet"),
        pytest.param(
            {"last_cycle": None, "as_of": None, "sealed_at": None, "rows": Rows()},
            ["empty"],
            id="nothing sealed",
        ),
        pytest.param({"sealed_at": None}, ["attention"], id="seal not in the log"),
        pytest.param({"as_of": None}, ["attention"], id="no event yet"),
        pytest.param({"cycle_seconds": (2.1,) * 10}, ["degraded"], id="slow in the middle"),
        pytest.param({"cycle_seconds": (90.0,) * 9}, ["ok"], id="too few to tell"),
        pytest.param({"cycle_seconds": ()}, ["ok"], id="none to tell"),
        pytest.param({"cycle_seconds": (0.1,) * 99 + (90.0,)}, ["ok"], id="one that compiled"),
        pytest.param({"cycle_seconds": (0.1,) * 98 + (90.0,)}, ["ok"], id="too few for a p99"),
        pytest.param({"cycle_seconds": (0.1,) * 98 + (90.0,) * 2}, ["degraded"], id="p99"),
        pytest.param({"failing": "store does not answer"}, ["degraded"], id="store"),
        pytest.param({"missing_inputs": 1}, ["attention"], id="an input is missing"),
        pytest.param({"missing_inputs": None}, ["ok"], id="inputs not looked at"),
        pytest.param({"rows": Rows(1000, 11)}, ["attention"], id="quarantined"),
        pytest.param({"refused_rows": 1}, ["attention"], id="a refused row is open"),
        pytest.param({"refused_rows": None}, ["ok"], id="refused rows not looked at"),
        pytest.param({"rows": Rows()}, ["ok"], id="no rows"),
        pytest.param({"rows": None}, ["attention"], id="rows not known"),
        pytest.param(
            {"failing": "store", "backlog": waiting(60), "missing_inputs": 2},
            ["behind", "degraded", "attention"],
            id="several, worst first",
        ),
    ],
)
def test_states(changed: dict[str, object], expected: list[str]):
    assert list(states(**changed)) == expected


@pytest.mark.parametrize(
    ("sealed_at", "as_of", "expected"),
    [
        pytest.param(ago(seconds=300), ago(seconds=300), "fresh", id="at the limit"),
        pytest.param(ago(seconds=301), ago(seconds=301), "stale", id="past it"),
        pytest.param(ago(seconds=1), ago(seconds=301), "stale", id="a feed that lags"),
        pytest.param(
            ago(hours=20),
            ago(hours=20),
            "stale",
            id="since Sunday, two hours and a half of it open",
        ),
        pytest.param(ago(seconds=1), ago(days=8), "history", id="history being told"),
        pytest.param(ago(seconds=301), ago(days=800), "stale", id="history, no longer told"),
        pytest.param(ago(seconds=-60), ago(seconds=-60), "fresh", id="by clocks ahead"),
    ],
)
def test_freshness(sealed_at: datetime, as_of: datetime, expected: str):
    found = health(replace(WELL, sealed_at=sealed_at, as_of=as_of), BOUNDS, sessions())

    assert found.freshness.state == expected
    assert found.freshness.is_well == (expected != "stale")


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        pytest.param("2020-03-09T16:00Z", "2020-03-09T16:01Z", 60.0, id="within a session"),
        pytest.param("2020-03-06T20:59Z", "2020-03-09T13:31Z", 120.0, id="over a weekend"),
        pytest.param("2020-03-07T00:00Z", "2020-03-08T00:00Z", 0.0, id="on a weekend"),
        pytest.param("2020-03-09T16:01Z", "2020-03-09T16:00Z", 0.0, id="backwards"),
        pytest.param("2019-11-29T15:00Z", "2019-11-30T00:00Z", 10_800.0, id="to an early close"),
    ],
)
def test_open_seconds(start: str, end: str, expected: float):
    first, last = (datetime.fromisoformat(text) for text in (start, end))

    assert open_seconds(first, last, sessions()) == expected


def days(*numbers: int) -> tuple[date, ...]:
    """Days of March 2020: the 5th is a Thursday, the sessions after it the 6th and the 9th."""
    return tuple(date(2020, 3, number) for number in numbers)


@pytest.mark.parametrize(
    ("daily", "state", "missing"),
    [
        pytest.param(None, "not_looked_at", None, id="not looked at"),
        pytest.param(Daily(), "none", (), id="no daily run has ever been"),
        pytest.param(Daily(days(5, 6)), "ok", (), id="all that closed"),
        pytest.param(Daily(days(6)), "ok", (), id="what came before the first is not asked for"),
        pytest.param(Daily(days(5)), "late", days(6), id="the last one did not begin"),
        pytest.param(Daily(days(3, 6)), "late", days(4, 5), id="nor some between"),
        pytest.param(Daily(days(5), days(6)), "unfinished", (), id="begun"),
        pytest.param(Daily((), days(4)), "unfinished", days(5, 6), id="none ever ended"),
    ],
)
def test_daily_dates(daily: Daily | None, state: str, missing: tuple[date, ...] | None):
    found = health(replace(WELL, daily=daily), BOUNDS, sessions())

    assert found.daily.state == state
    assert found.daily.figures.get("missing") == (None if missing is None else list(missing))
    is_well = state in ("not_looked_at", "none", "ok")
    assert found.state == ("ok" if is_well else "attention")


@pytest.mark.parametrize(
    ("since_close", "expected"),
    [
        pytest.param(timedelta(minutes=5), "late", id="a run has had time to begin"),
        pytest.param(timedelta(minutes=4, seconds=59), "ok", id="not yet"),
    ],
)
def test_a_date_that_closed_just_now_is_not_late(since_close: timedelta, expected: str):
    closed = datetime(2020, 3, 6, 21, 0, tzinfo=UTC)
    seen = replace(WELL, now=closed + since_close, as_of=closed, daily=Daily(days(5)))

    assert health(seen, BOUNDS, sessions()).daily.state == expected


def test_a_night_without_events_is_no_fault():
    closed = datetime(2020, 3, 9, 20, 0, tzinfo=UTC)
    at_night = replace(WELL, as_of=closed, sealed_at=closed, now=closed + timedelta(hours=10))

    assert health(at_night, BOUNDS, sessions()).state == "ok"


@pytest.mark.parametrize(("part", "expected"), [(0.5, 2.0), (0.99, 4.0), (0.25, 1.0), (1.0, 4.0)])
def test_percentile(part: float, expected: float):
    assert percentile([4.0, 1.0, 3.0, 2.0], part) == expected


def test_what_is_not_known_is_none():
    found = health(Seen(now=MONDAY_NOON), BOUNDS, sessions())
    figures = [f.figures for f in (found.freshness, found.backlog, found.cycle_time)]

    assert {value for figure in figures for value in figure.values()} == {None, 0}
    assert figures[2] == {"cycles": 0, "p50": None, "p99": None}
    assert (percentile([], 0.5), Rows().rate, in_all([])) == (None, None, Rows())
