"""A short campaign: every kind of misfortune once; `make chaos` runs as many as are asked for."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT

# Trials with much in them: together every kind of misfortune and of delivery, a clock set back and
# one ahead, the desk killed at each of its points, rows that come late and plans cut small. They
# tell two stories, since each story is first told undisturbed.
SEEDS = ("3232", "11782", "3033", "29070")


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
    kinds = ("point", "moment", "rivals", "terminated", "full disk", "small files", "upkeep")
    assert all(found[kind] for kind in kinds)
    assert found["killed at a named point"] > 3
    assert found["failed for want of space"] > 0
    assert found["desk"] > 3
    assert {"same files", "same cut", "other cut"} <= set(found)
