"""The lease: one object beside the lake that says which process is active.

No clock of another machine is believed. Whoever stands by watches the object, and takes it when it
has not changed for the time of the lease by its own clock; whoever holds it stops counting on it
when that time has passed since it last began to renew it. Every taking raises the epoch, which the
ledger is then fenced by: the lease saves work, the fence keeps the lake.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from margin_assets.lake.objects.swapped import SwappedObject
from margin_assets.lake.store.store import Lake

LEASE = "_lease/live.json"
"""Below the lake; no table is called so."""
# For who only looks: long beside any lease, so that clocks need not agree to the second.
_ATTENDED = timedelta(seconds=60)


@dataclass(frozen=True)
class Claim:
    """What the object says."""

    epoch: int
    owner: str
    renewal: int
    is_free: bool = False

    @classmethod
    def of(cls, content: bytes) -> "Claim":
        """From the bytes of the object."""
        return cls(**json.loads(content))

    def content(self) -> bytes:
        """As it is kept."""
        return json.dumps(self.__dict__, sort_keys=True).encode()


def is_attended(place: SwappedObject, now: datetime) -> bool:
    """Whether some process is active, or was a moment ago: decides nothing but whether to help."""
    found = place.read()
    if found is None or Claim.of(found.content).is_free:
        return False
    return now - found.written_at < _ATTENDED


def is_served(lake: Lake, now: datetime) -> bool:
    """Whether a service attends to a lake; a folder has no lease, and so no service."""
    if not lake.access.is_remote:
        return False
    return is_attended(SwappedObject(lake.access, LEASE), now)


class Lease:
    """One process's sight of the lease."""

    def __init__(
        self,
        place: SwappedObject,
        owner: str,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`owner` names this process and no other; `seconds` is the same for all of them."""
        self._place, self._owner, self._clock = place, owner, clock
        self.seconds = seconds
        self._mine: tuple[Claim, str] | None = None
        self._renewed = float("-inf")
        self._seen: tuple[str, float] | None = None
        """The tag of another's lease, and when it was first seen."""

    def take(self) -> int | None:
        """The epoch from which this process is active; None while another is."""
        asked = self._clock()
        found = self._place.read()
        standing = Claim(0, "", 0, is_free=True) if found is None else Claim.of(found.content)
        tag = None if found is None else found.tag
        if not standing.is_free and not self._is_stale(str(tag), asked):
            return None
        taken = Claim(standing.epoch + 1, self._owner, 0)
        made = self._place.swap(tag, taken.content())
        if made is None:
            # Another was quicker, or our own answer was lost: then this epoch is nobody's, and
            # is taken over like any other.
            return None
        self._mine, self._renewed, self._seen = (taken, made), asked, None
        return taken.epoch

    def _is_stale(self, tag: str, now: float) -> bool:
        if self._seen is None or self._seen[0] != tag:
            self._seen = (tag, now)
        return now - self._seen[1] >= self.seconds

    def renew(self) -> bool:
        """Holds on to it; False once it is lost."""
        if not self.is_held():
            return False
        asked = self._clock()
        standing, tag = self._held()
        renewed = Claim(standing.epoch, standing.owner, standing.renewal + 1)
        made = self._place.swap(tag, renewed.content()) or self._answer_lost(renewed)
        if made is None:
            self._mine = None
            return False
        self._mine, self._renewed = (renewed, made), asked
        return True

    def _answer_lost(self, renewed: Claim) -> str | None:
        """The tag of our own renewal, if it was made before and its answer was lost."""
        found = self._place.read()
        is_ours = found is not None and Claim.of(found.content) == renewed
        return found.tag if found is not None and is_ours else None

    def _held(self) -> tuple[Claim, str]:
        if self._mine is None:
            raise ValueError("the lease is not held")
        return self._mine

    def is_held(self) -> bool:
        """Whether nobody else can have taken it yet."""
        return self._mine is not None and self._clock() - self._renewed < self.seconds

    def release(self) -> bool:
        """Lets it go, so that who stands by need not wait; False if it was lost already."""
        if self._mine is None:
            return False
        (standing, tag), self._mine = self._mine, None
        free = Claim(standing.epoch, standing.owner, standing.renewal, is_free=True)
        return self._place.swap(tag, free.content()) is not None
