"""Processes that must not outlive the one which started them."""

import os
import threading
from multiprocessing import parent_process


def end_with_parent() -> None:
    """From now on this process ends when the one that started it does, however that ended.

    A pool's own processes wait for work for ever once a kill has taken who would have told them.
    """
    threading.Thread(target=_wait, daemon=True).start()


def _wait() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
