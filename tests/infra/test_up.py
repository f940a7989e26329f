import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support import ROOT

# What it would start takes half a minute to come up; how it ends does not depend on it.
SLEEPERS = """
import sys
from infra import up
up.commands = lambda *_: [["sh", "-c", f"echo $$ >> {sys.argv[1]}; exec sleep 600"]] * 2
sys.exit(up.main())
"""


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_told_to_end_it_leaves_nothing_behind(tmp_path: Path, told: signal.Signals):
    started = tmp_path / "started"
    home = {"DAGSTER_HOME": str(tmp_path), "MARGIN_METRICS_PORT": "0"}
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPERS, str(started)],
        cwd=ROOT,
        env=os.environ | home,
        stdout=subprocess.DEVNULL,
        # As a script's shell does for what it starts in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    while not started.exists() or len(started.read_text().split()) < 2:
        assert process.poll() is None
        time.sleep(0.02)

    process.send_signal(told)

    assert process.wait(60) == 0
    for child in started.read_text().split():
        assert not Path("/proc", child).exists()
