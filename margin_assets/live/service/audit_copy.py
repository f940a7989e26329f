"""The audit copy: each sealed cycle as one object, made once, where nobody can change it.

The bucket holds what it got under Object Lock, so the copy needs no trust in who runs the lake: the
chain of hashes in it must be the lake's.
"""

import json
import threading
from bisect import bisect_left
from contextlib import AbstractContextManager
from dataclasses import asdict

from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.objects.access import Access
from margin_assets.lake.objects.objects import objects_at
from margin_assets.lake.store.store import Lake
from margin_assets.live.service.beside import beside

_FOLDER = "cycles"
_EVERY_SECONDS = 5.0


class AuditDiffers(RuntimeError):
    """The copy holds another seal of a cycle than the lake: one of the two was changed."""


class AuditCopy:
    """Follows the seals of a lake into a place of its own, a bucket's prefix or a folder."""

    def __init__(self, lake: Lake, access: Access) -> None:
        self._ledger, self._objects = Ledger(lake), objects_at(access)
        self._next: int | None = None
        self.behind = 0
        """Sealed cycles that were not copied yet when it was last looked."""
        self.trouble = ""
        """Why the last look ended early; empty if it did not."""

    def follow(self) -> int:
        """Copies what is missing, oldest first; the number of objects made.

        Raises:
            AuditDiffers: the copy holds another seal.
        """
        self._ledger.refresh()
        last = self._ledger.last_sealed()
        newest, made = 0 if last is None else last.cycle, 0
        if self._next is None:
            self._next = self._first_missing(newest)
        self.behind = newest - self._next + 1
        for sealed in self._ledger.sealed_from(self._next):
            made += self._copy(sealed)
            self._next = sealed.cycle + 1
            self.behind = max(newest - sealed.cycle, 0)
        return made

    def _first_missing(self, newest: int) -> int:
        """Copied in order and never deleted, they end somewhere: found without listing them all."""
        cycles = range(1, newest + 1)
        return 1 + bisect_left(cycles, 1, key=lambda n: self._objects.size(_path(n)) is None)

    def _copy(self, sealed: Sealed) -> bool:
        path, content = _path(sealed.cycle), content_of(sealed)
        if self._objects.create(path, content):
            return True
        size = self._objects.size(path) or 0
        if self._objects.read(path, 0, max(size, 1)) != content:
            raise AuditDiffers(f"cycle {sealed.cycle}: the audit copy holds another seal")
        return False

    def following(self) -> AbstractContextManager[None]:
        """Follows from a thread of its own: sealing never waits for it."""

        def follow(ended: threading.Event) -> None:
            while not ended.is_set():
                self._look()
                ended.wait(_EVERY_SECONDS)
            self._look()

        return beside("audit-copy", follow)

    def _look(self) -> None:
        # The copy is behind and says so; the session goes on.
        try:
            self.follow()
            self.trouble = ""
        except Exception as error:  # whatever it is, it is told and tried again
            self.trouble = str(error) or type(error).__name__
            self.behind = max(self.behind, 1)


def name(cycle: int) -> str:
    """Name of a seal's object: names sort as cycles do."""
    return f"{cycle:012d}.json"


def _path(cycle: int) -> str:
    return f"{_FOLDER}/{name(cycle)}"


def content_of(sealed: Sealed) -> bytes:
    """A seal without versions of tables, which upkeep moves: what its hash is over, and it."""
    told = asdict(sealed)
    del told["table_versions"]
    told["as_of"] = None if sealed.as_of is None else sealed.as_of.isoformat()
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
