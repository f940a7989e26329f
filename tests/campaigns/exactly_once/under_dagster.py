"""The slower trial: a real Dagster daemon, whose runs are terminated while their successors start.

Rows land one file at a time, the next when the one before is sealed: so every file is one step in
event order, and any batching of them must give the tables of the undisturbed run.
"""

import random
import time
from datetime import timedelta
from pathlib import Path

import dagster as dg

from benchmarks.latency import wait_for
from benchmarks.processes import daemon
from margin_assets.lake.store.store import Lake
from tests.campaigns.exactly_once import judged
from tests.campaigns.exactly_once.cast import Event, second
from tests.campaigns.exactly_once.deliveries import Delivery, Feed, LandingFile, as_told
from tests.campaigns.exactly_once.life import Life, Place, live
from tests.campaigns.exactly_once.story import STORIES, Story, story

_STEPS = 12
_ALIVE = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.STARTING]


def run(seed: int, folder: Path) -> tuple[list[str], int]:
    """One trial: what is wrong after it, and how many runs were terminated in it."""
    told = _told(seed)
    undisturbed, disturbed = Place(folder / "undisturbed"), folder / "dagster"
    live(Life(), undisturbed, as_told(told), keeps_cut=True)
    expected = judged.told(Lake(undisturbed.lake), judged.OTHER_CUT)
    delivery = _one_by_one(told)
    disturbed.mkdir()
    lake = Lake(f"{disturbed}/lake")
    feed, chance, terminated = Feed(disturbed / "landing", delivery), random.Random(seed), 0
    feed.land(1)
    home = disturbed / "dagster_home"
    with daemon(disturbed), dg.DagsterInstance.from_config(str(home)) as instance:
        for number in range(1, len(delivery) + 1):
            feed.land(number)
            if number % 4 == 2:
                time.sleep(chance.uniform(0.0, 0.6))
                terminated += _terminate(instance, is_forced=chance.random() < 0.7)
            wait_for(lake, {file.path for file in delivery[number - 1]})
    found = list(judged.problems(lake, expected, judged.OTHER_CUT, told, delivery))
    return found, terminated


def _told(seed: int) -> Story:
    """A punctual story in which no second after the opening has rows of two feeds."""
    for number in range(seed, seed + STORIES):
        candidate = story(2 * (number % STORIES) + 1)
        if _is_single_file(candidate):
            return candidate
    raise LookupError("no story lands one file at a time")


def _is_single_file(told: Story) -> bool:
    return all(len({event.feed for event in group}) == 1 for group in _seconds(told)[1:])


def _seconds(told: Story) -> list[list[Event]]:
    """Rows by the grid second of their delivery; the first is the opening."""
    groups: dict[int, list[Event]] = {}
    for batch in told.batches:
        for event in batch:
            groups.setdefault(second(event.due), []).append(event)
    return list(groups.values())


def _one_by_one(told: Story) -> Delivery:
    """All but the last rows at once, then single files, one for each second in which rows came."""
    groups = _seconds(told)
    early, late = groups[:-_STEPS], groups[-_STEPS:]
    feeds: dict[str, list[Event]] = {}
    for group in early:
        for event in group:
            feeds.setdefault(event.feed, []).append(event)
    parts = [list(feeds.values()), *([group] for group in late)]
    return [[_file(number, events) for events in part] for number, part in enumerate(parts)]


def _file(number: int, events: list[Event]) -> LandingFile:
    at = max(event.due for event in events) + timedelta(seconds=1)
    data = "".join(event.line for event in events).encode()
    return LandingFile(f"{events[0].feed}/{number:04d}.ndjson", data, at)


def _terminate(instance: dg.DagsterInstance, *, is_forced: bool) -> int:
    """Stops the live runs; forced, they count as ended while they may still be at work."""
    runs = instance.get_runs(dg.RunsFilter(job_name="live_margin", statuses=_ALIVE))
    for run in runs:
        instance.run_launcher.terminate(run.run_id)
        if is_forced:
            instance.report_run_canceled(run)
    return len(runs)
