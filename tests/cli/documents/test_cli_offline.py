"""Verbs without a lake: what-if documents, rulebooks."""

import io
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.support.margin_command import Margin

DOCUMENT = {
    "as_of": "2020-03-23",
    "account": {"account_id": "A[red]1", "account_type": "reg_t", "cash": -40000.0},
    "positions": [{"kind": "equity", "symbol": "IBM", "quantity": 500}],
    "instruments": {"IBM": {"price": 91.25, "asset_class": "equity", "marginable": True}},
}


def test_whatif_document(margin: Margin, tmp_path: Path) -> None:
    file = tmp_path / "portfolio.json"
    file.write_text(json.dumps(DOCUMENT))

    assert margin("whatif", file, "--json").document["equity"] == 5625
    assert "A[red]1 as of 2020-03-23" in margin("whatif", file).out


def test_whatif_refuses_by_name(margin: Margin, tmp_path: Path) -> None:
    file = tmp_path / "portfolio.json"
    file.write_text(json.dumps(DOCUMENT | {"nope": 1}))
    said = margin("whatif", file, "--json")

    assert (said.code, said.out) == (1, "")
    assert "nope" in said.err


@pytest.mark.parametrize("name", ["a.ndjson", "-", "a.json"])
def test_whatif_lines(
    margin: Margin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lines = f"{json.dumps(DOCUMENT)}\nnonsense\n{json.dumps(DOCUMENT)}\n".encode()
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(lines)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines)))
    options = ["--ndjson"] if name == "a.json" else []
    said = margin("whatif", name, *options)

    answers = [json.loads(line) for line in said.out.splitlines()]
    assert said.code == 0
    assert [next(iter(a)) for a in answers] == ["account_id", "error", "account_id"]


def test_rulebooks(margin: Margin) -> None:
    families = {row["family"] for row in margin("rulebook", "list", "--json").document}
    book = margin("rulebook", "show", "finra_4210", "2020-03-16", "--json").document

    of_margin = {
        "finra_4210",
        "reg_t",
        "cash_account",
        "day_trade_funds",
        "tims",
        "house",
        "overlays",
        "intraday",
        "timelines",
        "expiry",
        "index_options",
        "rates",
    }
    of_desk = {"calls", "firm", "lake", "liquidation", "notifications"}
    of_models = {"simm", "schedule_im", "clearing", "avalanche", "avalanche_scenarios", "backtest"}
    assert families == of_margin | of_desk | of_models
    assert book["effective"] == "2013-01-23"
    assert book["numbers"]["long_equity"]["maintenance"] == 0.25


@pytest.mark.parametrize("returned", [{"seconds": 0.5}, None])
def test_a_benchmark_shows_what_it_returns(
    margin: Margin, monkeypatch: pytest.MonkeyPatch, returned: dict[str, float] | None
) -> None:
    """One that prints for itself returns nothing; what follows its name is its own."""
    module, given = ModuleType("benchmarks.revaluation"), list[str]()

    def main() -> dict[str, float] | None:
        given.extend(sys.argv)
        return returned

    vars(module)["main"] = main
    monkeypatch.setitem(sys.modules, "benchmarks.revaluation", module)
    said = margin("bench", "revaluation", "--accounts", "10")

    assert said.code == 0
    assert given == ["revaluation", "--accounts", "10"]
    document, _ = json.JSONDecoder().raw_decode(said.out) if said.out else (None, 0)
    assert document == (returned and {"revaluation": returned})
    assert ("seconds" in said.out.partition("}\n}")[2]) == bool(returned)
