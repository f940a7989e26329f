"""Columns of one length with room at both ends: rows come and go by moving the shorter side."""

from collections.abc import Iterable, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from margin_assets.kernels.numeric.arrays import Int64Array

Column = npt.NDArray[np.int64] | npt.NDArray[np.int32]
_Segment = tuple[int, int, int]
"""Rows from one place up to another, and how far they move."""
_MANY = 1000
"""From so many rows on columns are made anew, with room again."""
_LEAST_ROOM = 1024
_ROOM_SHARE = 64
"""Of the rows so much room is left at each end."""


class Columns:
    """Columns by name. A view of one shows its rows until the next row comes or goes."""

    def __init__(self, kinds: Mapping[str, npt.DTypeLike]) -> None:
        self._held: dict[str, Column] = {n: np.zeros(0, dtype=kind) for n, kind in kinds.items()}
        self._start = self._rows = 0

    def __len__(self) -> int:
        return self._rows

    def views(self) -> dict[str, Column]:
        """Every column, to be read and written in place."""
        own = slice(self._start, self._start + self._rows)
        return {name: column[own] for name, column in self._held.items()}

    def insert(self, places: Int64Array, rows: Mapping[str, Int64Array]) -> None:
        """Puts a row before each of some places, in order; columns not named have 0 there."""
        count, was = len(places), self._rows
        at = places + np.arange(count)
        is_left = int(places[-1]) < was - int(places[0])
        room = self._start if is_left else self._behind()
        if count > _MANY or count > room:
            self._anew(was + count, at, is_coming=True)
        else:
            first = self._start
            cuts = [first, *(places + first).tolist(), first + was]
            by = -count if is_left else 0
            moved = [(*cut, by + n) for n, cut in enumerate(pairwise(cuts))]
            self._move(moved if is_left else reversed(moved))
            self._start += by
            self._rows += count
        for name, column in self.views().items():
            column[at] = rows.get(name, 0)

    def delete(self, places: Int64Array) -> None:
        """Takes away the rows at some places, in order and each once."""
        count, was = len(places), self._rows
        if count > _MANY:
            self._anew(was - count, places, is_coming=False)
            return
        is_left = int(places[-1]) < was - int(places[0])
        first = self._start
        cuts = [first - 1, *(places + first).tolist(), first + was]
        by = count if is_left else 0
        moved = [(start + 1, end, by - n) for n, (start, end) in enumerate(pairwise(cuts))]
        self._move(reversed(moved) if is_left else moved)
        self._start += by
        self._rows -= count

    def sort(self, order: Int64Array) -> None:
        """Puts the rows in another order."""
        for column in self.views().values():
            column[:] = column[order]

    def _behind(self) -> int:
        return min(map(len, self._held.values())) - self._start - self._rows

    def _move(self, segments: Iterable[_Segment]) -> None:
        """Moves segments, none over one that has yet to move."""
        for start, end, by in segments:
            if by:
                for column in self._held.values():
                    column[start + by : end + by] = column[start:end]

    def _anew(self, rows: int, places: Int64Array, *, is_coming: bool) -> None:
        """Makes columns with room, without rows at some places, or with gaps at these."""
        stays = np.ones(rows if is_coming else self._rows, dtype=np.bool_)
        stays[places] = False
        kept, room = np.flatnonzero(stays), max(_LEAST_ROOM, rows // _ROOM_SHARE)
        for name, old in self.views().items():
            made = np.zeros(rows + 2 * room, dtype=old.dtype)
            own = made[room : room + rows]
            if is_coming:
                own[kept] = old
            else:
                own[:] = old[kept]
            self._held[name] = made
        self._start, self._rows = room, rows
