"""Processes that are killed, each a fork of one that has their modules loaded and has used none."""

import multiprocessing
from collections.abc import Callable

_PATIENCE_SECONDS = 300
_LOADED = ("tests.support.killed_notifier", "tests.support.mini_session")


def exit_code_of(task: Callable[..., None], *arguments: object) -> int:
    """How a process ended that does one task; a signal is negative.

    Raises:
        TimeoutError: it does not end; it is killed.
    """
    context = multiprocessing.get_context("forkserver")
    # Taken by the first process of a test worker, that starts the one which forks.
    context.set_forkserver_preload(list(_LOADED))
    process = context.Process(target=task, args=arguments)
    process.start()
    process.join(_PATIENCE_SECONDS)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"{task.__name__} is at work after {_PATIENCE_SECONDS} seconds")
    return process.exitcode
