"""Statements and answers as text: comments in front, cells that nothing obeys."""

from pathlib import Path

import pytest

from tests.support.margin_command import Margin, land, live, place

FILL = (
    '{{"fill_id":"{0}","account_id":"=A1+B1","symbol":"@S","quantity":-1,"price":10,'
    '"event_time":"2020-03-09T15:00:00Z"}}\n'
)
CASH = (
    '{"movement_id":"-2+3","account_id":"A","amount":-5,"kind":"fee",'
    '"event_time":"2020-03-09T15:00:00Z"}\n'
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("text")


@pytest.fixture
def asked(margin: Margin, folder: Path) -> Path:
    if not (folder / "lake").exists():
        land(folder, "fills/1.ndjson", FILL.format("+f"))
        land(folder, "cash_movements/1.ndjson", CASH)
        # Refused, and kept with its escape sequence.
        land(folder, "prices/1.ndjson", '{"symbol":"\\u001b[31mred"}\n')
        live(margin, folder)
    return folder


@pytest.mark.parametrize(
    "statement", ["-- a note\nSELECT 1 AS one", "--\nSELECT 1 AS one", "/* - */ SELECT 1 AS one"]
)
def test_a_statement_may_begin_with_a_comment(margin: Margin, asked: Path, statement: str) -> None:
    said = margin("sql", statement, "--json", *place(asked))

    assert said.code == 0
    assert said.document == [{"one": 1}]


def test_text_in_csv_is_no_formula_and_numbers_stay_numbers(margin: Margin, asked: Path) -> None:
    sql = 'SELECT fill_id, account_id, symbol, quantity AS "=q" FROM fills'

    said = margin("sql", sql, "--format", "csv", *place(asked))

    assert said.out == "'=q".join(["fill_id,account_id,symbol,", "\n"]) + (
        "'+f,'=A1+B1,'@S,-1.000000\n"
    )


def test_no_cell_of_csv_holds_what_a_terminal_obeys(margin: Margin, asked: Path) -> None:
    sql = "SELECT chr(27) || '[31m' || reasons AS r FROM quarantine"

    said = margin("sql", sql, "--format", "csv", *place(asked))

    assert said.code == 0
    assert "\x1b" not in said.out
    assert "\\x1b[31m" in said.out
