"""When a session says that its store is degraded, and when that it is ok again."""

import pytest

from margin_assets.live.session.condition import Condition, StoreCondition


@pytest.fixture
def changes() -> list[str]:
    return []


@pytest.fixture
def condition(changes: list[str]) -> Condition:
    made = Condition()

    def remember(before: StoreCondition, now: StoreCondition) -> None:
        changes.append(f"{before.state} -> {now.state} {now.cause}".strip())

    made.watch(remember)
    return made


def test_it_is_degraded_until_a_whole_cycle_was_calm(condition: Condition, changes: list[str]):
    condition.failing("a", "writing fills: 503")
    condition.recovered("a")
    condition.settle()
    assert (condition.state, condition.cause) == ("degraded", "writing fills: 503")

    condition.settle()
    assert (condition.state, condition.cause) == ("ok", "")
    assert changes == ["ok -> degraded writing fills: 503", "degraded -> ok"]


def test_it_stays_degraded_while_a_step_fails(condition: Condition):
    condition.failing("a", "writing fills: 503")
    condition.failing("b", "writing prices: 503")
    condition.recovered("a")
    condition.settle()
    condition.settle(is_last=True)
    assert condition.state == "degraded"

    condition.recovered("b")
    condition.settle(is_last=True)
    assert condition.state == "ok"


def test_a_spell_is_told_once_and_names_its_last_cause(condition: Condition, changes: list[str]):
    condition.failing("a", "writing fills: 503")
    since = condition.since
    condition.failing("a", "writing fills: connection reset")

    assert len(changes) == 1
    assert (condition.cause, condition.since) == ("writing fills: connection reset", since)
    told = condition.to_json()
    assert (told["state"], told["troubles"], told["spells"]) == ("degraded", 2, 1)
