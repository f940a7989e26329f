"""docs/whatif.md: its documents are answered and fit the schema, which is the one that is told."""

import json
import re

import jsonschema
import pytest

from margin_assets.whatif import Document, whatif
from margin_assets.whatif.parsing import parse_addition
from tests.support import ROOT

_BLOCK = re.compile(r"^```json\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = _BLOCK.findall((ROOT / "docs" / "whatif.md").read_text("utf-8"))
SCHEMA = json.loads((ROOT / "docs" / "whatif.schema.json").read_text("utf-8"))


def test_the_schema_is_fresh() -> None:
    assert Document.model_json_schema() == SCHEMA


@pytest.mark.parametrize(
    ("example", "value"),
    # By hand: quantity times price; of bonds a hundredth of principal times price.
    [(0, 45_220 - 11_750 + 34_405), (1, 45_220), (2, 20_275 - 9_720 + 9_225)],
)
def test_a_document_is_answered_and_fits_the_schema(example: int, value: float) -> None:
    document = json.loads(EXAMPLES[example])

    jsonschema.validate(document, SCHEMA)
    answer = whatif(document)

    assert answer["status"] == "determinate"
    assert answer["long_market_value"] - answer["short_market_value"] == value


def test_the_schema_refuses_what_the_parser_does() -> None:
    document = json.loads(EXAMPLES[0]) | {"as_off": 1}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, SCHEMA)


def test_the_addition_is_one() -> None:
    assert len(EXAMPLES) == 4
    assert len(parse_addition(EXAMPLES[3]).positions) == 2
