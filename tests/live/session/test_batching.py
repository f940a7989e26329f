"""However the same rows are cut into files and cycles, the same is decided about the same firm."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from margin_assets.kernels.numeric.threads import at_most
from margin_assets.scenarios import scenario
from margin_assets.scenarios.batch import FEED_SCHEMAS, _json_line
from tests.support.live_driver import Firm, assert_a_process_takes_over
from tests.support.telling import STRETCHES, Event, Teller, assert_same, cut, deliver, second
from tests.support.threads import several_threads


@pytest.fixture(scope="module")
def story() -> list[Event]:
    return Teller(1).tell()


@pytest.fixture(scope="module")
def told_at_once(story: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return deliver(tmp_path_factory.mktemp("once"), [story])


@pytest.fixture(scope="module")
def session(story: list[Event]) -> list[Event]:
    """The first session of the story, for what needs neither a night nor a stale price."""
    start, length, _ = STRETCHES[0]
    return [event for event in story if event[0] <= start + timedelta(seconds=length)]


@pytest.fixture(scope="module")
def session_at_once(session: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return deliver(tmp_path_factory.mktemp("session"), [session])


def test_the_story_has_everything_in_it(told_at_once: Firm, story: list[Event]):
    found = told_at_once.table("enforcement_decisions")

    assert len(story) > 500
    assert found.height > 40
    assert set(found["dimension"]) == {
        "margin_status",
        "restriction",
        "liquidation",
        "minimum_equity",
    }
    assert {"overdue_call", "stress", "call_cured"} <= set(found["reason"])
    assert set(found["status"]) == {"determinate", "indeterminate"}
    assert (told_at_once.table("fills")["corrects_fill_id"].is_not_null().sum()) > 20
    assert told_at_once.table("quarantine").is_empty()
    # Deadlines fell due when nothing happened.
    happened = {second(when) for when, _, _ in story}
    assert {second(when) for when in found["decided_at"]} - happened


def test_a_session_has_what_other_files_and_threads_could_spoil(session_at_once: Firm):
    assert session_at_once.table("enforcement_decisions").height > 10
    assert session_at_once.table("margin_calls").height
    assert session_at_once.table("fills")["corrects_fill_id"].is_not_null().sum() > 5


def test_a_file_a_row_decides_as_a_file_a_feed(
    session_at_once: Firm, session: list[Event], tmp_path: Path
):
    assert_same(session_at_once, deliver(tmp_path, [session], singly=True))


def test_a_process_every_other_cycle_over_files_of_a_row_decides_as_one_cycle(
    told_at_once: Firm, story: list[Event], tmp_path: Path
):
    firm = deliver(tmp_path, cut(story, 1200), restart=True, singly=True)

    assert_same(told_at_once, firm)
    assert_a_process_takes_over(firm)


@pytest.mark.parametrize(
    ("seed", "seconds", "before", "after"),
    [pytest.param(2, 60, 14, 8, id="of a minute"), pytest.param(3, 1, 7, 1, id="of a second")],
)
def test_short_cycles_decide_as_one_cycle(
    tmp_path: Path, seed: int, seconds: int, before: int, after: int
):
    # The last minutes of a session and the first of the next.
    begins = STRETCHES[0][0] + timedelta(minutes=30 - before)
    ends = STRETCHES[1][0] + timedelta(minutes=after)
    story = [e for e in Teller(seed).tell() if e[0].hour < 6 or begins < e[0] < ends]

    once = deliver(tmp_path / "once", [story])

    assert once.table("enforcement_decisions").height > 10
    assert_same(once, deliver(tmp_path / "short", cut(story, seconds)))


@several_threads
def test_one_thread_decides_as_two(session_at_once: Firm, session: list[Event], tmp_path: Path):
    with at_most(1):
        firm = deliver(tmp_path, [session])

    assert firm.hashes() == session_at_once.hashes()
    assert firm.everything() == session_at_once.everything()


def covid(until: datetime) -> list[Event]:
    """Rows of the default scenario that happened until then, in event order."""
    events = []
    for batch in scenario("covid-2020").batches():
        if batch.at > until:
            break
        for feed in FEED_SCHEMAS:
            frame = batch.frames.get(feed, pl.DataFrame())
            for row in frame.iter_rows(named=True):
                day = row.get("as_of_date")
                when = row.get("event_time") or datetime(
                    day.year, day.month, day.day, 5, tzinfo=UTC
                )
                if feed == "volatilities":
                    continue
                events.append((when, feed, _json_line(row) + "\n"))
    return sorted(events, key=lambda event: event[0])


def test_the_crash_of_2020_is_decided_alike_in_parts_and_at_once(tmp_path: Path):
    events = covid(datetime(2020, 3, 12, 23, tzinfo=UTC))
    parts: dict[int, list[Event]] = {}
    for event in events:
        parts.setdefault(event[0].toordinal() // 7, []).append(event)

    once = deliver(tmp_path / "once", [events])
    apart = deliver(tmp_path / "apart", list(parts.values()))

    assert once.table("enforcement_decisions").height > 100
    assert_same(once, apart)
