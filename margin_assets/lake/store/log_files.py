"""What the log of a table tells by its names, and by its first entries: without opening it.

The Delta library reads the whole log to open a table, some milliseconds each, of sixty tables.
"""

import json
import re

from margin_assets.lake.objects.objects import Objects

_ENTRY = re.compile(r"/(\d{20})\.json$")
# A table is made by one entry, and constrained by the next.
_OF_MAKING = 2
_OF_WRITING = {"add", "txn"}


def newest_version(objects: Objects, table: str) -> int | None:
    """The last version that the log has an entry of; None if it has none."""
    names = map(_ENTRY.search, objects.listed(f"{table}/_delta_log"))
    return max((int(found[1]) for found in names if found), default=None)


def is_as_made(objects: Objects, table: str, version: int) -> bool:
    """Whether a version is one of a table's first, and nobody wrote it, be it without a row.

    False too where that cannot be told from the entries: a later version, entries that are gone.
    """
    if version >= _OF_MAKING:
        return False
    try:
        return not any(_writes(objects, table, entry) for entry in range(version + 1))
    except (FileNotFoundError, ValueError):
        return False


def _writes(objects: Objects, table: str, version: int) -> bool:
    path = f"{table}/_delta_log/{version:020d}.json"
    size = objects.size(path)
    if size is None:
        raise FileNotFoundError(path)
    lines = objects.read(path, 0, size).splitlines()
    return any(not _OF_WRITING.isdisjoint(json.loads(line)) for line in lines)
