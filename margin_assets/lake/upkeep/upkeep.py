"""Upkeep: checkpoints, compaction, and the end of versions that nothing needs any more.

A version is kept while a sealed cycle within retention names it, as the ledger tells: whatever
its own age is, since a slow table's version may be months old and the one of today's cycle. Time
is the store's, counted back from the newest commit: a lake that rests loses nothing.

Dropping follows the protocol's metadata clean-up: the newest checkpoint at or before the oldest
kept version stays, with every commit from it on. delta-rs drops by age alone, and would need
one commit a table to be told another age.
"""

from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.store import declared
from margin_assets.lake.store.held import NO_HOOKS
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep.delta_log import DeltaLog, actions, files_of, log_of
from margin_assets.rulebooks import in_force, versions
from schemas import Mode

_DAY = 86_400.0
# Commits of the ledger a cycle.
_PER_CYCLE = 2


def bounds() -> dict[str, int]:
    """Bounds of upkeep: they decide when work is done, never what a table says."""
    found: dict[str, int] = in_force("lake", versions("lake")[-1]).numbers["upkeep"]
    return found


class Retention:
    """The oldest version of each table that a cycle within retention names.

    As of one sealed cycle: it may be used for later ones, and then keeps a little more.
    """

    def __init__(self, lake: Lake, last_cycle: int | None = None) -> None:
        self._lake = lake
        self._ledger = Ledger(lake)
        if last_cycle is None:
            last = self._ledger.last_sealed()
            last_cycle = 0 if last is None else last.cycle
        self.last_cycle = last_cycle
        self._by_age: dict[int, int] = {}
        self._versions: dict[int, dict[str, int]] = {}

    def oldest_kept(self, name: str, log: DeltaLog) -> int:
        """Oldest version of a table that must stay readable."""
        table = declared.table_of(name)
        if table.in_cycle and not name.startswith(declared.DAILY):
            cycle = self._oldest_cycle(table.retention_cycles, table.retention_days)
            return self._versions_at(cycle)[name] if cycle > 0 else 0
        newest = max(log.commits, default=0)
        aged = log.at(log.newest_time() - table.retention_days * _DAY) if log.times else None
        return max(newest - _PER_CYCLE * table.retention_cycles, aged or 0)

    def _versions_at(self, cycle: int) -> dict[str, int]:
        if cycle not in self._versions:
            self._versions[cycle] = self._ledger.sealed(cycle).table_versions
        return self._versions[cycle]

    def _oldest_cycle(self, cycles: int, days: int) -> int:
        if days not in self._by_age:
            self._by_age[days] = self._sealed_before(days)
        return max(self.last_cycle - cycles + 1, self._by_age[days])

    def _sealed_before(self, days: int) -> int:
        """The cycle that was the last one, so many days before the newest; 0 if not known."""
        log = log_of(self._lake, "cycles")
        version = log.at(log.newest_time() - days * _DAY) if log.times else None
        while version in log.commits:
            for kind, content in actions(self._lake, log.commits[version]):
                if kind == "commitInfo" and "ledger" in content:
                    # Transaction 2n plans cycle n, 2n + 1 seals it.
                    return (int(content["ledger"]) - 1) // 2
            version -= 1
        return 0


def checkpoint(lake: Lake, name: str) -> int:
    """Writes a checkpoint of the newest version and returns how many files that version has."""
    handle = lake.held(name).open()
    handle.create_checkpoint()
    return len(handle.file_uris())


def compact(lake: Lake, name: str) -> int:
    """Puts small files together and returns how many files the table then has.

    Appends to the table do not conflict with it; replacing rows does.

    Raises:
        CommitFailedError: rows were replaced meanwhile.
    """
    handle = lake.held(name).open()
    handle.optimize.compact(
        target_size=bounds()["target_bytes"], post_commithook_properties=NO_HOOKS
    )
    # The held handle would go on with the files of before.
    lake.held(name).forget()
    return len(handle.file_uris())


def drop_old(lake: Lake, name: str, retention: Retention) -> int:
    """Drops versions past their retention, oldest first; returns how many.

    First the data files that a version removed, which no later one has, then its commit: killed
    in between, the next call does the rest.
    """
    log = log_of(lake, name)
    kept = retention.oldest_kept(name, log)
    first = max((version for version in log.checkpoints if version <= kept), default=0)
    dropped = log.before(first)[: bounds()["dropped_versions"]]
    if not dropped:
        return 0
    removed: set[str] = set()
    for version in dropped:
        removed |= files_of(lake, log.commits[version], "remove")
    lake.delete_objects([f"{name}/{path}" for path in sorted(removed - _active(lake, name))])
    old = [path for v, paths in log.checkpoints.items() if v <= dropped[-1] for path in paths]
    lake.delete_objects([*old, *(log.commits[version] for version in dropped)])
    return len(dropped)


def drop_orphans(lake: Lake, name: str) -> int:
    """Drops data files that no commit names: a writer died before it could; returns how many."""
    log = log_of(lake, name)
    if not log.times:
        return 0
    settled = log.newest_time() - bounds()["orphan_hours"] * 3600
    found = {
        path.removeprefix(f"{name}/")
        for path, written in lake.objects_below(name).items()
        if written < settled and "/_delta_log/" not in path
    }
    unknown = found - _active(lake, name)
    for path in log.commits.values():
        if not unknown:
            break
        unknown -= files_of(lake, path, "add", "remove")
    lake.delete_objects([f"{name}/{path}" for path in sorted(unknown)])
    return len(unknown)


def _active(lake: Lake, name: str) -> set[str]:
    """Data files of the newest version, by their path below the table."""
    return {uri.rsplit(f"/{name}/", 1)[-1] for uri in lake.held(name).open().file_uris()}


def tidy(lake: Lake, name: str, retention: Retention | None = None) -> None:
    """All upkeep of one table at once: for a time when no session is at work on the lake.

    A state table is compacted only while no cycle is planned: a session may be replacing it.

    Raises:
        CommitFailedError: a session replaced rows of the table meanwhile.
    """
    retention = retention or Retention(lake)
    is_free = declared.table_of(name).mode is Mode.APPEND or Ledger(lake).open_plan() is None
    handle = lake.held(name).open()
    if is_free and len(handle.file_uris()) > 1:
        compact(lake, name)
    checkpoint(lake, name)
    while drop_old(lake, name, retention):
        pass
    drop_orphans(lake, name)
