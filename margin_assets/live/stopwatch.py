"""How long each part of a cycle takes."""

import time


class Stopwatch:
    """Seconds of each part, by the laps that end them."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = dict(seconds)
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Ends a part."""
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
