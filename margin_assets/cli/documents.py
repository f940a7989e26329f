"""Files of documents, one or many: how they are opened and how their answers are written."""

import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO


def is_lines(file: str, *, is_ndjson: bool) -> bool:
    """Whether the file holds one document a line."""
    return is_ndjson or file == "-" or file.endswith(".ndjson")


def opened(file: str) -> AbstractContextManager[BinaryIO]:
    """The file, or standard input for a dash."""
    return nullcontext(sys.stdin.buffer) if file == "-" else Path(file).open("rb")


def answer_lines(answers: Iterable[str]) -> None:
    """Writes answers as they come: who sends line by line waits for each."""
    for line in answers:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
