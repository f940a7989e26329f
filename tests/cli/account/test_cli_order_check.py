"""An order checked on the command line."""

from pathlib import Path

import pytest

from tests.support.live_driver import Firm, cash, fill, opening
from tests.support.margin_command import Margin, place

ORDER = "BUY 101 X @ 100"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An account with 100 shares at 100 that it has paid for."""
    folder = tmp_path_factory.mktemp("check")
    rows = opening("A", "B")
    rows["cash_movements"] = [cash(name, name, "10000") for name in ("A", "B")]
    rows["fills"] = [fill(name, "100", "100", account_id=name) for name in ("A", "B")]
    Firm(folder).run(**rows)
    return folder


def test_an_order_is_accepted_or_refused_with_its_reason(margin: Margin, folder: Path):
    whole = margin("whatif", "--account", "A", "--order", ORDER, "--json", *place(folder)).document
    part = ["--order", "BUY 60 X @ 100", "--order", "BUY 40 X @ 100; SELL 1 X @ 100"]
    less = margin("whatif", "--account", "A", *part, "--json", *place(folder)).document

    (reason,) = whole["reasons"]
    assert not whole["accepted"]
    assert (reason["reason"], reason["short_by"]) == ("regulation_t", 50)
    assert (less["accepted"], len(less["orders"])) == (True, 3)
    assert less["excess"] == {"before": 7500, "after": 5025}


def test_a_person_reads_why(margin: Margin, folder: Path):
    said = margin("whatif", "--account", "A", "--order", ORDER, *place(folder)).out

    assert "cycle 1: refused" in said
    assert "refused: regulation_t (Regulation T, 12 CFR 220.4(c)), short by 50.00" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--order", ORDER], "name it by --account"),
        (["doc.json", "--account", "A", "--order", ORDER], "a document has its account in it"),
        (["--account", "A", "--order", ORDER, "--shock", "X=1%"], "no --shock, --add, --as-of"),
        ([], "name a portfolio document, or an account by --account"),
        (["--account", "A", "--order", "BUY X"], 'leg 1: must read as "BUY 100 XOM @ 61.20"'),
        (["--account", "Z", "--order", ORDER], "cycle 1 has no account 'Z'"),
        (["--account", "A", "--order", "BUY 1 ZZZ @ 1"], "unknown symbol 'ZZZ'"),
    ],
)
def test_what_is_no_question_is_one_line(
    margin: Margin, folder: Path, words: list[str], message: str
):
    said = margin("whatif", *words, *place(folder))

    assert said.code != 0
    assert message in said.err
    assert "Traceback" not in said.err
