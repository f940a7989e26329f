"""Whole accounts as readable files: what is in `expected.json` is in the answer.

A case is a folder: `document.json`, `expected.json`, and in `README.md` why it is so. Lists stand
in order; of a figure that is not stated nothing is asked.
"""

import json
from pathlib import Path

import pytest

from margin_assets.whatif import whatif
from tests.support.option_documents import check_laws

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/document.json"))


def stated(answer: object, expected: object) -> object:
    """The part of an answer that a case states."""
    if isinstance(expected, dict) and isinstance(answer, dict):
        return {name: stated(answer.get(name), part) for name, part in expected.items()}
    if isinstance(expected, list) and isinstance(answer, list) and len(answer) == len(expected):
        return [stated(*pair) for pair in zip(answer, expected, strict=True)]
    return answer


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_account_is_as_stated(case: Path):
    expected = json.loads((case / "expected.json").read_text())

    found = whatif((case / "document.json").read_text())

    assert stated(found, expected) == expected
    assert (case / "README.md").read_text().strip()
    if found["status"] == "determinate":
        check_laws(found)


def test_there_are_cases():
    assert len(CASES) >= 30
