"""Files of documents, one or many: how they are opened and how their answers are written."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from margin_assets.cli import output
from margin_assets.cli.output import Refusal


def is_lines(file: str, *, is_ndjson: bool) -> bool:
    """Whether the file holds one document a line."""
    return is_ndjson or file == "-" or file.endswith(".ndjson")


def opened(file: str) -> AbstractContextManager[BinaryIO]:
    """The file, or standard input for a dash."""
    if file == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise Refusal(f"{file} cannot be read: {error.strerror}") from None


def answer_lines(answers: Iterable[str]) -> None:
    """Writes answers as they come: who sends line by line waits for each."""
    for line in answers:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


@contextmanager
def refused_by_fault(name: str) -> Iterator[None]:
    """Says every fault of a document on a line of its own, and refuses it."""
    from margin_assets.whatif import DocumentError

    try:
        yield
    except DocumentError as error:
        if len(error.faults) == 1:
            raise
        for fault in error.faults:
            output.note(fault)
        raise Refusal(f"{name}: refused for these {len(error.faults)} faults") from None
