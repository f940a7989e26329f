"""What is wrong with a book, told with its file, row and column."""

from collections.abc import Iterable

SHOWN = 6
"""As many faults are told in full; of the rest the number."""


class BookError(ValueError):
    """A book that cannot be run: one line that names what is wrong and where."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        more = len(self.faults) - SHOWN
        text = "; ".join(self.faults[:SHOWN])
        super().__init__(f"{text}; and {more} more" if more > 0 else text)


def refuse(faults: Iterable[str]) -> None:
    """Raises what is wrong, if anything is."""
    if found := tuple(faults):
        raise BookError(found)
