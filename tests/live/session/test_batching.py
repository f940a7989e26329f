"""However the same rows are cut into files and cycles, the same is decided about the same firm."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from margin_assets.scenarios import scenario
from margin_assets.scenarios.batch import FEED_SCHEMAS, _json_line
from tests.support import ROOT
from tests.support.live_driver import Firm, assert_a_process_takes_over
from tests.support.telling import STRETCHES, Event, Teller, assert_same, cut, deliver, second


@pytest.fixture(scope="module")
def story() -> list[Event]:
    return Teller(1).tell()


@pytest.fixture(scope="module")
def told_at_once(story: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Firm:
    return deliver(tmp_path_factory.mktemp("once"), [story])


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


@pytest.mark.parametrize(("minutes", "singly"), [(1, False), (5, True), (10**6, True)])
def test_shorter_cycles_decide_as_one_cycle(
    told_at_once: Firm, story: list[Event], tmp_path: Path, minutes: int, singly: bool
):
    # The first hour or so, where most happens, for the cut that makes a hundred cycles.
    last = STRETCHES[1][0] + timedelta(minutes=25)
    if minutes == 1:
        story = [event for event in Teller(2).tell() if event[0] < last]
        told_at_once = deliver(tmp_path / "once", [story])

    assert_same(told_at_once, deliver(tmp_path, cut(story, 60 * minutes), singly=singly))


def test_a_process_every_other_cycle_decides_as_one_cycle(
    told_at_once: Firm, story: list[Event], tmp_path: Path
):
    firm = deliver(tmp_path, cut(story, 660), restart=True)

    assert_same(told_at_once, firm)
    assert_a_process_takes_over(firm)


def test_a_cycle_a_second_decides_as_one_cycle(tmp_path: Path):
    story = Teller(3).tell()
    # The last minutes of a session and the first of the next.
    begins, ends = STRETCHES[0][0] + timedelta(minutes=23), STRETCHES[1][0] + timedelta(minutes=1)
    story = [event for event in story if event[0].hour < 6 or begins < event[0] < ends]

    once = deliver(tmp_path / "once", [story])

    assert_same(once, deliver(tmp_path / "seconds", cut(story, 1)))


def test_one_thread_decides_as_two(told_at_once: Firm, tmp_path: Path):
    program = """
import json, sys
from pathlib import Path
from tests.support.telling import Teller, deliver
import numba
assert numba.get_num_threads() == 1
deliver(Path(sys.argv[1]), [Teller(1).tell()])
"""
    subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        check=True,
        cwd=ROOT,
        env=os.environ | {"NUMBA_NUM_THREADS": "1"},
    )
    firm = Firm.__new__(Firm)
    firm.lake = type(told_at_once.lake)(str(tmp_path / "lake"))
    firm.restart()

    assert firm.hashes() == told_at_once.hashes()
    assert firm.everything() == told_at_once.everything()


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
        parts.setdefault(event[0].toordinal() // 3, []).append(event)

    once = deliver(tmp_path / "once", [events])
    apart = deliver(tmp_path / "apart", list(parts.values()))

    assert once.table("enforcement_decisions").height > 100
    assert_same(once, apart)
