"""What is loaded when: threads of a query do not survive a fork, and a page needs no loops."""

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


def test_pages_are_served_without_compiled_loops_and_calendars():
    told = "print(sorted({'numba', 'exchange_calendars'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, margin_assets.dashboard.app; {told}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "[]\n"
