"""The orders that cure an account: of a document, and of a lake as it was sealed."""

import json
from pathlib import Path

import pytest

from tests.support.liquidation_books import book, stock
from tests.support.margin_command import Margin, place

NVDA = book([stock("NVDA", 500)], {"NVDA": {"price": 336}}, cash=-130_000)


@pytest.fixture
def document(tmp_path: Path) -> Path:
    file = tmp_path / "portfolio.json"
    file.write_text(json.dumps(NVDA))
    return file


def test_a_document(margin: Margin, document: Path) -> None:
    found = margin("liquidate", "--document", document, "--buffer", "0", "--json").document
    [order] = found["orders"]

    assert (order["side"], order["quantity"], order["symbol"]) == ("sell", 48, "NVDA")
    assert (found["after"]["excess"], found["cost"], found["lower_bound"]) == (32, 10.18, 10.18)
    assert found["rulebook"] == "liquidation/2020-01-01"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["--buffer", "0"], "cost 10.18, the least by linear relaxation", id="cured"),
        pytest.param(["--keep", "NVDA"], "left alone: NVDA: kept", id="kept"),
        pytest.param(
            ["--keep", "NVDA"], "missing after all that can be sold: 4,000.00", id="no cure"
        ),
    ],
)
def test_a_document_for_a_person(
    margin: Margin, document: Path, words: list[str], said: str
) -> None:
    assert said in margin("liquidate", "--document", document, *words).out


def test_an_account_as_it_was_sealed(margin: Margin, told: Path) -> None:
    """At the sixth price the scripted account is 4,000 short; by the end it has been cured."""
    lake = place(told)[:2]
    called = margin("liquidate", "NVDA-SEED", *lake, "--cycle", 6, "--buffer", 0, "--json").document
    cured = margin("liquidate", "NVDA-SEED", *lake, "--json").document
    [order] = called["orders"]

    assert (called["cycle"], called["deficiency"], called["before"]["excess"]) == (6, 4_000, -4_000)
    assert (order["quantity"], order["flags"]) == (48, ["volume_unknown", "volatility_unknown"])
    assert (cured["status"], cured["orders"]) == ("not_deficient", [])


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["A", "--document", "D"], 1, "name an account, or", id="both"),
        pytest.param([], 1, "name an account, or", id="neither"),
        pytest.param(["--document", "D", "--keep", "X"], 1, "--keep X: not held", id="a slip"),
        pytest.param(["--document", "D", "--buffer", "-1"], 2, "--buffer", id="negative buffer"),
        pytest.param(["A", "--policy", "any"], 2, "'any' is not one of", id="no policy"),
        pytest.param(["A", "--lake", "none"], 1, "no lake at none", id="no lake"),
    ],
)
def test_refusals_are_one_line(
    margin: Margin, document: Path, words: list[str], code: int, said: str
) -> None:
    found = margin("liquidate", *(document if word == "D" else word for word in words))

    assert (found.code, found.out) == (code, "")
    assert said in found.err.splitlines()[-1]


def test_an_unknown_account_is_named(margin: Margin, told: Path) -> None:
    found = margin("liquidate", "NOBODY", *place(told)[:2])

    assert (found.code, found.err.count("\n")) == (1, 1)
    assert "unknown account 'NOBODY'" in found.err
