"""Upkeep beside a live session: after each seal at most one table's, in a thread of its own.

Checkpoints and dropping commit nothing, and compaction of an append table does not conflict with
appends: all of it runs beside the next cycle.
"""

import json
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from deltalake.exceptions import DeltaError

from margin_assets.lake.ledger import bases
from margin_assets.lake.ledger.cycles import Sealed
from margin_assets.lake.store import declared
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep.upkeep import Retention, bounds, checkpoint, compact, drop_old
from schemas import Mode

_LEDGER = "cycles"
# Turns that a table may miss before a session waits for upkeep.
_BEHIND = 4
_log = logging.getLogger("margin.upkeep")


class Caretaker:
    """Remembers what each table has had, and gives the one that waits longest its turn."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._bounds = bounds()
        self._every = self._bounds["commits"]
        self._tended: dict[str, int] | None = None
        """Commits of each table at its last checkpoint; None before they were looked up."""
        self._files: dict[str, int] = {}
        """Files of each table after its last compaction."""
        self._retention: Retention | None = None
        self._base: Sealed | None = None
        self._to_keep: list[str] = []
        """Tables of the base in the making that are still to be written."""
        self._pool: ThreadPoolExecutor | None = None
        self._work: Future[None] | None = None

    def after(self, sealed: Sealed) -> None:
        """Does a turn of upkeep, for a moment when no cycle is planned."""
        if self._base is None and sealed.cycle % self._bounds["base_cycles"] == 0:
            self._base, self._to_keep = sealed, list(bases.STATE_TABLES)
        if self._work is not None and not self._work.done():
            if not self._is_behind(sealed):
                return
            self.settle()
        if self._base is not None or self._tended is None or self._due(sealed):
            self._pool = self._pool or ThreadPoolExecutor(1, "upkeep")
            self._work = self._pool.submit(self._turn, sealed)

    def settle(self) -> None:
        """Waits for the turn that is under way."""
        if self._work is not None:
            self._work.result()

    def _turn(self, sealed: Sealed) -> None:
        if self._tended is None:
            self._attempt(self._look, sealed)
        elif self._base is not None:
            # Before all else: the versions that it is made from will be dropped.
            self._attempt(self._keep, self._base)
        elif name := self._due(sealed):
            self._attempt(self._tend, name, sealed)

    def _attempt(self, work: Callable[..., None], *arguments: object) -> None:
        """Upkeep that fails is told and comes again; the monitor goes on without it."""
        try:
            work(*arguments)
        except (DeltaError, OSError, LookupError, ValueError) as error:
            _log.warning("upkeep %s: %s", arguments[0], " ".join(str(error).split()))

    def _commits(self, sealed: Sealed) -> dict[str, int]:
        """A number by table that grows with its commits."""
        return sealed.table_versions | {_LEDGER: 2 * sealed.cycle}

    def _look(self, sealed: Sealed) -> None:
        """Counts, once, the commits since the last checkpoint of every table."""
        commits = self._commits(sealed)
        found = {name: self._checkpointed(name) for name in commits}
        # The ledger is numbered by cycles: of the others the number is the version itself.
        found[_LEDGER] += commits[_LEDGER] - self._lake.version(_LEDGER)
        self._tended = found

    def _checkpointed(self, name: str) -> int:
        path = f"{name}/_delta_log/_last_checkpoint"
        if not self._lake.has_object(path):
            return 0
        with self._lake.open_object(path) as stream:
            return int(json.loads(stream.read())["version"])

    def _is_behind(self, sealed: Sealed) -> bool:
        """Whether cycles come so fast that upkeep would never catch up beside them."""
        return self._tended is not None and self._longest(sealed)[0] >= _BEHIND * self._every

    def _longest(self, sealed: Sealed) -> tuple[int, str]:
        """The most commits that a table has had since its last checkpoint, and the table."""
        tended = self._tended or {}
        return max((count - tended.get(n, 0), n) for n, count in self._commits(sealed).items())

    def _due(self, sealed: Sealed) -> str | None:
        """The table with most commits since its last checkpoint, if they are enough."""
        commits, name = self._longest(sealed)
        return name if commits >= self._every else None

    def _tend(self, name: str, sealed: Sealed) -> None:
        assert self._tended is not None  # noqa: S101 (looked up before the first turn)
        # Counted first: a table whose upkeep fails must not keep the others waiting.
        self._tended[name] = self._commits(sealed)[name]
        files = checkpoint(self._lake, name)
        # A shard of a state table is replaced whole, by one file: nothing gathers there.
        gathers = declared.table_of(name).mode is Mode.APPEND
        if gathers and files - self._files.get(name, 0) >= self._bounds["files"]:
            self._files[name] = compact(self._lake, name)
        if self._retention is None or sealed.cycle - self._retention.last_cycle >= self._every:
            self._retention = Retention(self._lake, sealed.cycle)
        drop_old(self._lake, name, self._retention)

    def _keep(self, base: Sealed) -> None:
        """Writes one table of the base in the making; after the last, says that it is whole."""
        while self._to_keep:
            try:
                is_written = bases.keep_table(self._lake, base, self._to_keep.pop())
            except (DeltaError, OSError):
                self._base = None  # its versions are gone, or cannot be read: the next one then
                raise
            if is_written:
                return
        self._base = None
        bases.complete(self._lake, base)
        bases.thin(self._lake, self._bounds["newest_bases"], self._bounds["older_base_cycles"])
