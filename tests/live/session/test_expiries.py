"""However rows around an expiry are cut, the same is settled, and it is replayed to the byte."""

from pathlib import Path

import pytest

from margin_assets.live.past.replay import replay
from tests.support.live_driver import Firm, assert_a_process_takes_over
from tests.support.option_books import assert_history_agrees
from tests.support.settlements import LANDED, ExpiryTeller
from tests.support.telling import Event, assert_same, cut, deliver


@pytest.fixture(scope="module")
def story() -> list[Event]:
    return ExpiryTeller(7).tell()


@pytest.fixture(scope="module")
def told_at_once(story: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return deliver(tmp_path_factory.mktemp("once"), [story], landed=LANDED)


def test_the_story_has_everything_in_it(told_at_once: Firm):
    rows = told_at_once.table("settlements")

    assert set(rows["outcome"]) == {"exercised", "assigned", "expired"}
    assert set(rows["settled_by_rule"]) == {True, False}
    assert told_at_once.table("exercises")["corrects_exercise_id"].is_not_null().any()
    # What the rule settled was taken back by reports, and by closes of hand.
    by_rule = rows.filter("settled_by_rule").group_by("account_id", "symbol").len()
    assert by_rule["len"].max() > 1
    assert set(told_at_once.table("positions")["symbol"]) == {"X"}
    assert_history_agrees(told_at_once)


def test_parts_and_processes_settle_as_one_cycle(
    told_at_once: Firm, story: list[Event], tmp_path: Path
):
    firm = deliver(tmp_path, cut(story, 2700), restart=True, landed=LANDED)

    assert_same(told_at_once, firm)
    assert_history_agrees(firm)
    assert_a_process_takes_over(firm)
    assert replay(firm.lake).difference is None
