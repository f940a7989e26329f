"""What can go wrong with a request to a store, and plans that say when it does."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple


class Request(NamedTuple):
    """What a plan knows of a request."""

    number: int
    """From 0, in the order in which requests came."""
    method: str
    path: str
    """With its query."""
    key: str
    """Access key that signed it; empty if none did."""

    @property
    def is_commit(self) -> bool:
        """Whether it creates an entry of a Delta log."""
        return self.method == "PUT" and "/_delta_log/" in self.path and ".json" in self.path


class Fault(NamedTuple):
    """One thing that goes wrong with one request."""

    kind: str
    status: int = 0
    code: str = ""
    seconds: float = 0.0


UNAVAILABLE = Fault("503", 503, "ServiceUnavailable")
INTERNAL = Fault("500", 500, "InternalError")
SLOW_DOWN = Fault("slow_down", 503, "SlowDown")
TOO_MANY = Fault("429", 429, "TooManyRequests")
EXPIRED = Fault("expired", 400, "ExpiredToken")
REFUSED = Fault("refused", 403, "InvalidAccessKeyId")
RESET = Fault("reset")
"""The connection is reset before the request goes on."""
LOST = Fault("lost")
"""The request goes on and succeeds; the connection is reset in place of its answer."""
SWALLOWED = Fault("swallowed", 500, "InternalError")
"""The request goes on and succeeds; an error stands in place of its answer."""
CUT = Fault("cut")
"""The answer ends half-way."""
DELAY = Fault("delay", seconds=5.0)

TRANSIENT = (UNAVAILABLE, INTERNAL, SLOW_DOWN, TOO_MANY, EXPIRED, RESET, LOST, SWALLOWED, CUT)
"""Faults that cost no time of their own."""

Plan = Callable[[Request], Fault | None]
"""What goes wrong with a request, if anything: asked for one request at a time."""


def nothing(_: Request) -> None:
    """No fault."""


@dataclass
class Always:
    """The same fault with every request of a kind."""

    fault: Fault
    within: str = ""
    """Part of the path."""

    def __call__(self, request: Request) -> Fault | None:
        return self.fault if self.within in request.path else None


@dataclass
class First:
    """The same fault with the first requests of a kind."""

    fault: Fault
    count: int = 1
    only_commits: bool = False
    within: str = ""
    """Part of the path."""

    def __call__(self, request: Request) -> Fault | None:
        if self.within not in request.path or (self.only_commits and not request.is_commit):
            return None
        self.count -= 1
        return self.fault if self.count >= 0 else None


@dataclass
class Bursts:
    """Faults in bursts of 1 to `longest` requests, drawn for a share of all requests."""

    seed: int
    share: float
    faults: tuple[Fault, ...]
    longest: int = 8
    _left: int = 0
    _fault: Fault | None = None
    _draw: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self._draw.seed(self.seed)

    def __call__(self, _: Request) -> Fault | None:
        if self._left == 0 and self._draw.random() < self.share / ((self.longest + 1) / 2):
            self._left = self._draw.randint(1, self.longest)
            self._fault = self._draw.choice(self.faults)
        if self._left == 0:
            return None
        self._left -= 1
        return self._fault


@dataclass
class Outages:
    """The store is away for some seconds, again and again."""

    every: float
    seconds: float
    fault: Fault = RESET
    _started: float = field(default_factory=time.monotonic)

    def __call__(self, _: Request) -> Fault | None:
        at = (time.monotonic() - self._started) % self.every
        return self.fault if at >= self.every - self.seconds else None


@dataclass
class Throttle:
    """`SlowDown` for all that comes faster than a bucket of tokens refills."""

    per_second: float
    burst: float
    _left: float = 0.0
    _last: float = field(default_factory=time.monotonic)

    def __call__(self, _: Request) -> Fault | None:
        now = time.monotonic()
        self._left = min(self._left + (now - self._last) * self.per_second, self.burst)
        self._last = now
        if self._left < 1:
            return SLOW_DOWN
        self._left -= 1
        return None


@dataclass
class Expired:
    """Requests signed with these access keys are refused: their time is over."""

    keys: tuple[str, ...]
    fault: Fault = EXPIRED

    def __call__(self, request: Request) -> Fault | None:
        return self.fault if request.key in self.keys else None
