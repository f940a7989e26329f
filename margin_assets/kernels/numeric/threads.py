"""Walks over many rows on several threads.

The threads are Python's: a loop that is `nogil` runs beside others. Numba's own loops over threads
compile what is in them three times, which was half of what compiling took, and what starts their
threads takes a process 50 ms.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise

from numba import config

ALONE = 512
"""Accounts that one thread walks as soon as several that must be started."""
_TOLD: ContextVar[int | None] = ContextVar("_TOLD", default=None)


def allowed() -> int:
    """Threads that a walk may use: those of the machine (`NUMBA_NUM_THREADS`) unless told."""
    told = _TOLD.get()
    return int(vars(config)["NUMBA_NUM_THREADS"]) if told is None else told


def keep_to(threads: int) -> None:
    """Has walks that begin in this thread from now on use no more threads."""
    _TOLD.set(threads)


@contextmanager
def at_most(threads: int) -> Iterator[None]:
    """Has walks that begin inside the block use no more threads."""
    before = _TOLD.set(threads)
    try:
        yield
    finally:
        _TOLD.reset(before)


def over_ranges(walk: Callable[[int, int], object], rows: int, alone: int) -> None:
    """Walks so many rows in ranges, first and end, on as many threads as may be used with this one.

    The rows are independent of each other: threads cannot change a bit.

    Args:
        walk: releases the interpreter's lock.
        rows: how many there are.
        alone: rows that one thread walks as soon as several that must be started.

    Raises:
        Whatever the first of the walks raised, after all of them ended.
    """
    threads = min(allowed(), -(-rows // alone))
    if threads <= 1:
        walk(0, rows)
        return
    own, *others = pairwise(rows * n // threads for n in range(threads + 1))
    with ThreadPoolExecutor(threads - 1) as pool:
        walks = [pool.submit(walk, *other) for other in others]
        walk(*own)
    for done in walks:
        done.result()
