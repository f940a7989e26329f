"""The verb that values documents of curves and instruments."""

import io
import json
from pathlib import Path

import pytest

from margin_assets.cli.documents.value_verbs import KINDS
from margin_assets.valuation.examples import INSTRUMENTS
from margin_assets.valuation.schema import schema
from tests.support.margin_command import Margin


@pytest.fixture
def swap(margin: Margin, tmp_path: Path) -> Path:
    file = tmp_path / "swap.json"
    file.write_text(margin("value", "--example", "swap").out)
    return file


def test_an_example_is_answered(margin: Margin, swap: Path) -> None:
    found = margin("value", swap, "--json").document["instruments"][0]
    shown = margin("value", swap).out

    assert found["status"] == "valued"
    assert f"{found['npv']:,.2f}" in shown
    assert "key rate DV01" in shown


def test_bonds_and_results_are_shown(margin: Margin, tmp_path: Path) -> None:
    asked = margin("value", "--example", "fixed_bond").document
    asked |= {"historical": {"results": {"desk": [1.0, -3.0]}, "tails": [0.01]}}
    asked |= {"scenarios": [{"name": "up", "shifts_bp": {"1Y": 10}}]}
    file = tmp_path / "bond.json"
    file.write_text(json.dumps(asked))
    shown = margin("value", file).out

    assert all(word in shown for word in ("clean price", "expected shortfall", "scenario P&L"))


def test_kinds_and_schema(margin: Margin) -> None:
    refused = margin("value", "--example", "stock")

    assert set(KINDS) == set(INSTRUMENTS)
    assert refused.code == 1
    assert "fixed_bond" in refused.err
    assert margin("value", "--schema").out == schema()
    assert all(f"--example {kind}" in margin("value", "--help").out for kind in KINDS)


def test_a_document_is_refused_in_one_line(margin: Margin, swap: Path) -> None:
    swap.write_text(swap.read_text().replace('"USD-SOFR"', '"USD-NONE"'))
    said = margin("value", swap, "--json")

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith("margin: indices.USD-NONE: unknown index")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize("name", ["a.ndjson", "-", "a.json"])
def test_lines(margin: Margin, swap: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    line = json.dumps(json.loads(swap.read_text()))
    lines = f"{line}\nnonsense\n{line}\n".encode()
    monkeypatch.chdir(swap.parent)
    Path(name).write_bytes(lines)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    said = margin("value", name, *(["--ndjson"] if name == "a.json" else []))

    answers = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 0
    assert [next(iter(a)) for a in answers] == ["valuation_date", "error", "valuation_date"]


def test_no_file_is_no_document(margin: Margin) -> None:
    assert margin("value").code == 1
