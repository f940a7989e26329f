"""What of the landed files one plan takes: all, or whole landing times, or part of one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from margin_assets.lake.landing.landing import Pending

# Text rows of feeds, many digits and repeated names, shrink about so much.
_EXPANSION = {".gz": 10, ".zst": 10, ".parquet": 6}
_TURN = {"fills": 1, "exercises": 2, "desk_actions": 3}


@dataclass(frozen=True)
class Cut:
    """The files of one plan, in order, and those that are left to later ones.

    A file of which the plan takes a stretch, and not the last one, is among both.
    """

    taken: list[Pending]
    left: list[Pending]

    def awaits(self, begun: Iterable[datetime] = ()) -> list[datetime]:
        """Landing times, of these files or `begun` before, of which rows are left.

        What cannot be read has no rows.
        """
        times = {entry.landed_at for entry in self.taken if not entry.problem} | set(begun)
        return sorted(times & {entry.landed_at for entry in self.left if not entry.problem})


def turn(entry: Pending) -> tuple[bool, datetime, int, str]:
    """By what files are taken if they cannot all be (semantics 8.14).

    What is begun is ended first: no more than one file ever is. What rows of one time are valued
    by comes before what they do, and acts of people, which speak of rows landed before, last.
    """
    return entry.begun is None, entry.landed_at, _TURN.get(entry.feed, 0), entry.path


def cut_of(entries: Iterable[Pending], max_bytes: int, max_files: int) -> Cut:
    """Entries by (landing time, path), as many as the bounds allow and at least one.

    Landing times are taken whole as long as they fit. Of a first one that does not, fills come
    last (semantics 8.14). `max_bytes` is of plain text: what is compressed counts for what it
    usually becomes. It bounds what is copied; how much of that a cycle may hold is weighed then
    (`archive`).
    """
    every = sorted(entries, key=_place)
    taken = [entry for entry in every if entry.begun is not None]
    ordered = [entry for entry in every if entry.begun is None]
    files, total = len(taken), sum(map(_plain_bytes, taken))
    for _, together in groupby(ordered, key=lambda entry: entry.landed_at):
        group = list(together)
        files, total = files + len(group), total + sum(map(_plain_bytes, group))
        if files > max_files or total > max_bytes:
            break
        taken += group
    if ordered and not taken:
        taken = _part(group, max_bytes, max_files)
    chosen = set(map(id, taken))
    return Cut(taken, [entry for entry in every if id(entry) not in chosen])


def _part(group: list[Pending], max_bytes: int, max_files: int) -> list[Pending]:
    """Part of the files of one landing time, at least one, in their order."""
    part: list[Pending] = []
    total = 0
    for entry in sorted(group, key=turn)[:max_files]:
        total += _plain_bytes(entry)
        if part and total > max_bytes:
            break
        part.append(entry)
    return sorted(part, key=_place)


def _place(entry: Pending) -> tuple[datetime, str]:
    return entry.landed_at, entry.path


def _plain_bytes(entry: Pending) -> int:
    times = (times for end, times in _EXPANSION.items() if entry.path.endswith(end))
    return entry.bytes * next(times, 1)
