"""A short campaign: every kind of misfortune once; `make chaos` runs as many as are asked for."""

import json
import subprocess
import sys
from pathlib import Path

from polars.exceptions import PanicException

from tests.campaigns.exactly_once import desk
from tests.campaigns.exactly_once.director import breaks_off
from tests.campaigns.exactly_once.judged import OTHER_CUT, SAME_CUT, SAME_FILES
from tests.campaigns.exactly_once.life import Terminated
from tests.campaigns.exactly_once.plan import KINDS, trial
from tests.support import ROOT

# Trials with much in them: together every kind of misfortune and of delivery, a clock set back and
# one ahead, the desk killed at each of its points, rows that come late and plans cut small. They
# tell two stories, since each story is first told undisturbed.
SEEDS = ("3232", "11782", "3033", "29070")


def test_the_trials_have_everything_in_them():
    trials = [trial(int(seed)) for seed in SEEDS]
    steps = [step for one in trials for step in one.steps]
    lives = [life for step in steps for life in step.lives]

    assert {step.kind for step in steps} == {*KINDS, "desk"}
    assert {life.desk for life in lives} == {"", *desk.POINTS}
    assert len({life.point for life in lives}) > 3
    assert {one.how for one in trials} == {SAME_FILES, SAME_CUT, OTHER_CUT}
    assert any(one.max_files for one in trials)
    assert min(life.clock_shift for life in lives) < 0 < max(life.clock_shift for life in lives)
    assert {one.story % 2 for one in trials} == {0, 1}


def test_a_sigterm_raised_within_polars_is_one():
    """As Polars 2.1 told it of a table's scan, told to stop as it began; text abridged."""
    of_polars = PanicException(
        "called `Result::unwrap()` on an `Err` value: PyErr { type: <class "
        "'tests.campaigns.exactly_once.life.Terminated'>, value: Terminated(), traceback: None }"
    )

    assert breaks_off(Terminated())
    assert breaks_off(of_polars)
    assert not breaks_off(PanicException("called `Option::unwrap()` on a `None` value"))


def test_a_short_campaign_fails_nowhere(tmp_path: Path):
    command = [sys.executable, "-m", "tests.campaigns.chaos", "--only", *SEEDS, "--workers", "1"]

    done = subprocess.run(
        [*command, "--json", "--keep", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["trials"], found["failed"]) == (len(SEEDS), 0)
    assert all(found[kind] for kind in KINDS)
    assert found["killed at a named point"] > 3
    assert found["failed for want of space"] > 0
    assert found["desk"] > 3
    assert {"same files", "same cut", "other cut"} <= set(found)
