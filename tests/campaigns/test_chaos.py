"""A short campaign: every kind of misfortune once; `make chaos` runs as many as are asked for."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT

# Seven seeds in a row have every kind of misfortune; from this one on also every kind of delivery,
# a clock set back and the desk to be killed at each of its points, told by four stories.
FIRST_SEED = "18753"


def test_a_short_campaign_fails_nowhere(tmp_path: Path):
    command = [sys.executable, "-m", "tests.campaigns.chaos", "--trials", "7", "--workers", "1"]

    done = subprocess.run(
        [*command, "--seed", FIRST_SEED, "--json", "--keep", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["trials"], found["failed"]) == (7, 0)
    kinds = ("point", "moment", "rivals", "terminated", "full disk", "small files", "upkeep")
    assert all(found[kind] for kind in kinds)
    assert found["killed at a named point"] > 3
    assert found["failed for want of space"] > 0
    assert found["desk"] > 3
    assert {"same files", "same cut", "other cut"} <= set(found)
