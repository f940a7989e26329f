"""A JSON text as a valuation document, or one line that names what is wrong with it."""

from pydantic import ValidationError

from margin_assets.valuation.document import Document
from margin_assets.valuation.instrument_terms import KINDS, LEG_KINDS
from margin_assets.whatif.agreement import DocumentError
from margin_assets.whatif.parsing import read_json, reason


def parse_document(text: str | bytes) -> Document:
    """The document of a JSON text; `DocumentError` with one line if it is refused."""
    try:
        document = Document.model_validate(read_json(text))
    except ValidationError as error:
        raise DocumentError(reason(error, (*KINDS, *LEG_KINDS))) from None
    seen: set[str] = set()
    for i, instrument in enumerate(document.instruments):
        if instrument.id in seen:
            raise DocumentError(f"instruments[{i}].id: is that of another instrument")
        seen.add(instrument.id)
    return document
