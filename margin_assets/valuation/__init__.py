"""Documents of curves and rates instruments: parsed, valued by the kernels, answered."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from margin_assets.valuation.answer import answer
from margin_assets.valuation.document import Document
from margin_assets.valuation.parsing import parse_document
from margin_assets.whatif.agreement import DocumentError

__all__ = ["Document", "DocumentError", "answer", "parse_document", "value", "value_lines"]


def value(document: str | bytes | Mapping[str, Any]) -> dict[str, Any]:
    """The answer to one document, as JSON or as what JSON would read.

    Raises:
        DocumentError: it is refused, with the place and the reason.
    """
    if isinstance(document, Mapping):
        document = json.dumps(document, default=str)
    return answer(parse_document(document))


def value_lines(lines: Iterable[str | bytes]) -> Iterator[str]:
    """One JSON line for each document line, in order.

    A refused one says `{"error": ..., "errors": [...]}`: the first fault, and a line for each.
    """
    for line in lines:
        if line.strip():
            yield json.dumps(_answer_or_error(line), allow_nan=False, default=str)


def _answer_or_error(line: str | bytes) -> dict[str, Any]:
    try:
        return value(line)
    except DocumentError as refused:
        return {"error": str(refused), "errors": list(refused.faults)}
