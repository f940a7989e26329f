"""The past through the verbs: from table versions and computed again, with one answer."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from margin_assets.lake.ledger import bases
from margin_assets.lake.ledger.canonical import canonical_bytes
from margin_assets.lake.ledger.ledger import Ledger
from margin_assets.lake.ledger.moment import sealed_moment
from margin_assets.lake.store import declared
from margin_assets.lake.store.store import Lake
from margin_assets.lake.upkeep.upkeep import tidy
from margin_assets.live.past.past import HistoryDiffers, recomputed
from schemas import TABLES
from tests.support.margin_command import Margin, place

TABLES_IN_CYCLE = sorted(t.name for t in TABLES.values() if t.in_cycle)
ACCOUNT = "NVDA-SEED"


def lake_of(folder: Path) -> Lake:
    return Lake(str(folder / "lake"))


def answers(margin: Margin, folder: Path, cycle: int, *words: str) -> dict[str, Any]:
    """What the verbs say at a cycle, whatever order rows come in."""
    found: dict[str, Any] = {}
    for name in ("positions", "fills", "cycles"):
        sql = f"SELECT * FROM {name}"
        said = margin("sql", sql, "--cycle", cycle, "--json", *words, *place(folder))
        assert said.code == 0, said.err
        found[name] = sorted(json.dumps(row, sort_keys=True) for row in said.document)
    as_of = Ledger(lake_of(folder)).sealed(cycle).as_of
    assert as_of is not None
    said = margin("explain", ACCOUNT, "--at", as_of.isoformat(), "--json", *words, *place(folder))
    assert said.code == 0, said.err
    return found | {"explain": said.document}


def keep_base(lake: Lake, cycle: int) -> None:
    sealed = Ledger(lake).sealed(cycle)
    for name in bases.STATE_TABLES:
        bases.keep_table(lake, sealed, name)
    bases.complete(lake, sealed)


def test_both_routes_answer_the_same(margin: Margin, copied: Path) -> None:
    from_versions = answers(margin, copied, 7)
    keep_base(lake_of(copied), 5)
    again = answers(margin, copied, 7, "--recompute")

    assert again == from_versions
    assert {json.loads(row)["cycle"] for row in again["cycles"]} == set(range(1, 8))


def test_every_table_comes_out_the_same(copied: Path, tmp_path: Path) -> None:
    lake = lake_of(copied)
    for base, cycle in [(0, 3), (5, 5), (5, 9)]:
        if base and not bases.kept(lake):
            keep_base(lake, base)
        sealed = Ledger(lake).sealed(cycle)
        with recomputed(lake, sealed, tmp_path / "scratch") as again:
            for name in TABLES_IN_CYCLE:
                table = TABLES[name]
                then = canonical_bytes(sealed_moment(lake, sealed)(name), table)
                assert canonical_bytes(again(name), table) == then, name


def test_the_route_is_told_in_a_line(margin: Margin, copied: Path) -> None:
    sql = "SELECT * FROM margin_summary"
    read = margin("sql", sql, "--cycle", 4, *place(copied))
    again = margin("sql", sql, "--cycle", 4, "--recompute", *place(copied))
    shorter = margin("sql", sql, "--cycle", 5, "--recompute", *place(copied))
    keep_base(lake_of(copied), 6)
    longer = margin("sql", sql, "--cycle", 7, "--recompute", *place(copied))

    assert read.err == "cycle 4: read from table versions\n"
    assert again.err == "cycle 4: computed again from the first cycle (as asked)\n"
    assert shorter.err == "cycle 5: computed again from the state kept at cycle 4 (as asked)\n"
    assert longer.err == "cycle 7: computed again from the state kept at cycle 6 (as asked)\n"
    assert read.out == again.out


def test_a_cycle_past_retention_is_computed_again(
    margin: Margin, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answers(margin, copied, 4)
    lake = lake_of(copied)
    # A checkpoint of the last version, which the next clean-up may go back to.
    for name in bases.STATE_TABLES:
        lake.held(name).open().create_checkpoint()
    monkeypatch.setenv("MARGIN_SCRATCH", str(copied / "scratch"))
    scratch = copied / "scratch"
    table_of = declared.table_of
    with monkeypatch.context() as brief:
        brief.setattr(
            declared, "table_of", lambda name: replace(table_of(name), retention_cycles=1)
        )
        for name in bases.STATE_TABLES:
            tidy(lake, name)

    said = margin("sql", "SELECT * FROM positions", "--cycle", 4, *place(copied))
    assert "versions of positions are gone" in said.err
    assert answers(margin, copied, 4) == before
    # What was appended needs no old version.
    said = margin("sql", "SELECT * FROM fills", "--cycle", 4, *place(copied))
    assert "read from table versions" in said.err
    assert len(list(scratch.iterdir())) == 1


def test_the_next_question_goes_on_from_the_last(told: Path, tmp_path: Path) -> None:
    lake, ledger = lake_of(told), Ledger(lake_of(told))
    computed: list[tuple[int, int]] = []

    def ask(cycle: int) -> int:
        computed.clear()
        with recomputed(lake, ledger.sealed(cycle), tmp_path, lambda *n: computed.append(n)) as m:
            assert m("margin_summary").height
        return len(computed)

    assert [ask(5), ask(5), ask(8), ask(3)] == [5, 0, 3, 3]


def test_what_comes_out_otherwise_is_refused(margin: Margin, copied: Path) -> None:
    archive = sorted((copied / "lake" / "landed").iterdir())[1]
    spoiled = archive.read_bytes().replace(b"2", b"3")
    archive.write_bytes(spoiled)
    said = margin("sql", "SELECT * FROM positions", "--cycle", 5, "--recompute", *place(copied))

    assert said.code == 1
    assert said.out == ""
    assert "comes out other than it was sealed" in said.err.splitlines()[-1]


def test_a_base_that_was_changed_is_not_used(copied: Path, tmp_path: Path) -> None:
    lake = lake_of(copied)
    keep_base(lake, 5)
    path = copied / "lake" / "bases" / f"{5:012d}" / "account_state.parquet"
    path.write_bytes((path.parent / "enforcement_state.parquet").read_bytes())

    with (
        pytest.raises((ValueError, HistoryDiffers)),
        recomputed(lake, Ledger(lake).sealed(7), tmp_path),
    ):
        pass
