"""The log folder of a Delta table: its files by version, and what its commits say.

The file names are those of the Delta protocol. Read here and not through a table handle, since
upkeep must know what the folder holds, not what the newest version is.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from margin_assets.lake.store.store import Lake

_VERSIONED = re.compile(r"(\d{20})\.(json|checkpoint[.\w-]*parquet)$")


@dataclass(frozen=True)
class DeltaLog:
    """Files of a log folder; times are the store's, in seconds."""

    commits: dict[int, str]
    """Path of each commit, oldest first."""
    checkpoints: dict[int, list[str]]
    times: dict[int, float]
    """When each commit was written."""

    def before(self, version: int) -> list[int]:
        """Commits older than a version, oldest first."""
        return [commit for commit in self.commits if commit < version]

    def at(self, time: float) -> int | None:
        """The newest commit written at or before a time; None if the folder holds none."""
        return max((v for v, written in self.times.items() if written <= time), default=None)

    def newest_time(self) -> float:
        """When the newest commit was written."""
        return self.times[max(self.times)]


def log_of(lake: Lake, name: str) -> DeltaLog:
    """The log folder of a table, by one listing."""
    commits: dict[int, str] = {}
    checkpoints: dict[int, list[str]] = {}
    times: dict[int, float] = {}
    found = lake.objects_below(f"{name}/_delta_log")
    for path in sorted(found):
        matched = _VERSIONED.search(path)
        if matched is None:
            continue
        version = int(matched[1])
        if matched[2] == "json":
            commits[version], times[version] = path, found[path]
        else:
            checkpoints.setdefault(version, []).append(path)
    return DeltaLog(commits, checkpoints, times)


def actions(lake: Lake, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Kind and content of each action of a commit; none if the commit is gone."""
    try:
        with lake.open_object(path) as stream:
            lines = stream.read().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        yield from json.loads(line).items()


def files_of(lake: Lake, path: str, *kinds: str) -> set[str]:
    """Data files, by their path below the table, that a commit adds or removes."""
    return {
        unquote(content["path"])
        for kind, content in actions(lake, path)
        if kind in kinds and "://" not in content["path"]
    }
