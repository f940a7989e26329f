"""The JSON schema of a valuation document: `python -m margin_assets.valuation.schema`."""

import json
import sys

from margin_assets.valuation.document import Document


def schema() -> str:
    """The schema as indented JSON, from the document's own declaration."""
    made = Document.model_json_schema(by_alias=True)
    made["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(made, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema())
