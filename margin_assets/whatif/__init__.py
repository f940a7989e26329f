"""Margin of portfolio documents: parsed, put through the kernels, answered. Nothing is stored."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from margin_assets.whatif.agreement import DocumentError
from margin_assets.whatif.answer import answer
from margin_assets.whatif.document import Document
from margin_assets.whatif.parsing import parse_document

__all__ = ["Document", "DocumentError", "answer", "parse_document", "whatif", "whatif_lines"]


def whatif(text: str | bytes) -> dict[str, Any]:
    """The answer to one document; `DocumentError` if it is refused."""
    return answer(parse_document(text))


def whatif_lines(lines: Iterable[str | bytes]) -> Iterator[str]:
    """One JSON line for each document line, in order; a refused one says `{"error": ...}`."""
    for line in lines:
        if line.strip():
            yield json.dumps(_answer_or_error(line), allow_nan=False)


def _answer_or_error(line: str | bytes) -> dict[str, Any]:
    try:
        return whatif(line)
    except DocumentError as refused:
        return {"error": str(refused)}
