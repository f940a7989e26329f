"""Follows a lake: the firm of its newest sealed cycle, made beside the questions it answers."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Sequence

from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store.store import Lake
from margin_assets.live.checking.sealed_firm import Document, SealedFirm, sealed_firm
from margin_assets.whatif.orders import Order

_LOOK_SECONDS = 0.1
_SHARE = 3
"""Of the time, one part in this is spent on making firms at most: questions come first."""
_log = logging.getLogger(__name__)


class Follower:
    """Holds one firm, replaced whole by that of a newer cycle; what it answers is of one cycle."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._ledger = Ledger(lake)
        self._firm: SealedFirm | None = None
        self._stop = threading.Event()

    @property
    def cycle(self) -> int:
        """The cycle that answers are of; 0 while there is none."""
        return 0 if self._firm is None else self._firm.cycle

    def check(self, account: str, orders: Sequence[Order]) -> Document:
        """As `SealedFirm.check`, by the newest cycle that is held.

        Raises:
            LookupError: none is held yet, or it does not know the account.
            OrderError: a symbol of which nothing has landed.
        """
        firm = self._firm
        if firm is None:
            raise LookupError("no cycle is held yet")
        return firm.check(account, orders)

    def look(self) -> bool:
        """Takes the newest sealed cycle where it is another; whether it was."""
        self._ledger.refresh()
        sealed = self._ledger.last_sealed()
        if sealed is None or sealed.as_of is None or sealed.cycle == self.cycle:
            return False
        self._firm = sealed_firm(self._lake, sealed)
        return True

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Follows meanwhile, in a thread. What is sealed already is held when this begins."""
        self.look()
        thread = threading.Thread(target=self._run, name="checking", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _run(self) -> None:
        pause = _LOOK_SECONDS
        while not self._stop.wait(pause):
            begun = time.monotonic()
            try:
                self.look()
            except Exception as error:
                # The cycle held before still answers.
                _log.warning("the newest cycle cannot be held: %s", error)
            pause = max(_LOOK_SECONDS, (_SHARE - 1) * (time.monotonic() - begun))
