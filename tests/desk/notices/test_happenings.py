"""What is told of sealed rows, case by case."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from margin_assets.desk.notices.happenings import (
    Happening,
    Scan,
    deadlines_coming,
    sealed_happenings,
)
from margin_assets.desk.notices.policy import policy_on
from schemas import TABLES
from tests.support.told_lake import NOON, Row, at, call, decision, name_of, plan

POLICY = policy_on(date(2020, 3, 9))
LEGAL = datetime(2020, 3, 31, tzinfo=UTC)


def scan_of(
    decisions: Sequence[Row] = (), calls: Sequence[Row] = (), plans: Sequence[Row] = ()
) -> Scan:
    given = {
        "enforcement_decisions": decisions,
        "margin_calls": calls,
        "liquidation_plans": plans,
    }

    def scan(table: str) -> pl.LazyFrame:
        schema = pl.Schema(TABLES[table].schema)
        return pl.LazyFrame([row | {"cycle": 1} for row in given[table]], schema=schema)

    return scan


def told(
    decisions: Sequence[Row] = (), calls: Sequence[Row] = (), plans: Sequence[Row] = ()
) -> list[Happening]:
    scan = scan_of(decisions, calls, plans)
    return list(sealed_happenings(scan, POLICY, lambda _: pl.lit(value=True)))


@pytest.mark.parametrize(
    ("reason", "direction", "severity"),
    [
        ("stress", "up", "urgent"),
        ("deficiency", "up", "urgent"),
        ("deficiency_persists", "up", "critical"),
        ("stress", "down", "info"),
        ("excess_recovered", "down", None),
        ("a_reason_of_tomorrow", "up", "critical"),
    ],
)
def test_a_decision_is_told_by_its_reason(reason: str, direction: str, severity: str | None):
    found = told([decision(reason=reason, direction=direction)])

    assert [happening.severity for happening in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("change", "severity"),
    [
        ("opened", "urgent"),
        ("extended", "info"),
        ("overdue", "critical"),
        ("expired", "critical"),
        ("consequence", "critical"),
        ("met", "info"),
        ("restruck", None),
    ],
)
def test_a_version_of_a_call_is_told_by_what_changed(change: str, severity: str | None):
    found = told(calls=[call(change=change)])

    assert [happening.severity for happening in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("state", "severity"),
    [("recalled", "critical"), ("cancelled", "info"), ("part_filled", None), ("proposed", None)],
)
def test_a_plan_is_told_when_it_ends_before_it_is_filled(state: str, severity: str | None):
    found = told(plans=[plan(state)])

    assert [happening.severity for happening in found] == ([severity] if severity else [])
    assert {happening.about for happening in found} <= {f"{name_of('plan')}:3"}


@pytest.mark.parametrize(
    ("calls", "templates"),
    [
        pytest.param([call("A")], ["call"], id="the call says it"),
        pytest.param([], ["decision"], id="no call says it"),
        pytest.param([call("B")], ["decision", "call"], id="the call of another account"),
        pytest.param([call("A", when=at(1))], ["decision", "call"], id="a call of another time"),
        pytest.param([call("A", "overdue")], ["decision", "call"], id="a call that says another"),
        pytest.param([call("A", "restruck")], ["decision"], id="a version that is not told"),
    ],
)
def test_a_decision_is_told_once_with_its_call(calls: list[Row], templates: list[str]):
    found = told([decision("A", "deficiency")], calls)

    assert [happening.template for happening in found] == templates


def test_every_decision_and_version_has_an_id_of_its_own():
    found = told([decision(), decision(reason="overdue_call")], [call(), call(version=2)])

    assert len({happening.about for happening in found}) == 4


def near(now: datetime, *calls: Row) -> list[tuple[str, datetime]]:
    versions = scan_of(calls=calls)("margin_calls").collect()
    found = deadlines_coming(versions, POLICY, now, 1)
    return [(happening.event, happening.at) for happening in found]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        pytest.param(at(19, seconds=59), [], id="eleven minutes before"),
        pytest.param(at(20), [("house_deadline", at(20))], id="ten minutes before"),
        pytest.param(at(29), [("house_deadline", at(20))], id="a minute before, as at ten"),
        pytest.param(at(30), [], id="passed"),
        pytest.param(LEGAL - timedelta(days=1), [("legal_deadline", LEGAL - timedelta(days=1))]),
        pytest.param(
            LEGAL - timedelta(hours=1),
            [("legal_deadline", LEGAL - timedelta(hours=2))],
            id="of two times that have come the last",
        ),
    ],
)
def test_a_deadline_is_told_before_it(now: datetime, expected: list[tuple[str, datetime]]):
    assert near(now, call()) == expected


def test_a_call_that_is_met_has_no_deadline():
    ended = call(change="met", when=at(5), version=2, is_open=False, state="met")

    assert near(at(25), call(), ended) == []


def test_an_extended_call_is_due_as_extended():
    until = at(120)
    longer = call(change="extended", when=at(5), version=2, extended_until=until)

    assert near(at(25), call(), longer) == []
    assert near(at(115), call(), longer) == [("house_deadline", at(110))]


def test_a_deadline_that_was_set_just_before_it_is_told_by_the_version_that_set_it():
    assert near(at(25), call(house_due_at=at(8))) == []
    late = call(change="extended", when=at(28), version=2, extended_until=at(37))

    assert near(at(28), call(), late) == []


def test_a_version_that_moves_nothing_leaves_a_deadline_told():
    same = call(change="restruck", when=at(21), version=2)

    assert near(at(22), call(), same) == [("house_deadline", at(20))]


def test_an_extended_payment_period_is_one_deadline():
    until = LEGAL + timedelta(days=2)
    longer = call(house_due_at=None, legal_due_at=until, extended_until=until)

    assert near(until - timedelta(minutes=9), longer) == [
        ("legal_deadline", until - timedelta(hours=2))
    ]


def test_messages_carry_no_name_of_a_person():
    (found,) = told(calls=[call(change="extended", extended_by="mary", extended_until=at(90))])
    from margin_assets.desk.notices.messages import drafted, written

    (message,) = (written(draft, found) for draft in drafted(found, POLICY))
    assert "mary" not in message.subject + message.body
    assert message.created_at == NOON
