"""A JSON text as a portfolio document, or one line that names what is wrong with it."""

import json
import re
from decimal import Decimal, InvalidOperation

from pydantic import ValidationError

from margin_assets.whatif.agreement import DocumentError, quoted, refuse_contradictions
from margin_assets.whatif.document import MOST_DIGITS, UNWIELDY, Document

_WORD = re.compile(r"\w+", re.ASCII)
_KINDS = ("equity", "option", "bond")
_SHOWN = 64  # characters of a key that make a place


def parse_document(text: str | bytes) -> Document:
    """The document of a JSON text; `DocumentError` with one line if it is refused."""
    try:
        document = Document.model_validate(read_json(text))
    except ValidationError as error:
        raise DocumentError(reason(error, _KINDS)) from None
    refuse_contradictions(document)
    return document


def read_json(text: str | bytes) -> object:
    """The JSON value of a text, its numbers to their last digit.

    Raises:
        DocumentError: it is no JSON, or has a key twice.
    """
    try:
        decoded = (
            text.decode("utf-8-sig") if isinstance(text, bytes) else text.removeprefix("\ufeff")
        )
        return json.loads(
            decoded,
            parse_float=_exact,
            parse_int=_exact,
            object_pairs_hook=_without_duplicates,
        )
    except UnicodeDecodeError as error:
        raise DocumentError(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise DocumentError(f"not JSON: {error.msg} ({place})") from None
    except RecursionError:
        raise DocumentError("nested too deeply") from None


def _exact(digits: str) -> Decimal:
    try:
        number = Decimal(digits) if len(digits) <= MOST_DIGITS else UNWIELDY
    except InvalidOperation:
        return UNWIELDY
    # The field that holds it refuses it, so that the message names the place.
    return number if abs(number.adjusted()) <= MOST_DIGITS else UNWIELDY


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise DocumentError(f"duplicate key {quoted(key)}")
        found[key] = value
    return found


_REASONS = {
    "extra_forbidden": "unknown key",
    "missing": "is missing",
    "string_type": "must be text",
    "string_pattern_mismatch": "must be printable ASCII without a space at either end",
    "string_unicode": "must be printable ASCII without a space at either end",
    "bool_type": "must be true or false",
    "list_type": "must be a list",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "union_tag_not_found": "kind is missing",
}


def reason(error: ValidationError, kinds: tuple[str, ...]) -> str:
    """The first thing that is wrong and its place, in one line.

    Args:
        error: what pydantic says.
        kinds: values of `kind` that tell the rows of its lists apart.
    """
    # An unknown key first: it is most often the misspelt name of one that is missing.
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    first = min(errors, key=lambda e: e["type"] != "extra_forbidden")
    words = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    told = _REASONS.get(first["type"], words)
    if first["type"] == "union_tag_invalid":
        told = f"kind must be one of {', '.join(kinds)}"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{_place(first['loc'], kinds)}: {told}{more}"


def _place(location: tuple[int | str, ...], kinds: tuple[str, ...]) -> str:
    """Where in the document, such as `positions[0].quantity`."""
    place = ""
    for before, part in zip(("", *location), location, strict=False):
        if isinstance(part, int):
            place += f"[{part}]"
        elif (isinstance(before, int) and part in kinds) or part == "[key]":
            continue  # Pydantic's mark, not a key of the document.
        elif len(part) <= _SHOWN and _WORD.fullmatch(part):
            place += f".{part}" if place else part
        else:
            place += f"[{quoted(part)}]"
    return place or "document"
