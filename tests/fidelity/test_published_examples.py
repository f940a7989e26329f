"""Published margin examples, none of them ours. MARGIN_ACCEPTANCE names the folder of cases."""

import os

import pytest

from tests.fidelity.arguments import ARGUED
from tests.fidelity.verdicts import (
    ARGUED_WORD,
    EXACT,
    OUT_OF_SCOPE,
    REFUSED,
    TOLERATED,
    WRONG,
    Row,
    count,
    rows_of,
    table,
)
from tests.support import ROOT

FOLDER = os.environ.get("MARGIN_ACCEPTANCE")
PAGE = ROOT / "docs" / "fidelity.md"
ROWS = rows_of(FOLDER) if FOLDER else ()
needs_cases = pytest.mark.skipif(FOLDER is None, reason="MARGIN_ACCEPTANCE names no folder")


def _cases() -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in ROWS:
        found.setdefault(f"{row.area}: {row.case}", []).append(row)
    return found


@needs_cases
@pytest.mark.parametrize("case", _cases().values(), ids=list(_cases()))
def test_published_case(case: list[Row]):
    if case[0].verdict == OUT_OF_SCOPE:
        pytest.skip("no user can ask it")

    told = [row for row in case if row.verdict not in (EXACT, TOLERATED, ARGUED_WORD)]

    assert told == []


@needs_cases
def test_every_argument_is_needed():
    argued = {(row.case, row.field) for row in ROWS if row.verdict == ARGUED_WORD}

    assert argued == set(ARGUED)


@needs_cases
def test_the_page_shows_this_table():
    assert "\n".join(table(ROWS)) in PAGE.read_text("utf-8")


@pytest.mark.parametrize(
    ("verdicts", "shown"),
    [
        pytest.param([EXACT, EXACT], EXACT, id="all exact"),
        pytest.param([EXACT, TOLERATED], TOLERATED, id="one within tolerance"),
        pytest.param([ARGUED_WORD, TOLERATED], ARGUED_WORD, id="one argued"),
        pytest.param([ARGUED_WORD, WRONG, REFUSED], WRONG, id="one wrong"),
    ],
)
def test_a_case_stands_where_its_worst_figure_does(verdicts: list[str], shown: str):
    rows = [Row("f", "area", "case", str(i), 1, 1, word) for i, word in enumerate(verdicts)]

    assert count(rows) == {"area": {shown: 1}}
