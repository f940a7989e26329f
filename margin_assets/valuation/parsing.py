"""A JSON text as a valuation document, or what is wrong with it, each with its place."""

from collections.abc import Iterable, Mapping

from pydantic import BaseModel, ValidationError

from margin_assets.valuation.curve_terms import (
    CalendarTerms,
    CurveTerms,
    IndexTerms,
    QuoteConventions,
    QuoteTerms,
    Scenario,
)
from margin_assets.valuation.document import Document, HistoricalResults
from margin_assets.valuation.instrument_terms import INSTRUMENTS, LEGS, Stub
from margin_assets.whatif.agreement import DocumentError
from margin_assets.whatif.parsing import Form, faults, read_json

_PARTS: Mapping[str, type[BaseModel]] = {
    "calendars": CalendarTerms,
    "curves": CurveTerms,
    "indices": IndexTerms,
    "scenarios": Scenario,
    "historical": HistoricalResults,
}


def parse_document(text: str | bytes) -> Document:
    """The document of a JSON text; `DocumentError` if it is refused."""
    try:
        document = Document.model_validate(read_json(text))
    except ValidationError as error:
        raise DocumentError(*faults(error, _FORM)) from None
    seen: set[str] = set()
    for i, instrument in enumerate(document.instruments):
        if instrument.id in seen:
            raise DocumentError(f"instruments[{i}].id: is that of another instrument")
        seen.add(instrument.id)
    return document


def _keys(above: list[int | str]) -> Iterable[str]:
    """Keys that the part of a document at a place may have."""
    match above:
        case ["curves", _, "quotes", *_]:
            part: type[BaseModel] = QuoteTerms
        case ["curves", _, "conventions", *_]:
            part = QuoteConventions
        case ["instruments", _, _, "legs", _, _, "initial_stub" | "final_stub"]:
            part = Stub
        case ["instruments", _, _, "legs", _, kind]:
            part = LEGS[str(kind)]
        case ["instruments", _, kind]:
            part = INSTRUMENTS[str(kind)]
        case [name, *_]:
            part = _PARTS[str(name)]
        case _:
            part = Document
    return [field.alias or name for name, field in part.model_fields.items()]


_FORM = Form((*INSTRUMENTS, *LEGS), _keys)
