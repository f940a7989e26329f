"""Turns of many threads that would otherwise run in slices, each waiting for all others."""

import threading
from collections import deque
from typing import Self


class Turns:
    """A lock that is handed on in the order of asking; `threading.Lock` gives no such word.

    Under one interpreter lock ten threads at work for a millisecond each end after ten, all of
    them, or later: slices are five milliseconds long, and who gets the next is chance. By turns
    the first ends after one, and nobody is passed over.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()
        self._is_taken = False

    def __enter__(self) -> Self:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return self
            mine = threading.Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False
