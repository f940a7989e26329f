"""A short campaign over a firm in divisions: an owner killed, two owners, a lost seal."""

import json
import subprocess
import sys

from tests.support import ROOT


def test_a_short_campaign_fails_nowhere():
    command = [sys.executable, "-m", "tests.campaigns.divisions", "--trials", "2", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["trials"], found["failed"]) == (2, 0)
    killed = {"killed at written:positions", "killed at before_seal"}
    assert {"owner killed", "two owners", *killed} <= set(found["seen"])
