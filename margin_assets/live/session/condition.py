"""How a session's store is doing: `ok`, or `degraded` with the cause and since when."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

OK, DEGRADED = "ok", "degraded"


@dataclass(frozen=True)
class StoreCondition:
    """How the store was doing at one time."""

    state: str
    cause: str
    """The step in trouble and what it met; empty when ok."""
    since: float
    """When it came into this state, in seconds of the monotonic clock."""

    @property
    def seconds(self) -> float:
        """How long it has been in this state."""
        return time.monotonic() - self.since


class Condition:
    """The standing of one session. Told by its lake's steps, from any thread; read by anyone.

    Degraded from the first failed attempt on, or from the first step that has no answer for too
    long; ok again after a whole cycle, or an idle look at the landing folder, without either.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._now = StoreCondition(OK, "", time.monotonic())
        self._failing: dict[object, str] = {}
        self._is_calm = True
        self._listeners: list[Callable[[StoreCondition, StoreCondition], None]] = []
        self.spells = 0
        """How often it became degraded."""
        self.troubles = 0
        """Failed attempts and slow steps."""
        self._degraded_seconds = 0.0

    @property
    def now(self) -> StoreCondition:
        """State, cause and time together, as they were at one moment."""
        return self._now

    @property
    def state(self) -> str:
        """`ok` or `degraded`."""
        return self._now.state

    @property
    def cause(self) -> str:
        """The last trouble of this spell; empty when ok."""
        return self._now.cause

    @property
    def since(self) -> float:
        """When it came into its state, in seconds of the monotonic clock."""
        return self._now.since

    @property
    def degraded_seconds(self) -> float:
        """Time spent degraded, all spells together."""
        with self._lock:
            running = self._now.seconds if self._now.state == DEGRADED else 0.0
            return self._degraded_seconds + running

    def watch(self, listener: Callable[[StoreCondition, StoreCondition], None]) -> None:
        """Calls `listener(before, now)` on every change of state, in the thread that meets it."""
        self._listeners.append(listener)

    def failing(self, step: object, cause: str) -> None:
        """A step has failed and will be tried again, or has no answer yet."""
        with self._lock:
            self._failing[step] = cause
            self._is_calm = False
            self.troubles += 1
            if self._now.state == DEGRADED:
                self._now = StoreCondition(DEGRADED, cause, self._now.since)
                return
            self.spells += 1
            self._enter(DEGRADED, cause)

    def recovered(self, step: object) -> None:
        """A step that failed is done, or has ended for good."""
        with self._lock:
            self._failing.pop(step, None)

    def settle(self, *, is_last: bool = False) -> None:
        """A cycle or an idle look is over: ok again if it was calm, or if it was the last."""
        with self._lock:
            was_calm, self._is_calm = self._is_calm, True
            if self._now.state == DEGRADED and not self._failing and (was_calm or is_last):
                self._degraded_seconds += self._now.seconds
                self._enter(OK, "")

    def to_json(self) -> dict[str, Any]:
        """For the document of `margin live`."""
        return {
            "state": self.state,
            "cause": self.cause,
            "troubles": self.troubles,
            "spells": self.spells,
            "degraded_seconds": round(self.degraded_seconds, 3),
        }

    def _enter(self, state: str, cause: str) -> None:
        before, self._now = self._now, StoreCondition(state, cause, time.monotonic())
        for listener in self._listeners:
            listener(before, self._now)
