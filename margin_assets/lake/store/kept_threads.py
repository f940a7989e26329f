"""Threads that are kept from one use to the next.

To start one takes its starter a millisecond or two, in which the new one has the interpreter: a
cycle of few rows took a tenth of its time for that.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Tasks:
    """What is begun on kept threads in one use of them."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads
        self._begun: list[Future[Any]] = []

    def submit(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Begins a task as soon as a thread is free."""
        begun = self._threads.submit(task, *args, **kwargs)
        self._begun.append(begun)
        return begun

    def wait(self) -> None:
        """Waits until all have ended, well or not."""
        wait(self._begun)


class KeptThreads:
    """A few threads of one owner, started when they are needed first, gone with it."""

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._threads: ThreadPoolExecutor | None = None
        self._process = os.getpid()

    @contextmanager
    def lent(self) -> Iterator[Tasks]:
        """Takes tasks; all of them have ended when the block has, however it ends."""
        tasks = Tasks(self._started())
        try:
            yield tasks
        finally:
            tasks.wait()

    def _started(self) -> ThreadPoolExecutor:
        # A fork has the pool of its parent, and none of the threads.
        if self._threads is None or self._process != os.getpid():
            self._process = os.getpid()
            self._threads = ThreadPoolExecutor(self._count, self._name)
        return self._threads
