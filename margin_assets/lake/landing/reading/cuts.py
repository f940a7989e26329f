"""Where a file is cut, so that no cycle holds more of it than the rulebook of the lake allows.

A file is read once for it, keeping nothing. What it holds is weighed by the most that it can
cost: a row that is refused costs more than one that passes, and its bytes are kept.
"""

from collections.abc import Iterator
from typing import NamedTuple

from margin_assets.lake.landing.reading.files import Span
from margin_assets.lake.landing.reading.limits import BYTE_COST, READER_BYTES, ROW_COST

MARK_ROWS = 1_024
"""Rows between two places at which a file may be cut."""


class Mark(NamedTuple):
    """A place between two rows of a file, and what lies between it and the one before."""

    row: int
    """`file_row` of what comes next."""
    place: int
    """As in a `Span`."""
    rows: int
    bytes: int


class Piece(NamedTuple):
    """A stretch of a file that fits into a cycle."""

    span: Span | None
    """None for the whole file."""
    weight: int
    """The most memory that it may cost, in bytes."""


def weight_of(rows: int, size: int) -> int:
    """The most memory that so many rows of so many bytes may cost."""
    return rows * ROW_COST + size * BYTE_COST


def pieces_of(marks: Iterator[Mark], begin: Span | None = None) -> list[Piece]:
    """Stretches between marks, each as large as a cycle may hold; one for a file that fits.

    `begin` is the stretch after which to go on; the marks start at the file's first row.
    """
    found: list[Piece] = []
    start, row, weight = (0, 1, 0) if begin is None else (begin.end or 0, 0, 0)
    last = (start, row)
    for mark in marks:
        if mark.place <= start:
            last = (mark.place, mark.row)
            row = mark.row
            continue
        more = weight_of(mark.rows, mark.bytes)
        if weight and weight + more > READER_BYTES:
            found.append(Piece(Span(start, last[0], row), weight))
            (start, row), weight = last, 0
        weight += more
        last = (mark.place, mark.row)
    if not found and begin is None:
        return [Piece(None, weight)]
    return [*found, Piece(Span(start, None, row), weight)]
