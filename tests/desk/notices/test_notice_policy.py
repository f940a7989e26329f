"""The rulebook of notifications, and what it says of hours."""

import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from typing import Any

import pytest

from margin_assets.desk.notices.policy import Quiet, Way, policy_of, policy_on
from margin_assets.kernels.enforcement.rungs import REASONS
from margin_assets.rulebooks import FAMILIES, OUTSIDE, installed, versions
from schemas.desk.calls import CHANGES
from schemas.desk.notifications import SEVERITIES

BOOK = files("margin_assets.rulebooks") / "notifications" / "2020-01-01.toml"


def numbers() -> dict[str, Any]:
    return tomllib.loads(BOOK.read_text("utf-8"))


def test_no_cycle_is_planned_under_what_decides_nothing_in_it():
    assert "notifications" in OUTSIDE
    assert versions("notifications")
    assert not {*OUTSIDE} & {*FAMILIES, *installed()}


def test_the_shipped_policy_speaks_of_every_reason_and_change():
    policy = policy_on(date(2026, 11, 27))

    assert {*policy.tightening, *policy.relaxing} - {"otherwise"} == {*REASONS}
    assert {*policy.calls} == {*CHANGES}
    assert {*policy.routes} == {*SEVERITIES}
    assert {way.channel for r in policy.routes.values() for s in r.steps for way in s} == {"outbox"}


def test_a_reason_that_the_policy_does_not_know_is_told_loudly():
    policy = policy_on(date(2026, 11, 27))

    assert policy.of_decision("up", "meteorite") == "critical"
    assert policy.of_decision("down", "meteorite") == "info"


def _set(*path: str, to: object) -> Callable[[dict[str, Any]], None]:
    def change(book: dict[str, Any]) -> None:
        for key in path[:-1]:
            book = book[key]
        book[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("calls", "opened", to="loud"), "calls.opened is 'loud'"),
        (_set("decisions", "relaxing", "stress", to="x"), "decisions.relaxing.stress is 'x'"),
        (_set("deadlines", "severity", to="x"), "deadlines.severity is 'x'"),
        (_set("routes", "info", "steps", to=[]), "routes.info.steps"),
        (_set("routes", "info", "steps", to=[[]]), "routes.info.steps"),
        (_set("routes", "info", "steps", to=[["a/smtp"], ["a/smtp"]]), "nobody twice"),
        (_set("routes", "info", "steps", to=[["../x/outbox"]]), "is not CONTACT/CHANNEL"),
        (_set("routes", "info", "steps", to=[["desk/pigeon"]]), "is not CONTACT/CHANNEL"),
        (_set("routes", "info", "steps", to=[["a@b.c/smtp"]]), "is not CONTACT/CHANNEL"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused(
    change: Callable[[dict[str, Any]], None], message: str
):
    book = numbers()
    change(book)

    with pytest.raises(ValueError, match=message):
        policy_of(book)


def test_a_step_may_tell_several():
    book = numbers()
    book["routes"]["info"]["steps"] = [["desk/smtp", "desk/webhook"], ["head/sns"]]

    route = policy_of(book).routes["info"]

    assert route.steps == ((Way("desk", "smtp"), Way("desk", "webhook")), (Way("head", "sns"),))
    assert route.acknowledge_in is None
    assert policy_of(book).routes["critical"].acknowledge_in == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("local", "ends"),
    [
        pytest.param("2020-03-09T19:59", "2020-03-09T19:59", id="before them"),
        pytest.param("2020-03-09T20:00", "2020-03-10T07:00", id="as they begin"),
        pytest.param("2020-03-10T03:00", "2020-03-10T07:00", id="after midnight"),
        pytest.param("2020-03-10T07:00", "2020-03-10T07:00", id="as they end"),
        # New York went to summer time at 2:00 on 8 March 2020.
        pytest.param("2020-03-07T23:00", "2020-03-08T07:00", id="over a change of the clocks"),
    ],
)
def test_quiet_hours_end_in_the_morning(local: str, ends: str):
    quiet = Quiet(frozenset({"info"}), time(20), time(7))
    moment, end = (new_york(text) for text in (local, ends))

    assert quiet.end_of("info", moment) == end
    assert quiet.end_of("critical", moment) == moment


def test_quiet_hours_may_lie_within_a_day():
    quiet = Quiet(frozenset({"info"}), time(12), time(13))

    found = quiet.end_of("info", new_york("2020-03-09T12:30"))

    assert found == new_york("2020-03-09T13:00")


def new_york(text: str) -> datetime:
    # Four hours behind from 8 March 2020 on, five before: written out, no library is asked.
    behind = 4 if text >= "2020-03-08T02" else 5
    return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(hours=behind)
