"""Follows a lake while it is asked: the firm of its newest cycle, made beside the answers."""

import logging
import threading
import time
from collections.abc import Sequence

from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.live.checking.sealed_firm import Document, SealedFirm, sealed_firm
from margin_assets.live.checking.turns import Turns
from margin_assets.whatif.orders import Order

_LOOK_SECONDS = 0.1
_IDLE_SECONDS = 300.0
"""Nobody asked for so long: what is held is let go, and made again for the next question."""
_SHARE = 3
"""Of the time, one part in this is spent on making firms at most: questions come first."""
STALE_SECONDS = 60.0
"""House choice: for so long answers may rest on a cycle that nobody knows to be the newest.

Past it there is no answer: the account may have been called, closed or frozen meanwhile.
"""
_STILL = "the newest cycle is still being read"
_log = logging.getLogger(__name__)


class Stale(LookupError):
    """What is held is too old to answer from."""


class Follower:
    """Holds one firm, replaced whole by that of a newer cycle: an answer is of one cycle.

    The first question makes it and waits for that; those after it wait for nothing.
    """

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._ledger = Ledger(lake)
        self._firm: SealedFirm | None = None
        self._asked = 0.0
        self._looked = 0.0
        """When it was last certain that no newer cycle than the one held was sealed."""
        self._trouble = _STILL
        self._turns = Turns()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def check(self, account: str, orders: Sequence[Order]) -> Document:
        """As `SealedFirm.check`, by the newest cycle that is held.

        Raises:
            UnknownAccount: it does not know the account.
            OrderError: a symbol of which nothing has landed.
            Stale: for too long nobody knew whether the cycle held is the newest.
            LookupError: nothing is sealed yet.
        """
        self._asked = time.monotonic()
        firm = self._firm or self._begin()
        age = self._asked - self._looked
        if age > STALE_SECONDS:
            raise Stale(
                f"held is cycle {firm.cycle}, not known to be the newest for {age:.0f} s "
                f"({STALE_SECONDS:.0f} are allowed): {self._trouble}"
            )
        with self._turns:
            return firm.check(account, orders)

    def look(self) -> bool:
        """Takes the newest sealed cycle where it is another; whether it was."""
        begun = time.monotonic()
        is_new = self._take()
        self._looked = begun
        return is_new

    def _take(self) -> bool:
        self._ledger.refresh()
        sealed, held = self._ledger.last_sealed(), self._firm
        if sealed is None or sealed.as_of is None:
            return False
        if held is not None and sealed.cycle == held.cycle:
            return False
        self._firm = sealed_firm(self._lake, sealed)
        return True

    def close(self) -> None:
        """Follows no longer."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _begin(self) -> SealedFirm:
        with self._lock:
            if self._firm is None:
                self.look()
            if self._firm is None:
                raise LookupError("nothing is sealed yet")
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="checking", daemon=True)
                self._thread.start()
            return self._firm

    def _run(self) -> None:
        pause = _LOOK_SECONDS
        while not self._stop.wait(pause):
            begun = time.monotonic()
            with self._lock:
                if begun - self._asked > _IDLE_SECONDS:
                    self._firm = self._thread = None
                    return
            try:
                self.look()
                self._trouble = _STILL
            except Exception as error:
                # The cycle held before still answers, until it is too old.
                self._trouble = f"{type(error).__name__}: {error}".splitlines()[0][:200]
                _log.warning("the newest cycle cannot be held: %s", error)
            pause = _pause(time.monotonic() - begun)


def _pause(took: float) -> float:
    """Seconds until the next look: the share gives way where what is held would grow too old."""
    return max(_LOOK_SECONDS, min((_SHARE - 1) * took, STALE_SECONDS / 2 - took))
