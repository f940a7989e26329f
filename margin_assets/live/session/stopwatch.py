"""How long each part of a cycle took."""

import time


class Stopwatch:
    """Seconds by part; what came before it began may be given."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = dict(seconds)
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Ends a part: it took the time since the part before it."""
        now = time.perf_counter()
        self.seconds[name] = now - self._last
        self._last = now
