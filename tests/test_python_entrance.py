"""What an analyst has after `import margin_assets`, and the notebook that shows it."""

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import margin_assets
from margin_assets.cli import main
from margin_assets.whatif import DocumentError
from tests.support import ROOT

DOCUMENT = {
    "as_of": "2020-03-09",
    "account": {"account_id": "A1", "account_type": "reg_t", "cash": 1000},
    "positions": [{"kind": "equity", "symbol": "SPY", "quantity": 100}],
    "instruments": {"SPY": {"price": 274.23, "asset_class": "etf", "leverage": 1}},
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("entrance")
    place = ["--lake", str(folder / "lake"), "--landing", str(folder / "landing")]
    assert main(["demo", "--scenario", "seed-ladder", "--json", *place]) == 0
    return str(folder / "lake")


def test_a_document_is_answered_from_a_mapping_as_from_its_text():
    answer = margin_assets.whatif(DOCUMENT)

    assert answer == margin_assets.whatif(json.dumps(DOCUMENT))
    # A quarter of 27,423.00: 4210(c)(1).
    assert answer["reg_t"]["maintenance_requirement"] == 6855.75
    with pytest.raises(DocumentError, match="as_of"):
        margin_assets.whatif(DOCUMENT | {"as_of": "someday"})


def test_a_date_is_taken_as_its_text():
    exact = DOCUMENT | {"as_of": datetime(2020, 3, 9, tzinfo=UTC).date()}

    assert margin_assets.whatif(exact) == margin_assets.whatif(DOCUMENT)


def test_importing_loads_nothing_else():
    program = "import sys, margin_assets; print(sorted({'numba', 'polars'} & set(sys.modules)))"
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert said.stdout == "[]\n"


def test_tables_are_those_of_one_cycle(lake: str):
    last = margin_assets.open_lake(lake)
    first = last.at(cycle=1)

    assert last.table("cycles")["cycle"].max() == last.cycle
    assert first.table("prices").height < last.table("prices").height
    for name in ("positions", "prices"):
        counted = first.sql(f"SELECT count(*) AS n FROM {name}").item()
        assert first.table(name).height == counted
    assert first.as_of is not None
    assert last.at(as_of=first.as_of).cycle == 1
    assert last.table("daily_positions").height == 0
    assert set(last.tables) >= {"fills", "daily_positions"}


def test_what_is_not_there_is_said(lake: str, tmp_path: Path):
    reader = margin_assets.open_lake(lake)
    for ask, message in (
        (lambda: reader.table("position"), "did you mean positions"),
        (lambda: reader.at(cycle=999), "cycle 999 is not sealed"),
        (lambda: reader.at(as_of=datetime(2001, 1, 1, tzinfo=UTC)), "no cycle was sealed"),
        (lambda: margin_assets.open_lake(str(tmp_path)), "no lake at"),
    ):
        with pytest.raises(LookupError, match=message):
            ask()
    with pytest.raises(ValueError, match="not both"):
        reader.at(cycle=1, as_of=datetime(2020, 1, 1, tzinfo=UTC))


def test_the_notebook_runs(lake: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MARGIN_LAKE", lake)
    notebook = json.loads((ROOT / "docs" / "first-look.ipynb").read_text())
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            exec("".join(cell["source"]), names)

    assert isinstance(names["worst"], pl.DataFrame)
    assert isinstance(names["decided"], pl.DataFrame)
    assert names["decided"].height
