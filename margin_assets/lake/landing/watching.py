"""A landing folder that tells of what lands: looking costs what is new, not what is there."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from margin_assets.lake.landing.landing import LocalLanding, Pending

# The system may drop a change when many come at once, and a network share tells of none. The
# whole folder is listed so often, and for at most a hundredth of the time.
_LIST_SECONDS, _LIST_SHARE = 15.0, 100
# Files of one moment land one after the other: the first waits so long for the others.
_LINGER_SECONDS = 0.004


class WatchedLanding(LocalLanding):
    """A local landing folder, watched while the context is open.

    What it tells is what a listing would, a moment earlier or some seconds later; what a cycle
    takes is decided by its plan.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._events = _Events()
        self._observer = Observer()
        self._waiting: dict[str, Pending] = {}
        self._list_at = 0.0

    def __enter__(self) -> "WatchedLanding":
        self.folder.mkdir(parents=True, exist_ok=True)
        # A watch goes by the real place, which the paths of its events start with.
        self.folder = self.folder.resolve()
        self._observer.schedule(self._events, str(self.folder), recursive=True)
        self._observer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._observer.stop()
        self._observer.join()

    def unknown(self, is_known: Callable[[Pending], bool]) -> list[Pending]:
        """Every file that is not known; the known ones are not looked at again."""
        told = self._events.take()
        started = time.monotonic()
        if started >= self._list_at:
            self._waiting = {entry.place: entry for entry in self.entries()}
            now = time.monotonic()
            self._list_at = now + max(_LIST_SECONDS, _LIST_SHARE * (now - started))
        else:
            for place in told:
                self._waiting.pop(place, None)
                self._waiting |= {entry.place: entry for entry in self._at(place)}
        self._waiting = {p: entry for p, entry in self._waiting.items() if not is_known(entry)}
        return list(self._waiting.values())

    def wait(self, seconds: float) -> None:
        """Returns when something has landed, or after so long."""
        if self._events.changed.wait(seconds):
            time.sleep(_LINGER_SECONDS)

    def _at(self, place: str) -> Iterator[Pending]:
        """What is there now: a file, everything below a folder, or nothing."""
        path = os.path.relpath(place, self.folder)
        if path == os.curdir:
            yield from self.entries()
        else:
            yield from self._below_or_at(place, path)


class _Events(FileSystemEventHandler):
    """Collects the places that the system tells of, in its own thread."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self._lock = threading.Lock()
        self._places: dict[str, None] = {}

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Remembers where a change was."""
        if event.event_type in ("opened", "closed_no_write"):
            return  # our own reading
        if event.is_directory and event.event_type == "modified":
            return  # what changed inside is told by itself
        with self._lock:
            for place in (event.src_path, event.dest_path):
                if place:
                    self._places[os.fsdecode(place)] = None
        self.changed.set()

    def take(self) -> list[str]:
        """The places told of since the last time."""
        with self._lock:
            places, self._places = list(self._places), {}
            self.changed.clear()
        return places
