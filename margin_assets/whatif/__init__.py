"""Margin of portfolio documents: parsed, put through the kernels, answered. Nothing is stored."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

from margin_assets.whatif.agreement import DocumentError
from margin_assets.whatif.answer import answer
from margin_assets.whatif.document import Document
from margin_assets.whatif.parsing import parse_document

__all__ = ["Document", "DocumentError", "answer", "parse_document", "whatif", "whatif_lines"]


def whatif(document: str | bytes | Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one document, as JSON or as what JSON would read.

    Raises:
        DocumentError: it is refused, with the place and the reason.
    """
    if isinstance(document, Mapping):
        document = json.dumps(document, default=str)
    return answer(parse_document(document))


class _Called(ModuleType):
    """The package answers as its function does: `margin_assets.whatif(document)`."""

    def __call__(self, document: str | bytes | Mapping[str, Any]) -> dict[str, Any]:
        return whatif(document)


sys.modules[__name__].__class__ = _Called


def whatif_lines(lines: Iterable[str | bytes]) -> Iterator[str]:
    """One JSON line for each document line, in order.

    A refused one says `{"error": ..., "errors": [...]}`: the first fault, and a line for each.
    """
    for line in lines:
        if line.strip():
            yield json.dumps(_answer_or_error(line), allow_nan=False)


def _answer_or_error(line: str | bytes) -> dict[str, Any]:
    try:
        return whatif(line)
    except DocumentError as refused:
        return {"error": str(refused), "errors": list(refused.faults)}
