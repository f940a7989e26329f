"""Follows a lake: the newest sealed figures in memory, replaced whole and never changed."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator

import polars as pl
import pyarrow as pa

from margin_assets.dashboard.at_rest import read_tables
from margin_assets.dashboard.due import Due
from margin_assets.dashboard.figures import LIVE, Figures, empty, read_published
from margin_assets.dashboard.past import Past
from margin_assets.lake.ledger.cycle_times import sealed_at
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.links import Walk
from margin_assets.lake.published import Published, folder_of
from margin_assets.lake.store.store import Lake

_LOOK_SECONDS = 0.02
_WANT_SECONDS = 2.0
# How long the published file may say nothing new before the ledger is asked.
_ASK_SECONDS = 1.0
_PUBLISHES_SECONDS = 1.0
# Deadlines are hours away, and reading them costs more than all that one viewer asks for.
_DUE_SECONDS = 2.0
_log = logging.getLogger(__name__)


class Follower:
    """One thread that looks for a newer cycle; what it found last is read by anyone."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.figures = empty()
        self.past = Past()
        self.deadlines = Due(lake).known()
        """Those that are shown: they may come a cycle later than figures."""
        self.trouble = ""
        """Why the lake cannot be read; empty if it can."""
        self.chain = Walk(lake)
        self._due = Due(lake)
        self._read = self.deadlines
        self._published = Published(folder_of(lake))
        self._ledger = Ledger(lake)
        self._ledger_lock = threading.Lock()
        self._sealed: Sealed | None = None
        self._stop = threading.Event()
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Calls it in the follower's thread whenever a newer cycle is there."""
        self._listeners.append(listener)

    @contextlib.contextmanager
    def following(self) -> Iterator[None]:
        """Follows meanwhile. What is sealed already is there when this begins."""
        # A session that is at work publishes at once, which is much less than to read the tables.
        self._say_wanted()
        patience = time.monotonic() + _PUBLISHES_SECONDS
        while not self._look() and time.monotonic() < patience:
            time.sleep(_LOOK_SECONDS)
        self._ask_ledger()
        thread = threading.Thread(target=self._run, name="follower", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def sealed(self) -> Sealed | None:
        """The sealed cycle to read tables at: that of the figures, or a newer one."""
        with self._ledger_lock:
            if self._sealed is None or self._sealed.cycle < self.figures.cycle:
                self._ledger.refresh()
                self._sealed = self._ledger.last_sealed()
            return self._sealed

    def _run(self) -> None:
        wanted = asked = read = 0.0
        while not self._stop.wait(_LOOK_SECONDS):
            now = time.monotonic()
            if now - wanted >= _WANT_SECONDS:
                wanted = now
                self._say_wanted()
            if self._look():
                asked = now
            elif now - read >= _DUE_SECONDS and self._is_due_old():
                read = now
                self._read_due()
            elif now - asked >= _ASK_SECONDS:
                asked = now
                self._ask_ledger()
                self._catch_up()

    def _say_wanted(self) -> None:
        # A lake that nobody may write to is read from its tables.
        with contextlib.suppress(OSError):
            self._published.want()

    def _look(self) -> bool:
        """Takes a published cycle that is newer; whether there was one."""
        path = self._published.newest()
        if path is None or not self._is_newer(int(path.stem.rpartition("-")[2])):
            return False
        try:
            self._take(read_published(path))
        except (OSError, pa.ArrowInvalid, KeyError, ValueError, pl.exceptions.PolarsError) as error:
            _log.warning("published figures cannot be read: %s", error)
            return False
        return True

    def _is_newer(self, cycle: int) -> bool:
        held = self.figures
        return cycle > held.cycle or (cycle == held.cycle and held.source != LIVE)

    def _ask_ledger(self) -> None:
        """Takes the last sealed cycle from the tables, unless it is here from its session."""
        try:
            with self._ledger_lock:
                self._ledger.refresh()
                sealed = self._sealed = self._ledger.last_sealed()
            if sealed is not None and sealed.cycle > self.figures.cycle and not self._look():
                self._take(read_tables(self.lake, sealed, sealed_at(self.lake, sealed)))
            self.trouble = ""
        except Exception as error:
            # Whatever a store may say: the pages go on with what they have, and say so.
            self.trouble = _named(error)
            _log.warning("the lake cannot be read: %s", self.trouble)

    def _take(self, figures: Figures) -> None:
        if figures.cycle != self.figures.cycle or figures.source != self.figures.source:
            self.past.take(figures)
            # Deadlines come some cycles later than what a viewer waits for.
            self.deadlines = self._read
            self.figures = figures
            self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _read_due(self) -> None:
        trouble = ""
        try:
            if (sealed := self.sealed()) is not None:
                self._due.take(sealed)
        except Exception as error:
            # Whatever a store may say: what was read before is shown, and said to be old.
            trouble = _named(error)
            if trouble != self._read.trouble:
                _log.warning("margin calls cannot be read: %s", trouble)
        self._read = self._due.known(trouble)

    def _is_due_old(self) -> bool:
        return self._read.cycle < self.figures.cycle or self._read.trouble != ""

    def _catch_up(self) -> None:
        """Shows deadlines where no newer cycle comes."""
        if not self._read.is_as(self.deadlines):
            self.deadlines = self._read
            self._tell()


def _named(error: Exception) -> str:
    """What went wrong, in one line."""
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
