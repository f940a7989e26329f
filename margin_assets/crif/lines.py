"""The lines of a CRIF file, counted before it is parsed: what a parser would swallow is refused."""

from pathlib import Path

from margin_assets.crif.columns import CrifError

LONGEST = 1 << 16
"""Bytes of a line: far more than a row has, and far less than a block of the parser."""


def lines_of(path: Path) -> int:
    """Number of lines of a file, the header among them.

    Raises:
        CrifError: A line is longer than any row, or ends by a carriage return alone.
        OSError: The file cannot be read.
    """
    count = 0
    with path.open("rb") as file:
        while line := file.readline(LONGEST + 1):
            count += 1
            if len(line) > LONGEST:
                raise CrifError(f"{path}: line {count} has more than {LONGEST:,} bytes")
            if b"\r" in line.rstrip(b"\r\n"):
                raise CrifError(f"{path}: line {count} ends by a carriage return alone")
    return count


def refuse_swallowed(path: Path, lines: int, parsed: int) -> None:
    """Refuses a file some lines of which the parser took for parts of a cell.

    Raises:
        CrifError: Fewer rows than lines: a quote was opened and not closed on its line.
    """
    if parsed != lines:
        raise CrifError(
            f"{path}: a quote is not closed on its line: {parsed} rows of {lines} lines"
        )
