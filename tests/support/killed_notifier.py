"""A sender that is killed while it sends."""

import os
import signal
from pathlib import Path

from margin_assets.desk.notices.contacts import post_of
from margin_assets.desk.notices.notifier import Notifier
from margin_assets.lake.store import faults
from margin_assets.lake.store.store import Lake


def killed_round(lake: str, outbox: str, point: str, count: int) -> None:
    """A round in a process of its own, which dies the `count`th time that it comes to a point.

    The points are those of `margin_assets/lake/store/faults.py`.
    """
    seen = 0

    def hook(name: str) -> None:
        nonlocal seen
        seen += name == point
        if seen == count:
            os.kill(os.getpid(), signal.SIGKILL)

    faults.arm(hook)
    Notifier(Lake(lake), post_of(Path(outbox), None, {})).round()
