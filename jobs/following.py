"""Tells Dagster what a live service sealed, outside of any run, once its storage is there.

A run of the service's own would be the daemon's to judge: without a task of the launcher its
monitor calls it failed at the next look, and one that ends without a word stays started for ever.
Events of assets need no run, and can wait: sealing goes on while Dagster's database is away.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dagster as dg

from jobs.reporting import evaluations, materializations
from margin_assets.live.session.session import CycleResult

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation
# Some hours of a cycle a second; beyond, the oldest are let go: the lake has them all.
_MOST = 200_000
_PAUSE_SECONDS = 2.0
_TRIES = 5


class DagsterFollower:
    """Events in the order of the cycles, each told once, tried until it is taken."""

    def __init__(
        self, instance: Callable[[], dg.DagsterInstance], pause_seconds: float = _PAUSE_SECONDS
    ) -> None:
        """`instance` opens Dagster's, and may fail as long as its storage is away."""
        self._open, self._pause = instance, pause_seconds
        self._instance: dg.DagsterInstance | None = None
        self._waiting: deque[tuple[float, Event]] = deque(maxlen=_MOST)
        self._there = threading.Event()
        self._ended = threading.Event()
        self.trouble = ""
        """Why the last event was not taken; empty if it was."""
        self._tries = 0
        self.refused = 0
        """Events that Dagster did not take though its storage is there."""

    def take(self, result: CycleResult) -> None:
        """A cycle was sealed: what Dagster is to know of it waits its turn."""
        at = time.monotonic()
        told: list[Event] = [*materializations(result), *map(_of_no_day, evaluations(result))]
        self._waiting.extend((at, event) for event in told)
        self._there.set()

    @property
    def behind_seconds(self) -> float:
        """How long the oldest event has waited; 0 where none does."""
        try:
            return time.monotonic() - self._waiting[0][0]
        except IndexError:
            return 0.0

    @contextmanager
    def following(self) -> Iterator[None]:
        """Tells from a thread of its own; at the end what still can be told is."""
        thread = threading.Thread(target=self._follow, name="dagster", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._there.set()
            thread.join()

    def _follow(self) -> None:
        while True:
            self._there.wait()
            self._there.clear()
            while self._waiting:
                # Told to end while Dagster is away: what waits is in the lake.
                if not self._tell_next() and self._ended.wait(self._pause):
                    return
            if self._ended.is_set():
                return

    def _tell_next(self) -> bool:
        oldest = self._waiting[0]
        try:
            if self._instance is None:
                self._instance = self._open()
                self._tries += 1
            self._instance.report_runless_asset_event(oldest[1])
            self.trouble = ""
        except Exception as error:
            # Opened anew each time and still not taken: it is the event, and others wait behind it.
            is_there = self._instance is not None
            self._instance, self.trouble = None, str(error) or type(error).__name__
            if not is_there or self._tries < _TRIES:
                return False
            self.refused += 1
        self._tries = 0
        # The deque may have let the oldest go meanwhile.
        if self._waiting and self._waiting[0] is oldest:
            self._waiting.popleft()
        return True


def _of_no_day(evaluation: dg.AssetCheckEvaluation) -> dg.AssetCheckEvaluation:
    """Outside of a run Dagster takes a check of a partition once, and refuses the next cycle's."""
    return dg.AssetCheckEvaluation(
        asset_key=evaluation.asset_key,
        check_name=evaluation.check_name,
        passed=evaluation.passed,
        metadata=evaluation.metadata,
        severity=evaluation.severity,
        blocking=evaluation.blocking,
    )
