"""Published margin examples, none of them ours. MARGIN_ACCEPTANCE names the folder of cases."""

import os

import pytest
from adapter import Case, observed, unanswerable, worked_examples

FOLDER = os.environ.get("MARGIN_ACCEPTANCE")


@pytest.mark.skipif(FOLDER is None, reason="MARGIN_ACCEPTANCE names no folder of cases")
@pytest.mark.parametrize("case", worked_examples(FOLDER), ids=lambda case: case["id"])
def test_published_example(case: Case):
    reason = unanswerable(case)
    if reason:
        pytest.skip(reason)
    assert case["tolerance"] == "0.01 abs"

    answers = observed(case)

    compared = {name: answers[name] for name in case["expected"]}
    assert compared == pytest.approx(case["expected"], abs=0.0051)
