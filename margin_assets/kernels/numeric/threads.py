"""Walks over many rows on several threads.

The threads are Python's: a loop that is `nogil` runs beside others. Numba's own loops over threads
compile what is in them three times, which was half of what compiling took.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from numba import get_num_threads

ALONE = 512
"""Accounts that one thread walks as soon as several that must be started."""


def over_ranges(walk: Callable[[int, int], object], rows: int, alone: int) -> None:
    """Walks so many rows in ranges, first and end, on as many threads as Numba may use.

    The rows are independent of each other: threads cannot change a bit.

    Args:
        walk: releases the interpreter's lock.
        rows: how many there are.
        alone: rows that one thread walks as soon as several that must be started.

    Raises:
        Whatever the first of the walks raised, after all of them ended.
    """
    threads = min(get_num_threads(), -(-rows // alone))
    if threads <= 1:
        walk(0, rows)
        return
    edges = [rows * n // threads for n in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        walks = [pool.submit(walk, first, end) for first, end in pairwise(edges)]
    for done in walks:
        done.result()
