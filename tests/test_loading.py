"""What is loaded runs no query: the threads that one starts do not survive a fork."""

import subprocess
import sys

_LOADED = """
import polars

def refused(*_, **__):
    raise AssertionError("a query at import")

polars.LazyFrame.collect = refused
import margin_assets.live.past.replay
import margin_assets.kernels.history.history
"""


def test_loading_the_live_session_runs_no_query():
    done = subprocess.run(
        [sys.executable, "-c", _LOADED], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
