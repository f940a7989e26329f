"""A sender as a process that is killed while it sends.

Usage: python -m tests.support.killed_notifier LAKE OUTBOX POINT COUNT
It is killed when it comes to a point of `margin_assets/lake/store/faults.py` for the COUNTth time.
"""

import os
import signal
import sys
from pathlib import Path

from margin_assets.desk.notices.contacts import post_of
from margin_assets.desk.notices.notifier import Notifier
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake


def main() -> None:
    lake, outbox, point, count = sys.argv[1:]
    seen = 0

    def hook(name: str) -> None:
        nonlocal seen
        seen += name == point
        if seen == int(count):
            os.kill(os.getpid(), signal.SIGKILL)

    faults.arm(hook)
    Notifier(Lake(lake), post_of(Path(outbox), None, {})).round()


if __name__ == "__main__":
    main()
