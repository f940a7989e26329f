"""A session under a lease: stands by, takes over, seals, and lets go when it is told to end."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

from margin_assets.lake.landing.landing import Landing, Pending
from margin_assets.lake.ledger.ledger import AnotherSession, Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.live.service.beside import beside
from margin_assets.live.session.session import CycleResult
from margin_assets.live.session.watch import landing_lag

ACTIVE, STANDBY = "active", "standby"
Event = dict[str, Any]
Tell = Callable[[Event], None]
# A lease is renewed so often in its time: two renewals may fail.
_RENEWALS = 3
_LOOK_SECONDS = 0.5
_ALIVE_SECONDS = 10.0


class Sealing(Protocol):
    """What seals cycles of one lake."""

    lake: Lake
    ledger: Ledger

    def pending(self, landing: Landing) -> list[Pending]:
        """What has landed and is in no plan yet; what is sealed is in memory from now on."""

    def run(self, landing: Landing, *, stop: Callable[[], bool]) -> Iterator[CycleResult]:
        """Seals cycle after cycle until told to stop."""


class Leased(Protocol):
    """One process's sight of a lease."""

    seconds: float

    def take(self) -> int | None:
        """The epoch from which this process is active; None while another is."""

    def renew(self) -> bool:
        """Holds on to it; False once it is lost."""

    def is_held(self) -> bool:
        """Whether nobody else can have taken it yet."""

    def release(self) -> bool:
        """Lets it go; False if it was lost already."""


class Service:
    """One process of a service. What it tells is told in its own thread, in order."""

    def __init__(self, session: Sealing, lease: Leased, tell: Tell) -> None:
        self._session, self._lease, self._tell = session, lease, tell
        self.role = STANDBY
        self._alive_at = float("-inf")
        self.standing: Callable[[], Event] = dict
        """What else is said while alive."""

    def run(self, landing: Landing, stop: Callable[[], bool]) -> Iterator[CycleResult]:
        """Seals whenever it holds the lease, until told to stop; the cycle at work is sealed.

        Raises:
            StoreUnavailable: the store was in trouble for too long; the lease is let go.
        """
        # Warm: the firm is in memory, so that taking over loads what was sealed since, and no more.
        self._session.pending(landing)
        while not self._over(stop):
            epoch = self._session.lake.access.keep("looking at the lease", self._lease.take)
            if epoch is None:
                time.sleep(_LOOK_SECONDS)
                continue
            yield from self._active(epoch, landing, stop)

    def _active(
        self, epoch: int, landing: Landing, stop: Callable[[], bool]
    ) -> Iterator[CycleResult]:
        self._tell({"event": "lease_taken", "epoch": epoch})
        try:
            with renewing(self._lease):
                self._session.ledger.claim(epoch)
                self.role = ACTIVE
                for result in self._session.run(
                    landing, stop=lambda: self._over(stop) or not self._lease.is_held()
                ):
                    self._tell(sealed_event(result, datetime.now(UTC)))
                    yield result
        except AnotherSession as other:
            self._tell({"event": "another_session", "why": str(other)})
        finally:
            self.role = STANDBY
            self._tell({"event": "released" if self._let_go() else "lease_lost", "epoch": epoch})

    def _let_go(self) -> bool:
        """Lets the lease go; where the store does not answer, time will: nobody renews it."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._lease.release()
        except (BotoCoreError, ClientError):
            return False

    def _over(self, stop: Callable[[], bool]) -> bool:
        """Whether to stop; asked between cycles, so that what is heard alive is not stuck."""
        now = time.monotonic()
        if now - self._alive_at >= _ALIVE_SECONDS:
            self._alive_at = now
            self._tell({"event": "alive", "role": self.role} | self.standing())
        return stop()


def renewing(lease: Leased) -> AbstractContextManager[None]:
    """Renews a lease from a thread of its own; a store that does not answer is asked again."""
    from botocore.exceptions import BotoCoreError, ClientError

    def renew(ended: threading.Event) -> None:
        while not ended.wait(lease.seconds / _RENEWALS):
            try:
                if not lease.renew():
                    return
            except (BotoCoreError, ClientError):
                continue

    return beside("lease", renew)


def sealed_event(result: CycleResult, now: datetime) -> Event:
    """What is told of a sealed cycle, with its delay unless none of its files could be read."""
    told: Event = {
        "event": "sealed",
        "cycle": result.sealed.cycle,
        "seconds": round(sum(result.seconds.values()), 4),
    }
    lag = landing_lag(result, now)
    return told if lag is None else told | {"landed_to_sealed_seconds": round(lag, 4)}
